//! From the INVITE to our final answer: ringing, a spoken refusal, 200.

use super::invitation::Invitation;
use super::reliable::{Due, Provisional};
use super::{Call, body, final_answer};
use crate::telephony::calls::HangUp;
use crate::telephony::sip::dispatch::{Boxed, BoxedState, Phase};
use crate::telephony::sip::response::Answer;
use engine::EndReason;
use rsipstack::dialog::dialog::{DialogState, TerminatedReason};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, Request, StatusCode};
use std::time::Duration;
use tokio::time::Instant;

/// A refusal is spoken no longer than that.
const REFUSAL: Duration = Duration::from_secs(20);

/// The call is over before it was answered.
pub(super) struct Gone;

/// What is waited for before the final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// Our provisional answer is acknowledged, if it has to be.
    Acknowledged,
    /// What was to be said is said.
    Said { until: Instant },
}

impl Call {
    /// 180 and 200.
    pub(super) async fn answer(&mut self, invitation: &Invitation) -> Result<(), Gone> {
        let offering = self.session.agreed().is_none();
        // RFC 3261 section 13.2.1: our offer is in the first answer that is sure to arrive.
        let early = (offering && invitation.reliable).then(|| self.session.description());
        self.ring(invitation, early, Goal::Acknowledged).await?;
        if offering && invitation.reliable && self.session.agreed().is_none() {
            self.reject(StatusCode::NotAcceptableHere, "no usable answer to our offer");
            return Err(Gone);
        }
        if self.open().is_err() {
            self.reject(StatusCode::ServiceUnavailable, "too busy");
            return Err(Gone);
        }
        // What was described reliably is not described again (RFC 3262 section 5).
        let described = (!(offering && invitation.reliable)).then(|| self.session.description());
        if !offering {
            self.session.answered();
        }
        let mut answer = Answer::session(described);
        answer.headers.extend(invitation.timer.into_iter().flat_map(super::Agreed::headers));
        self.start_timer(invitation.timer);
        self.line.phase.send_replace(Phase::WaitingForAck);
        self.dialog.accept(Some(answer.headers), answer.body).map_err(|error| {
            tracing::debug!(%error, "a call cannot be answered");
            Gone
        })
    }

    /// Says why nobody may come in, before the call is taken, and then does not take it.
    pub(super) async fn decline(&mut self, invitation: &Invitation, reason: EndReason) -> Result<(), Gone> {
        let (status, why) = final_answer(reason);
        if self.open().is_ok() {
            let description = Some(self.session.description());
            self.session.answered();
            let until = Instant::now() + REFUSAL;
            self.ring(invitation, description, Goal::Said { until }).await?;
        }
        tracing::info!(member = %self.member, reason = why, "call refused");
        let _ = self.dialog.reject(Some(status), Some(why));
        Ok(())
    }

    /// Sends a provisional answer, and waits.
    async fn ring(&mut self, invitation: &Invitation, body: Option<Vec<u8>>, goal: Goal) -> Result<(), Gone> {
        let mut provisional = if invitation.reliable {
            let rseq = rand::random_range(1..1_u32 << 30);
            Provisional::reliable(Instant::now(), rseq, invitation.cseq, body)
        } else {
            Provisional::unreliable(body)
        };
        self.send(&provisional)?;
        loop {
            let (said_at, settled) = match goal {
                Goal::Acknowledged => (None, provisional.is_settled()),
                Goal::Said { until } => (Some(until), false),
            };
            if settled {
                return Ok(());
            }
            tokio::select! {
                state = self.line.states.recv() => self.still_there(state)?,
                Some(asked) = self.line.asked.recv() => self.asked_early(asked, &mut provisional),
                Some(reason) = self.hang_up.recv() => match (reason, goal) {
                    (HangUp::Engine(_), Goal::Said { .. }) => return Ok(()),
                    (reason, _) => {
                        self.reject(StatusCode::ServiceUnavailable, reason.text());
                        return Err(Gone);
                    }
                },
                () = at(said_at) => return Ok(()),
                () = at(provisional.next()) => match provisional.due(Instant::now()) {
                    Due::Nothing => {}
                    Due::Again => self.send(&provisional)?,
                    Due::GiveUp => {
                        self.reject(StatusCode::ServerTimeOut, "no PRACK");
                        return Err(Gone);
                    }
                },
            }
        }
    }

    fn send(&self, provisional: &Provisional) -> Result<(), Gone> {
        self.dialog.ringing(Some(provisional.headers()), provisional.body()).map_err(|error| {
            tracing::debug!(%error, "a call is gone before it was answered");
            Gone
        })
    }

    fn reject(&self, status: StatusCode, why: &str) {
        tracing::info!(member = %self.member, %status, why, "call refused");
        let reason = format!("SIP;cause={};text=\"{why}\"", status.code());
        let _ = self.dialog.reject(Some(status), Some(reason));
    }

    /// A CANCEL the stack answers by itself; a BYE leaves the INVITE to us.
    fn still_there(&self, state: Option<BoxedState>) -> Result<(), Gone> {
        match state.as_deref() {
            Some(DialogState::Terminated(_, reason)) => {
                if matches!(reason, TerminatedReason::UacBye) {
                    self.terminate();
                }
                Err(Gone)
            }
            None => Err(Gone),
            Some(_) => Ok(()),
        }
    }

    fn asked_early(&mut self, asked: Boxed, provisional: &mut Provisional) {
        let answer = match asked.request.method {
            Method::PRack => {
                self.seen(&asked.request);
                self.acknowledged_early(&asked.request, provisional)
            }
            _ => self.asked(&asked.request),
        };
        // Nobody waits any more where it fails.
        let _ = asked.answer.send(answer);
    }

    /// A PRACK (RFC 3262 section 3), with the answer to our offer or a new offer in it, if any (section 5).
    fn acknowledged_early(&mut self, prack: &Request, provisional: &mut Provisional) -> Answer {
        if prack.rack_value().is_none() {
            return Answer::new(StatusCode::BadRequest);
        }
        if !provisional.acknowledge(prack) {
            return Answer::new(StatusCode::CallTransactionDoesNotExist);
        }
        match body::description(prack) {
            Ok(None) => Answer::new(StatusCode::OK),
            Ok(Some(answer)) if self.session.agreed().is_none() => {
                if let Err(error) = self.session.take_answer(answer) {
                    tracing::info!(member = %self.member, %error, "an answer that cannot be taken");
                }
                Answer::new(StatusCode::OK)
            }
            Ok(Some(offer)) => match self.take_offer(offer) {
                Ok(answer) => Answer::session(Some(answer)),
                Err(refused) => refused,
            },
            Err(error) => Answer::from(&error),
        }
    }
}

/// Never, without a time.
pub(super) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
