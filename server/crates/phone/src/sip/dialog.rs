//! One call's signalling, from the INVITE to the end: a state machine without sockets and clock.
//!
//! In go datagrams, time and wishes (`handle_*`, `hang_up`, …); out come datagrams, events and the next deadline
//! (`poll_*`, `deadline`).

use super::incoming::Incoming;
use super::message::{self, Identity, Message};
use super::transaction::{ClientTransaction, Due, GIVE_UP};
use rand::RngExt as _;
use rand::rngs::StdRng;
use rsip::{Method, Response};
use std::collections::VecDeque;
use std::time::Instant;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// We sent BYE.
    HungUpHere,
    /// The other side sent BYE.
    HungUpThere,
    /// We sent CANCEL before the answer.
    Cancelled,
    /// The other side refused the INVITE: the final response's code, 300-699, and its reason phrase.
    Refused { code: u16, reason: String },
    /// The INVITE was never answered, not even provisionally.
    NoReply,
    /// The server's machine said that nobody listens there.
    Unreachable,
    /// The other side stopped answering within the call.
    Lost,
}

/// What the dialog tells its owner.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A provisional response other than 100; `body` is early media's description, or empty.
    Progress {
        code: u16,
        body: Vec<u8>,
    },
    Answered {
        body: Vec<u8>,
    },
    ReinviteAnswered {
        body: Vec<u8>,
    },
    ReinviteRefused {
        code: u16,
        reason: String,
    },
    /// The other side wants other media: answer at once by `answer_offer`. An empty body asks for an offer of ours.
    RemoteOffer {
        body: Vec<u8>,
    },
    /// The answer to the offer that we made in answer to an empty one.
    RemoteAnswer {
        body: Vec<u8>,
    },
    Ended(End),
}

#[derive(Debug)]
pub(super) enum State {
    Inviting {
        invite: ClientTransaction,
        cancel: Cancel,
    },
    Confirmed {
        reinvite: Option<ClientTransaction>,
    },
    /// Our BYE waits for its answer.
    Leaving {
        bye: ClientTransaction,
        end: End,
    },
    /// Stays until the other side cannot send anything again that it has sent before (Timers D and J).
    Ended {
        until: Instant,
    },
}

/// A CANCEL may go out only after a provisional response (RFC 3261 section 9.1).
#[derive(Debug)]
pub(super) enum Cancel {
    No,
    Wanted,
    Sent(ClientTransaction),
    /// The CANCEL is answered; the INVITE's 487 should follow.
    Accepted {
        gives_up: Instant,
    },
}

pub(crate) struct Dialog {
    pub(super) identity: Identity,
    /// The other side's tag; known from its first response that carries one.
    pub(super) remote_tag: Option<String>,
    pub(super) state: State,
    pub(super) incoming: Incoming,
    /// CSeq and packet of the last ACK: sent again whenever its response is (RFC 3261 section 13.2.2.4).
    pub(super) last_ack: Option<(u32, Vec<u8>)>,
    cseq: u32,
    rng: StdRng,
    transmits: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

impl Dialog {
    /// Sends an INVITE with the offer `sdp`.
    pub(crate) fn invite(identity: Identity, sdp: &str, rng: StdRng, now: Instant) -> Dialog {
        let mut dialog = Dialog {
            identity,
            remote_tag: None,
            state: State::Ended { until: now },
            incoming: Incoming::default(),
            last_ack: None,
            cseq: 0,
            rng,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        };
        let invite = dialog.request(Method::Invite, Some(sdp), now);
        dialog.state = State::Inviting { invite, cancel: Cancel::No };
        dialog
    }

    /// Hangs up: by CANCEL before the answer, by BYE after it.
    pub(crate) fn hang_up(&mut self, now: Instant) {
        match &mut self.state {
            State::Inviting { invite, cancel: cancel @ Cancel::No } => {
                let proceeding = invite.is_proceeding();
                *cancel = Cancel::Wanted;
                if proceeding {
                    self.send_cancel(now);
                }
            }
            State::Confirmed { .. } => self.leave(End::HungUpHere, now),
            State::Inviting { .. } | State::Leaving { .. } | State::Ended { .. } => {}
        }
    }

