//! One call, from its INVITE to its BYE.

use super::response;
use crate::telephony::Switchboard;
use crate::telephony::admission::{self, Admitted, Refused};
use crate::telephony::calls::HangUp;
use crate::telephony::sdp::{Offer, Wiring};
use engine::{Caller, Menu, Micros, OpenLeg};
use model::{ConferenceId, MemberId, RoomId, limits};
use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver, TransactionHandle};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, Request, StatusCode, ToTypedHeader, Transport, Uri};
use rsipstack::transaction::transaction::Transaction;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Answers an INVITE, or refuses it, and stays with the call to its end.
pub(super) async fn take(board: Arc<Switchboard>, dialogs: Arc<DialogLayer>, mut transaction: Transaction) {
    // The caller's retransmissions stop, however long the admission takes (RFC 3261 section 17.2.1).
    if transaction.send_trying().await.is_err() {
        return;
    }
    let user = transaction.original.uri.user().unwrap_or_default().to_owned();
    match admission::admit(&board, &user, &transaction.original.body).await {
        Ok(admitted) => {
            let caller = caller(&transaction.original);
            match admission::pin_delay(&board, &admitted.room, &caller.number) {
                Ok(delay) => accept(board, dialogs, transaction, admitted, (caller, delay)).await,
                Err(refused) => refuse(transaction, &refused).await,
            }
        }
        Err(refused) => refuse(transaction, &refused).await,
    }
}

async fn refuse(mut transaction: Transaction, refused: &Refused) {
    match refused {
        Refused::Store(error) => tracing::error!(%error, "a call cannot be admitted"),
        _ => tracing::info!(reason = %refused, "call refused"),
    }
    let replied = transaction.reply_with(refused.status(), refused.headers(), None).await;
    if replied.is_ok() {
        // The transaction sends its answer again until the ACK is here.
        while transaction.receive().await.is_some() {}
    }
}

async fn accept(
    board: Arc<Switchboard>,
    dialogs: Arc<DialogLayer>,
    mut transaction: Transaction,
    admitted: Admitted,
    caller: (Caller, Micros),
) {
    let (states_in, states) = dialogs.new_dialog_state_channel();
    let opened = match Opened::new(&board, &transaction) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(%error, "no media port for a call");
            return refuse(transaction, &Refused::ServerFull).await;
        }
    };
    if admitted.offer.is_encrypted() && !came_by_tls(&transaction) {
        tracing::warn!(member = %opened.member, "an encrypted call's key came in the clear: only TLS hides it");
    }
    let contact = opened.contact(&transaction.original);
    let dialog = match dialogs.get_or_create_server_invite(&transaction, states_in, None, Some(contact)) {
        Ok(dialog) => dialog,
        Err(error) => {
            tracing::debug!(%error, "an INVITE that makes no dialog");
            let _ = transaction.reply(StatusCode::BadRequest).await;
            return;
        }
    };
    // The INVITE's own transaction lives on: it waits for the ACK, or for a CANCEL.
    let mut invite = dialog.clone();
    tokio::spawn(async move {
        if let Err(error) = invite.handle(&mut transaction).await {
            tracing::debug!(%error, "an INVITE ended early");
        }
    });
    let call =
        Call { board: Arc::clone(&board), member: opened.member, room: admitted.room.id, dialog, states };
    call.run(&dialogs, opened, admitted, caller).await;
}

/// What a call has before it is answered.
struct Opened {
    member: MemberId,
    /// Our address as the caller's phone reaches it.
    local_ip: IpAddr,
    sip_port: u16,
    ports: crate::telephony::media::PortPair,
}

impl Opened {
    fn new(board: &Switchboard, transaction: &Transaction) -> std::io::Result<Opened> {
        let local_ip = board.addresses.towards(peer_ip(transaction).unwrap_or(board.addresses.sip.ip()))?;
        let ports = board.ports.take()?;
        let member = MemberId(board.next_member.fetch_add(1, Ordering::Relaxed));
        Ok(Opened { member, local_ip, sip_port: board.addresses.sip.port(), ports })
    }

