//! One call, from its INVITE to its BYE.

mod answer;
mod body;
mod change;
mod dialled;
mod diverted;
mod flow;
mod follow;
mod info;
mod invitation;
mod leg;
mod refresh;
mod reliable;
mod session;
mod timer;
mod translated;

pub(super) use dialled::number;

use super::dispatch::{Line, Signalling};
use super::door::CallGuard;
use super::identity;
use super::response::Answer;
use crate::telephony::Switchboard;
use crate::telephony::admission::{self, Admitted, Refused};
use crate::telephony::calls::HangUp;
use crate::telephony::sdp::Offer;
use engine::EndReason;
use invitation::Invitation;
use leg::{Leg, Opened};
use model::{MemberId, RoomId, limits};
use refresh::Refresh;
use rsipstack::dialog::dialog::DialogStateReceiver;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request, StatusCode, Uri};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::transaction::{Transaction, TransactionEvent, TransactionEventSender};
use rsipstack::transport::SipConnection;
use session::Session;
use std::sync::Arc;
use timer::{Agreed, Timer};
use tokio::sync::mpsc;
use tokio::time::Instant;
use translated::Translated;

/// Answers an INVITE, or refuses it, and stays with the call to its end.
pub(super) async fn take(signalling: Arc<Signalling>, mut transaction: Transaction) {
    // The caller's retransmissions stop, however long the admission takes (RFC 3261 section 17.2.1).
    if transaction.send_trying().await.is_err() {
        return;
    }
    match invited(&signalling.board, &transaction).await {
        Ok(invited) => accept(&signalling, transaction, invited).await,
        Err(answer) => {
            match answer.status {
                // Strangers are many, and may not fill the log.
                StatusCode::Unauthorized | StatusCode::Forbidden => {
                    tracing::debug!("a stranger's call is refused")
                }
                _ => tracing::info!(status = %answer.status, "call refused"),
            }
            refuse(transaction, answer).await;
        }
    }
}

/// Refuses an INVITE, and stays until the answer is acknowledged.
pub(super) async fn refuse(mut transaction: Transaction, answer: Answer) {
    if answer.send(&mut transaction).await.is_ok() {
        // The transaction sends its answer again until the ACK is here.
        while transaction.receive().await.is_some() {}
    }
}

/// A call that is not refused at once.
struct Invited {
    invitation: Invitation,
    admitted: Admitted,
    offer: Option<Offer>,
}

/// # Errors
/// What the INVITE is to be refused with.
async fn invited(board: &Switchboard, transaction: &Transaction) -> Result<Invited, Answer> {
    let invitation = Invitation::read(&transaction.original)?;
    let ask = identity::ask(transaction).ok_or(Answer::new(StatusCode::BadRequest))?;
    let admitted = admission::admit(board, &ask).await.map_err(|refused| {
        if let Refused::Store(error) = &refused {
            tracing::error!(%error, "a call cannot be admitted");
        }
        Answer::from(&refused)
    })?;
    let offer = invitation.offer(board.srtp).map_err(|error| {
        tracing::info!(%error, "an offer that cannot be taken");
        Answer::from(&error)
    })?;
    if let Some(reason) = admitted.refusal {
        // Without their offer there is nowhere to speak to; and not too many are spoken to at once.
        let most = board.media.legs_per_room() + limits::REFUSALS_PER_ROOM;
        let crowded = board.media.legs(admitted.room.id) >= most;
        if offer.is_none() || crowded {
            let (status, reason) = final_answer(reason);
            return Err(Answer::new(status).with(Header::Reason(reason.into())));
        }
    }
    Ok(Invited { invitation, admitted, offer })
}

/// What a call is refused with in the end, and why, for the phone's log (RFC 3326).
fn final_answer(reason: EndReason) -> (StatusCode, String) {
    let status = match reason {
        EndReason::Full => StatusCode::BusyHere,
        _ => StatusCode::TemporarilyUnavailable,
    };
    let text = format!("SIP;cause={};text=\"{}\"", status.code(), HangUp::Engine(reason).text());
    (status, text)
}