    pub(crate) fn handle_datagram(&mut self, datagram: &[u8], now: Instant) {
        match Message::parse(datagram) {
            Some(Message::Response(response, reason)) => self.response(&response, reason, now),
            Some(Message::Request(request)) => self.handle_request(request, now),
            None => tracing::debug!(bytes = datagram.len(), "not a SIP message that can be read"),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        match &mut self.state {
            State::Inviting { invite, cancel } => {
                let invite_due = invite.poll(now);
                let cancel_due = match cancel {
                    Cancel::Sent(transaction) => transaction.poll(now),
                    Cancel::Accepted { gives_up } if now >= *gives_up => Due::TimedOut,
                    _ => Due::Nothing,
                };
                self.act(invite_due, End::NoReply, now);
                self.act(cancel_due, End::Cancelled, now);
            }
            State::Confirmed { reinvite: Some(reinvite) } => match reinvite.poll(now) {
                Due::TimedOut => {
                    self.events.push_back(Event::ReinviteRefused { code: 408, reason: "no reply".into() });
                    self.leave(End::Lost, now);
                }
                due => self.act(due, End::Lost, now),
            },
            State::Leaving { bye, end } => {
                let (due, end) = (bye.poll(now), end.clone());
                self.act(due, end, now);
            }
            State::Confirmed { reinvite: None } | State::Ended { .. } => {}
        }
        self.handle_incoming_timeout(now);
    }

    fn act(&mut self, due: Due, end: End, now: Instant) {
        match due {
            Due::Nothing => {}
            Due::Send(packet) => self.transmit(packet),
            Due::TimedOut => self.end(end, now),
        }
    }

    /// When `handle_timeout` wants to be called; None: nothing is waited for.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let own = match &self.state {
            State::Inviting { invite, cancel } => {
                let cancel = match cancel {
                    Cancel::Sent(transaction) => transaction.deadline(),
                    Cancel::Accepted { gives_up } => Some(*gives_up),
                    Cancel::No | Cancel::Wanted => None,
                };
                [invite.deadline(), cancel].into_iter().flatten().min()
            }
            State::Confirmed { reinvite } => reinvite.as_ref().and_then(ClientTransaction::deadline),
            State::Leaving { bye, .. } => bye.deadline(),
            State::Ended { until } => Some(*until),
        };
        [own, self.incoming.deadline()].into_iter().flatten().min()
    }

    /// Nothing more is to be sent, whatever comes.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        matches!(self.state, State::Ended { until } if now >= until)
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmits.pop_front()
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    #[cfg(test)]
    pub(super) fn has_news(&self) -> bool {
        !(self.transmits.is_empty() && self.events.is_empty())
    }

    fn response(&mut self, response: &Response, reason: String, now: Instant) {
        let Some((number, method)) = message::cseq(response) else { return };
        if message::call_id(response).as_ref() != Some(&self.identity.call_id) {
            return;
        }
        let code = u16::from(response.status_code.clone());
        if let Some((acknowledged, ack)) = &self.last_ack
            && (method, *acknowledged) == (Method::Invite, number)
            && code >= 200
        {
            let ack = ack.clone();
            self.transmit(ack);
            return;
        }
        let branch = message::branch(response);
        let is_of = |transaction: &ClientTransaction| branch.as_ref() == Some(&transaction.branch);
        match &mut self.state {
            State::Inviting { invite, .. } if method == Method::Invite && is_of(invite) => {
                self.invite_response(response, code, reason, now);
            }
            State::Inviting { cancel: cancel @ Cancel::Sent(_), .. }
                if method == Method::Cancel && code >= 200 =>
            {
                *cancel = Cancel::Accepted { gives_up: now + GIVE_UP };
            }
            State::Confirmed { reinvite: Some(reinvite) } if method == Method::Invite && is_of(reinvite) => {
                self.reinvite_response(response, code, reason, now);
            }
            State::Leaving { bye, end } if method == Method::Bye && is_of(bye) => {
                if code < 200 {
                    bye.provisional();
                } else {
                    let end = end.clone();
                    self.end(end, now);
                }
            }
            _ => {}
        }
    }

    /// Sends BYE; the call will have ended by `end`.
    pub(super) fn leave(&mut self, end: End, now: Instant) {
        let bye = self.request(Method::Bye, None, now);
        self.state = State::Leaving { bye, end };
    }

    /// The kernel reports that nobody listens there (RFC 3261 section 18.4).
    pub(crate) fn handle_unreachable(&mut self, now: Instant) {
        match &self.state {
            State::Inviting { invite, .. } if !invite.is_proceeding() => self.end(End::Unreachable, now),
            State::Leaving { end, .. } => self.end(end.clone(), now),
            // A server that restarts answers the next retransmission.
            State::Inviting { .. } | State::Confirmed { .. } | State::Ended { .. } => {}
        }
    }

    pub(super) fn end(&mut self, end: End, now: Instant) {
        if matches!(self.state, State::Ended { .. }) {
            return;
        }
        self.incoming.forget();
        // Only a side that waits for something of ours sends again.
        let until = if matches!(end, End::Refused { .. } | End::HungUpThere) { now + GIVE_UP } else { now };
        self.state = State::Ended { until };
        self.event(Event::Ended(end));
    }

    /// Sends a new request and begins its transaction.
    pub(super) fn request(&mut self, method: Method, sdp: Option<&str>, now: Instant) -> ClientTransaction {
        self.cseq += 1;
        let branch = self.new_branch();
        let request = self.identity.request(method, self.cseq, &branch, sdp);
        self.transmit(Vec::from(request.clone()));
        ClientTransaction::new(request, branch, now)
    }

    /// The magic cookie makes it a branch of RFC 3261 (section 8.1.1.7).
    pub(super) fn new_branch(&mut self) -> String {
        format!("z9hG4bK{:016x}", self.rng.random::<u64>())
    }

    pub(super) fn transmit(&mut self, packet: Vec<u8>) {
        self.transmits.push_back(packet);
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }
}

#[cfg(test)]
#[path = "dialog_tests.rs"]
mod tests;
