//! From our 200 to the BYE.

use super::Call;
use super::answer::at;
use super::refresh::Goes;
use super::timer::Due;
use crate::telephony::calls::HangUp;
use crate::telephony::sip::dispatch::Phase;
use rsipstack::dialog::dialog::DialogState;
use std::time::Duration;
use tokio::time::Instant;

/// A call whose telephone is out of reach is over after 64*T1, as if the BYE had not been answered (RFC 3261 section 17.1.2.2):
/// where a connection would have to be made first, the system would try for minutes.
const BYE_WITHIN: Duration = Duration::from_secs(32);

/// Where a call is; it is over when [`Call::follow`] returns.
enum Stage {
    /// 200 is sent. A BYE of ours has to wait for the ACK (RFC 3261 section 15). Without one the stack ends the call after
    /// 64*T1 (section 13.3.1.4).
    WaitingForAck {
        hang_up: Option<HangUp>,
    },
    Up,
}

impl Call {
    /// Follows the dialog to its end.
    pub(super) async fn follow(&mut self) {
        let mut stage = Stage::WaitingForAck { hang_up: None };
        loop {
            tokio::select! {
                state = self.line.states.recv() => match state.map(|state| *state) {
                    None | Some(DialogState::Terminated(..)) => return,
                    Some(DialogState::Confirmed(..)) => {
                        if let Stage::WaitingForAck { hang_up: Some(reason) } = stage {
                            return self.bye(reason.text()).await;
                        }
                        stage = Stage::Up;
                        if let Err(error) = self.acknowledged() {
                            return self.bye(&format!("no usable answer: {error}")).await;
                        }
                        self.line.phase.send_replace(Phase::Up);
                    }
                    Some(DialogState::Updated(_, request, handle)) => {
                        let answer = self.reinvited(&request);
                        let _ = handle.respond(answer.status, Some(answer.headers), answer.body).await;
                    }
                    // Nothing that is not answered before it comes here.
                    Some(_) => {}
                },
                Some(asked) = self.line.asked.recv() => {
                    let answer = self.asked(&asked.request);
                    // Nobody waits any more where it fails.
                    let _ = asked.answer.send(answer);
                }
                Some(reason) = self.hang_up.recv() => match &mut stage {
                    Stage::WaitingForAck { hang_up } => *hang_up = Some(reason),
                    Stage::Up => return self.bye(reason.text()).await,
                },
                response = self.refresh.response() => {
                    if self.refreshed(response) == Goes::Over {
                        return self.bye("the session could not be refreshed").await;
                    }
                }
                () = at(self.keep_open_at) => self.keep_open().await,
                () = at(self.timer.next()) => match self.timer.due(Instant::now()) {
                    Due::Nothing => {}
                    Due::Refresh(agreed) => self.begin_refresh(agreed),
                    Due::End => return self.bye("the session was not refreshed").await,
                },
            }
        }
    }

    async fn bye(&self, reason: &str) {
        tracing::info!(member = %self.member, reason, "hanging up");
        self.find_way();
        // RFC 3326: why, for the phone's own log.
        let bye = self.dialog.bye_with_reason(format!("SIP;cause=200;text=\"{reason}\""));
        // It holds a whole transaction, for which the call's own memory would be kept from the beginning.
        match tokio::time::timeout(BYE_WITHIN, Box::pin(bye)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(member = %self.member, %error, "a BYE was not answered"),
            Err(_) => tracing::debug!(member = %self.member, "a BYE reached nobody"),
        }
    }
}