    fn contact(&self, invite: &Request) -> Uri {
        let address = SocketAddr::new(self.local_ip, self.sip_port);
        Uri { auth: invite.uri.auth.clone(), ..Uri::from(rsipstack::sip::HostWithPort::from(address)) }
    }
}

fn came_by_tls(transaction: &Transaction) -> bool {
    let connection = transaction.connection.as_ref();
    connection.is_some_and(|connection| connection.get_addr().r#type == Some(Transport::Tls))
}

fn peer_ip(transaction: &Transaction) -> Option<IpAddr> {
    let peer = transaction.connection.as_ref()?.get_remote_addr()?;
    SocketAddr::try_from(peer.addr.clone()).ok().map(|address| address.ip())
}

/// The number and name in From. Control characters and excess are taken away: they are shown on pages.
pub(super) fn caller(invite: &Request) -> Caller {
    let shown =
        |s: &str| s.chars().filter(|c| !c.is_control()).take(limits::CALLER_CHARS).collect::<String>();
    let Ok(from) = invite.from_header().and_then(|from| from.typed()) else {
        return Caller { number: String::new(), name: String::new() };
    };
    let user = from.uri.user().unwrap_or_default();
    // RFC 3323 section 4.1.1.3: the user part of those who withhold their number.
    let number = if user.eq_ignore_ascii_case("anonymous") { "" } else { user };
    let name = from.display_name.as_deref().unwrap_or_default().trim().trim_matches('"');
    let name = if name.eq_ignore_ascii_case("anonymous") { "" } else { name };
    Caller { number: shown(number), name: shown(name) }
}

struct Call {
    board: Arc<Switchboard>,
    member: MemberId,
    room: RoomId,
    dialog: InviteDialog,
    states: DialogStateReceiver,
}

/// Where a call is; it is over when [`Call::follow`] returns.
enum Stage {
    /// 200 is sent. A BYE of ours has to wait for the ACK (RFC 3261 section 15).
    WaitingForAck {
        hang_up: Option<HangUp>,
    },
    Up,
}

/// Our side of the session: what a re-INVITE changes.
struct Session {
    local: SocketAddr,
    id: u64,
    version: u64,
    offer: Offer,
    wiring: Wiring,
}

impl Session {
    fn answer(&self) -> Vec<u8> {
        self.offer.answer(self.local, self.id, self.version, &self.wiring).into_bytes()
    }
}

impl Call {
    async fn run(
        mut self,
        dialogs: &DialogLayer,
        opened: Opened,
        admitted: Admitted,
        caller: (Caller, Micros),
    ) {
        let mut hang_up = self.board.calls.add(self.member);
        let Admitted { room, offer } = admitted;
        let local = SocketAddr::new(opened.local_ip, opened.ports.rtp_port);
        tracing::info!(member = %self.member, number = %room.number, "call");
        let leg = self.leg(&room.settings, &offer, caller);
        let wiring = offer.wiring(None, &mut rand::rng());
        let opening = wiring.clone();
        let mut session = Session { local, id: rand::random::<u32>().into(), version: 1, offer, wiring };
        if self.board.media.open(leg, opened.ports, opening).is_ok() {
            if self.answer(&session) {
                self.follow(&mut session, &mut hang_up).await;
            }
            self.board.media.close(self.room, self.member).await;
        } else {
            let _ = self.dialog.reject(Some(StatusCode::ServiceUnavailable), None);
        }
        dialogs.remove_dialog(&self.dialog.id());
        self.board.calls.remove(self.member);
        tracing::info!(member = %self.member, "call over");
    }

    fn leg(
        &self,
        settings: &model::RoomSettings,
        offer: &Offer,
        (caller, pin_delay): (Caller, Micros),
    ) -> OpenLeg {
        OpenLeg {
            member: self.member,
            room: self.room,
            conference: ConferenceId(Uuid::now_v7()),
            caller,
            media: offer.media(),
            menu: Menu {
                prompts: self.board.prompts.language(settings.language),
                pin: settings.pin.clone(),
                pin_delay,
                enter_muted: settings.enter_muted,
                refusal: None,
            },
        }
    }

    /// 180 and 200; `false` if the caller has gone before.
    fn answer(&self, session: &Session) -> bool {
        let mut answered = self.dialog.ringing(None, None);
        if answered.is_ok() {
            answered = self.dialog.accept(Some(response::sdp_headers()), Some(session.answer()));
        }
        answered.inspect_err(|error| tracing::debug!(%error, "a call cannot be answered")).is_ok()
    }

    /// Follows the dialog to its end.
    async fn follow(&mut self, session: &mut Session, hang_up: &mut mpsc::Receiver<HangUp>) {
        let mut stage = Stage::WaitingForAck { hang_up: None };
        loop {
            tokio::select! {
                state = self.states.recv() => match state {
                    None | Some(DialogState::Terminated(..)) => return,
                    Some(DialogState::Confirmed(..)) => {
                        if let Stage::WaitingForAck { hang_up: Some(reason) } = stage {
                            return self.bye(reason).await;
                        }
                        stage = Stage::Up;
                    }
                    Some(DialogState::Updated(id, request, handle)) => {
                        self.update(session, &id, &request, handle).await;
                    }
                    Some(DialogState::Options(_, _, handle)) => {
                        let _ = handle.respond(StatusCode::OK, Some(response::capabilities()), None).await;
                    }
                    Some(
                        DialogState::Info(_, _, handle)
                        | DialogState::Message(_, _, handle)
                        | DialogState::Notify(_, _, handle)
                        | DialogState::Refer(_, _, handle)
                        | DialogState::Publish(_, _, handle),
                    ) => {
                        let allow = Some(vec![response::allow()]);
                        let _ = handle.respond(StatusCode::MethodNotAllowed, allow, None).await;
                    }
                    Some(
                        DialogState::Calling(_)
                        | DialogState::Trying(_)
                        | DialogState::Early(..)
                        | DialogState::WaitAck(..),
                    ) => {}
                },
                Some(reason) = hang_up.recv() => match &mut stage {
                    Stage::WaitingForAck { hang_up } => *hang_up = Some(reason),
                    Stage::Up => return self.bye(reason).await,
                },
            }
        }
    }

    async fn bye(&self, reason: HangUp) {
        let reason = reason.text();
        tracing::info!(member = %self.member, reason, "hanging up");
        // RFC 3326: why, for the phone's own log.
        if let Err(error) = self.dialog.bye_with_reason(format!("SIP;cause=200;text=\"{reason}\"")).await {
            tracing::debug!(member = %self.member, %error, "a BYE was not answered");
        }
    }

    fn change(&self, offer: &Offer, wiring: Wiring) -> Result<(), crate::telephony::media::Busy> {
        self.board.media.update(self.room, self.member, offer.media(), wiring)
    }

    /// A re-INVITE or UPDATE: a new media address, hold, another codec. What cannot be taken is refused, and the
    /// session stays as it was (RFC 3261 section 14.2).
    async fn update(
        &self,
        session: &mut Session,
        id: &DialogId,
        request: &Request,
        handle: TransactionHandle,
    ) {
        if request.body.is_empty() {
            // A refresh of the session. An INVITE is owed a description all the same (RFC 3261 section 14.2).
            let body = (request.method == Method::Invite).then(|| session.answer());
            let headers = if body.is_some() { response::sdp_headers() } else { vec![response::allow()] };
            let _ = handle.respond(StatusCode::OK, Some(headers), body).await;
            return;
        }
        let policy = session.offer.policy_of_next(self.board.srtp);
        let read = Offer::parse(&request.body, policy);
        let read = read.map(|offer| (offer.wiring(Some(&session.wiring), &mut rand::rng()), offer));
        match read {
            Ok((wiring, offer)) if self.change(&offer, wiring.clone()).is_ok() => {
                session.offer = offer;
                session.wiring = wiring;
                session.version += 1;
                let _ = handle
                    .respond(StatusCode::OK, Some(response::sdp_headers()), Some(session.answer()))
                    .await;
            }
            Ok(_) => {
                let _ = handle.reply(StatusCode::ServiceUnavailable).await;
            }
            Err(error) => {
                tracing::info!(%id, %error, "a change of the session is refused");
                let refused = Refused::Offer(error);
                let _ = handle.respond(refused.status(), Some(refused.headers()), None).await;
            }
        }
    }
}