async fn accept(signalling: &Signalling, mut transaction: Transaction, invited: Invited) {
    let (board, dialogs) = (&signalling.board, &signalling.dialogs);
    let opened = match Opened::new(board, &transaction) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(%error, "no media port for a call");
            return refuse(transaction, Answer::from(&Refused::ServerFull)).await;
        }
    };
    if invited.offer.as_ref().is_some_and(Offer::is_encrypted) && !leg::came_by_tls(&transaction) {
        tracing::warn!(member = %opened.member, "an encrypted call's key came in the clear: only TLS hides it");
    }
    let contact = opened.contact.clone();
    let (states_in, states) = dialogs.new_dialog_state_channel();
    let made = dialogs.get_or_create_server_invite(&transaction, states_in, None, Some(contact.clone()));
    let dialog = match made {
        Ok(dialog) => dialog,
        Err(error) => {
            tracing::debug!(%error, "an INVITE that makes no dialog");
            return refuse(transaction, Answer::new(StatusCode::BadRequest)).await;
        }
    };
    let id = dialog.id();
    let line = signalling.ongoing.add(id.clone(), invited.invitation.cseq);
    let invite = Invite::new(&mut transaction, &id.local_tag);
    spawn_handler(dialog.clone(), transaction);
    let Invited { invitation, admitted, offer } = invited;
    let session = opened.session(offer, invitation.cseq, board.srtp);
    let mut call = Call {
        board: Arc::clone(board),
        member: opened.member,
        room: admitted.room.id,
        hang_up: board.calls.add(opened.member),
        leg: Leg::new(board, opened.ports, &admitted),
        dialog,
        invite,
        contact,
        states,
        line,
        session,
        timer: Timer::Off,
        refresh: Refresh::Idle,
        serves_update: invitation.serves_update,
        translated: None,
        keep_open_at: None,
        _counted: opened.counted,
    };
    let invite = call.invite.original.clone();
    call.seen(&invite);
    let number = &admitted.room.number;
    tracing::info!(member = %call.member, %number, diversions = %invitation.diversions, "call");
    call.run(&invitation, admitted.refusal).await;
    dialogs.remove_dialog(&id);
    signalling.ongoing.remove(&id);
}

/// The INVITE's own transaction lives on: it waits for the ACK, or for a CANCEL.
fn spawn_handler(mut dialog: InviteDialog, mut transaction: Transaction) {
    tokio::spawn(async move {
        if let Err(error) = dialog.handle(&mut transaction).await {
            tracing::debug!(%error, "an INVITE ended early");
        }
        // A refusal is sent again until the ACK is here.
        while transaction.receive().await.is_some() {}
    });
}

/// The way to the INVITE's transaction, for answers that the stack does not give.
struct Invite {
    original: Request,
    answers: TransactionEventSender,
    endpoint: EndpointInnerRef,
    /// That it came by.
    connection: Option<SipConnection>,
}

impl Invite {
    /// Every answer to the INVITE has the dialog's tag, those of the stack's transaction as well (RFC 3261 section 8.2.6.2).
    fn new(transaction: &mut Transaction, tag: &str) -> Invite {
        let to = transaction.original.to_header().map(|to| to.clone().with_tag(tag.into()));
        if let Ok(to) = to {
            transaction.original.headers.unique_push(to.into());
        }
        Invite {
            original: transaction.original.clone(),
            answers: transaction.tu_sender.clone(),
            endpoint: transaction.endpoint_inner.clone(),
            connection: transaction.connection.clone(),
        }
    }

    /// RFC 3261 section 15.1.2: their BYE came before our answer.
    fn terminate(&self) {
        let response = self.endpoint.make_response(&self.original, StatusCode::RequestTerminated, None);
        // An error means that it is answered already.
        let _ = self.answers.send(TransactionEvent::Respond(response));
    }
}

/// A call, and all that can happen to it.
struct Call {
    board: Arc<Switchboard>,
    member: MemberId,
    room: RoomId,
    leg: Leg,
    dialog: InviteDialog,
    invite: Invite,
    /// Ours.
    contact: Uri,
    states: DialogStateReceiver,
    line: Line,
    hang_up: mpsc::Receiver<HangUp>,
    session: Session,
    timer: Timer,
    refresh: Refresh,
    serves_update: bool,
    /// As their last request said.
    translated: Option<Translated>,
    keep_open_at: Option<Instant>,
    /// For as long as it lasts.
    _counted: CallGuard,
}

impl Call {
    async fn run(mut self, invitation: &Invitation, refusal: Option<EndReason>) {
        let gone = match refusal {
            Some(reason) => self.decline(invitation, reason).await,
            None => self.answer(invitation).await,
        };
        if gone.is_ok() && refusal.is_none() {
            self.follow().await;
        }
        if self.leg.is_open() {
            self.board.media.close(self.room, self.member).await;
        }
        self.board.calls.remove(self.member);
        tracing::info!(member = %self.member, "call over");
    }

    /// What was agreed about the session's end is in force from now on.
    fn start_timer(&mut self, agreed: Option<Agreed>) {
        self.timer = Timer::start(agreed, Instant::now());
    }
}

/// Reads an INVITE as a call reads it.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzz(request: &Request) {
    use crate::telephony::SrtpPolicy;
    if let Ok(invitation) = Invitation::read(request) {
        let _ = invitation.diversions.to_string();
        if let Ok(Some(offer)) = invitation.offer(SrtpPolicy::Allowed) {
            let local = ([127, 0, 0, 1], 20_000).into();
            let _ = Session::offered(local, 1, offer, SrtpPolicy::Allowed).description();
        }
    }
    let _ = info::Info::read(request);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_room_is_busy_and_a_locked_one_is_not_there() {
        let said = |status, text: &str| (status, format!("SIP;cause={text}"));
        assert_eq!(
            final_answer(EndReason::Full),
            said(StatusCode::BusyHere, "486;text=\"the room is full\"")
        );
        assert_eq!(
            final_answer(EndReason::Locked),
            said(StatusCode::TemporarilyUnavailable, "480;text=\"the room is locked\"")
        );
    }
}
