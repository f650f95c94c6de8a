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
use rsipstack::dialog::DialogId;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, StatusCode, Uri};
use rsipstack::transaction::transaction::Transaction;
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
        Ok(invited) => match accept(signalling, &mut transaction, invited) {
            // A task of its own: this one is as large as all that an INVITE may lead to.
            Ok(accepted) => accepted.begin(transaction),
            Err(answer) => refuse(transaction, answer).await,
        },
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

/// A call that is to be answered, or refused aloud.
struct Accepted {
    call: Box<Call>,
    invitation: Invitation,
    refusal: Option<EndReason>,
}

/// # Errors
/// What the INVITE is to be refused with.
fn accept(
    signalling: Arc<Signalling>,
    transaction: &mut Transaction,
    invited: Invited,
) -> Result<Accepted, Answer> {
    let board = Arc::clone(&signalling.board);
    let opened = Opened::new(&board, transaction).map_err(|error| {
        tracing::error!(%error, "no media port for a call");
        Answer::from(&Refused::ServerFull)
    })?;
    if invited.offer.as_ref().is_some_and(Offer::is_encrypted) && !leg::came_by_tls(transaction) {
        tracing::warn!(member = %opened.member, "an encrypted call's key came in the clear: only TLS hides it");
    }
    let contact = opened.contact.clone();
    let made = signalling.answers.lead(transaction, |transaction| {
        let states = signalling.states.clone();
        let made =
            signalling.dialogs.get_or_create_server_invite(transaction, states, None, Some(contact.clone()));
        made.inspect_err(|error| tracing::debug!(%error, "an INVITE that makes no dialog")).ok()
    });
    let dialog = made.ok_or(Answer::new(StatusCode::BadRequest))?;
    let id = dialog.id();
    tag(transaction, &id.local_tag);
    let Invited { invitation, admitted, offer } = invited;
    let mut call = Box::new(Call {
        member: opened.member,
        room: admitted.room.id,
        hang_up: board.calls.add(opened.member),
        session: opened.session(offer, invitation.cseq, board.srtp),
        leg: Leg::new(&board, opened.ports, &admitted),
        line: signalling.ongoing.add(id.clone(), invitation.cseq),
        id,
        dialog,
        connection: transaction.connection.clone(),
        contact,
        timer: Timer::Off,
        refresh: Refresh::Idle,
        serves_update: invitation.serves_update,
        translated: None,
        keep_open_at: None,
        _counted: opened.counted,
        board,
        signalling,
    });
    call.seen(&transaction.original);
    let number = &admitted.room.number;
    tracing::info!(member = %call.member, %number, diversions = %invitation.diversions, "call");
    Ok(Accepted { call, invitation, refusal: admitted.refusal })
}

impl Accepted {
    fn begin(self, transaction: Transaction) {
        let Accepted { call, invitation, refusal } = self;
        spawn_handler(call.dialog.clone(), transaction);
        tokio::spawn(call.run(invitation, refusal));
    }
}

/// Every answer to the INVITE has the dialog's tag, those of the stack's transaction as well (RFC 3261 section 8.2.6.2).
fn tag(transaction: &mut Transaction, tag: &str) {
    let to = transaction.original.to_header().map(|to| to.clone().with_tag(tag.into()));
    if let Ok(to) = to {
        transaction.original.headers.unique_push(to.into());
    }
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

/// A call, and all that can happen to it.
struct Call {
    board: Arc<Switchboard>,
    signalling: Arc<Signalling>,
    member: MemberId,
    room: RoomId,
    leg: Leg,
    id: DialogId,
    dialog: InviteDialog,
    /// That the INVITE came by.
    connection: Option<SipConnection>,
    /// Ours.
    contact: Uri,
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
    async fn run(mut self: Box<Self>, invitation: Invitation, refusal: Option<EndReason>) {
        let gone = match refusal {
            Some(reason) => self.decline(&invitation, reason).await,
            None => self.answer(&invitation).await,
        };
        drop(invitation);
        if gone.is_ok() && refusal.is_none() {
            self.follow().await;
        }
        if self.leg.is_open() {
            self.board.media.close(self.room, self.member).await;
        }
        self.board.dictations.over(self.member);
        self.board.calls.remove(self.member);
        tracing::info!(member = %self.member, "call over");
        self.signalling.dialogs.remove_dialog(&self.id);
        self.signalling.ongoing.remove(&self.id);
    }

    /// RFC 3261 section 15.1.2: their BYE came before our answer.
    fn terminate(&self) {
        let mut invite = self.dialog.initial_request();
        if let Ok(to) = invite.to_header().map(|to| to.clone().with_tag(self.id.local_tag.as_str().into())) {
            invite.headers.unique_push(to.into());
        }
        let endpoint = &self.signalling.dialogs.endpoint;
        self.signalling.answers.give(endpoint.make_response(&invite, StatusCode::RequestTerminated, None));
    }

    /// What was agreed about the session's end is in force from now on.
    fn start_timer(&mut self, agreed: Option<Agreed>) {
        self.timer = Timer::start(agreed, Instant::now());
    }
}

/// Reads an INVITE as a call reads it.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzz(request: &rsipstack::sip::Request) {
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

    fn bytes_of_future<A, B, C, F: Future>(_: impl FnOnce(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_call_takes_no_more_memory_than_it_should() {
        let (call, task) = (size_of::<Call>(), bytes_of_future(Call::run));
        assert!(call <= 1_152 && task <= 1_280, "{call} bytes, and {task} for what it waits for");
    }

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
