//! The task behind a call: the SIP socket, the dialog, and what both mean for the media.

use crate::call::{CallConfig, CallError, Reinvite, ReinviteError};
use crate::rtp::agreed::Agreed;
use crate::rtp::sockets::Sockets;
use crate::rtp::thread::{MediaThread, Seat, SharedMedia, lock};
use crate::sdp::{Description, SdpError};
use crate::sip::End;
use crate::sip::dialog::{Dialog, Event};
use crate::sip::invite::ReinviteNow;
use crate::sip::message::{Identity, name_addr};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// Largest SIP datagram that is read, in bytes; a longer one is cut and then cannot be read.
const SIP_BYTES: usize = 8 * 1024;
/// What `select!` sleeps for when the dialog waits for nothing.
const FOR_EVER: Duration = Duration::from_secs(86_400);
/// "Not Acceptable Here" (RFC 3261 section 21.4.26).
const NOT_ACCEPTABLE: u16 = 488;

type Reply = oneshot::Sender<Result<(), ReinviteError>>;

pub(crate) enum Command {
    HangUp,
    Reinvite(Reinvite, Reply),
}

/// Where a call stands, for its handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Dialling,
    Ringing(u16),
    Answered,
    /// Answered by a description that we cannot use, and hung up for it.
    Unusable(SdpError),
    Ended(End),
}

/// A re-INVITE of ours that waits for its answer.
struct Change {
    reply: Reply,
    description: Description,
    /// The new source's sockets: they are bound, and used from the answer on.
    sockets: Option<Sockets>,
}

/// Where the media are.
enum Place {
    /// Nothing is agreed yet.
    Waiting(Sockets),
    Running(Seat),
    Over,
}

pub(crate) struct Driver {
    socket: tokio::net::UdpSocket,
    dialog: Dialog,
    commands: mpsc::Receiver<Command>,
    phase: watch::Sender<Phase>,
    media: SharedMedia,
    thread: Arc<MediaThread>,
    place: Place,
    /// How we described ourselves last; `direction` is what we want.
    description: Description,
    with_rtcp: bool,
    change: Option<Change>,
    rng: StdRng,
}

impl Driver {
    /// Opens the sockets and sends the INVITE.
    pub(crate) async fn start(
        config: &CallConfig,
        thread: Arc<MediaThread>,
        media: SharedMedia,
        commands: mpsc::Receiver<Command>,
        phase: watch::Sender<Phase>,
    ) -> Result<Driver, CallError> {
        let socket = tokio::net::UdpSocket::bind((config.local_ip, 0)).await?;
        // Connected: the kernel keeps strangers out, and tells us if nobody listens at the server.
        socket.connect(config.server).await?;
        let sockets = Sockets::bind(config.local_ip, config.rtcp)?;
        let description = Description::offer(sockets.address()?, &config.codecs, config.telephone_event);
        let mut rng = StdRng::from_rng(&mut rand::rng());
        let identity = identity(config, socket.local_addr()?, &mut rng)?;
        let dialog_rng = StdRng::from_rng(&mut rng);
        let dialog = Dialog::invite(identity, &description.write(), dialog_rng, Instant::now());
        let place = Place::Waiting(sockets);
        Ok(Driver {
            socket,
            dialog,
            commands,
            phase,
            media,
            thread,
            place,
            description,
            with_rtcp: config.rtcp,
            change: None,
            rng,
        })
    }

    /// Runs until the other side can have nothing more to say. The handle's end hangs up.
    pub(crate) async fn run(mut self) {
        let mut datagram = vec![0; SIP_BYTES];
        let mut handle_is_there = true;
        loop {
            self.flush().await;
            let now = Instant::now();
            if self.dialog.is_over(now) {
                return;
            }
            let deadline = self.dialog.deadline().unwrap_or(now + FOR_EVER);
            tokio::select! {
                received = self.socket.recv(&mut datagram) => match received {
                    Ok(length) => self.dialog.handle_datagram(&datagram[..length], Instant::now()),
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                        self.dialog.handle_unreachable(Instant::now());
                    }
                    Err(error) => tracing::debug!(%error, "receiving SIP"),
                },
                () = tokio::time::sleep_until(deadline.into()) => self.dialog.handle_timeout(Instant::now()),
                command = self.commands.recv(), if handle_is_there => match command {
                    Some(Command::HangUp) => self.dialog.hang_up(Instant::now()),
                    Some(Command::Reinvite(reinvite, reply)) => self.reinvite(reinvite, reply),
                    None => {
                        handle_is_there = false;
                        self.dialog.hang_up(Instant::now());
                    }
                },
            }
        }
    }

    /// Does what the dialog asks for, until it has nothing more to say.
    async fn flush(&mut self) {
        loop {
            while let Some(packet) = self.dialog.poll_transmit() {
                if let Err(error) = self.socket.send(&packet).await
                    && error.kind() == io::ErrorKind::ConnectionRefused
                {
                    self.dialog.handle_unreachable(Instant::now());
                }
            }
            match self.dialog.poll_event() {
                Some(event) => self.event(event),
                None => return,
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Progress { code, body } => {
                if !body.is_empty() {
                    self.early_media(&body);
                }
                self.phase.send_replace(Phase::Ringing(code));
            }
            Event::Answered { body } => match self.agree(&body) {
                Ok(()) => drop(self.phase.send_replace(Phase::Answered)),
                Err(error) => {
                    self.phase.send_replace(Phase::Unusable(error));
                    self.dialog.hang_up(Instant::now());
                }
            },
            Event::ReinviteAnswered { body } => self.reinvite_answered(&body),
            Event::ReinviteRefused { code, reason } => {
                if let Some(change) = self.change.take() {
                    let _ = change.reply.send(Err(ReinviteError::Refused { code, reason }));
                }
            }
            Event::RemoteOffer { body } => self.remote_offer(&body),
            Event::RemoteAnswer { body } => {
                if let Err(error) = self.agree(&body) {
                    tracing::warn!(%error, "the other side's answer cannot be used; the media stay as they were");
                }
            }
            Event::Ended(end) => {
                self.place = Place::Over;
                self.change = None;
                if !matches!(*self.phase.borrow(), Phase::Unusable(_)) {
                    self.phase.send_replace(Phase::Ended(end));
                }
            }
        }
    }

    /// A description in a provisional response: announcements before the answer (RFC 3960).
    fn early_media(&mut self, body: &[u8]) {
        if let Err(error) = self.agree(body) {
            tracing::debug!(%error, "early media cannot be used");
        }
    }

    /// Follows the other side's description, and starts the media if they do not run.
    fn agree(&mut self, body: &[u8]) -> Result<(), SdpError> {
        let agreed = Agreed::between(&self.description, &Description::parse(body)?)?;
        self.begin_or_go_on(agreed);
        Ok(())
    }

    fn begin_or_go_on(&mut self, agreed: Agreed) {
        lock(&self.media).agree(agreed);
        if let Place::Waiting(_) = self.place
            && let Place::Waiting(sockets) = std::mem::replace(&mut self.place, Place::Over)
        {
            match self.thread.seat(sockets, Arc::clone(&self.media)) {
                Ok(seat) => self.place = Place::Running(seat),
                Err(error) => tracing::error!(%error, "the media cannot start"),
            }
        }
    }

    fn reinvite(&mut self, reinvite: Reinvite, reply: Reply) {
        let prepared = self.prepare_change(reinvite);
        let (description, sockets) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return drop(reply.send(Err(error.into()))),
        };
        match self.dialog.reinvite(&description.write(), Instant::now()) {
            Ok(()) => self.change = Some(Change { reply, description, sockets }),
            Err(ReinviteNow::Busy) => drop(reply.send(Err(ReinviteError::Busy))),
            Err(ReinviteNow::NoCall) => drop(reply.send(Err(ReinviteError::Ended))),
        }
    }

    fn prepare_change(&self, reinvite: Reinvite) -> io::Result<(Description, Option<Sockets>)> {
        let mut description = self.description.clone();
        description.version += 1;
        description.direction = reinvite.direction;
        let bind = || Sockets::bind(description.address.ip(), self.with_rtcp);
        let sockets = reinvite.new_source.then(bind).transpose()?;
        if let Some(sockets) = &sockets {
            description.move_to(sockets.address()?);
        }
        Ok((description, sockets))
    }

    fn reinvite_answered(&mut self, body: &[u8]) {
        let Some(change) = self.change.take() else { return };
        self.description = change.description;
        if let (Some(sockets), Place::Running(seat)) = (change.sockets, &self.place) {
            lock(&self.media).change_source(&mut self.rng);
            if let Err(error) = seat.change_sockets(sockets) {
                return drop(change.reply.send(Err(error.into())));
            }
        }
        let _ = change.reply.send(self.agree(body).map_err(ReinviteError::from));
    }

    fn remote_offer(&mut self, body: &[u8]) {
        self.description.version += 1;
        if body.is_empty() {
            return self.dialog.answer_offer(Ok(&self.description.write()), Instant::now());
        }
        match self.answer(body) {
            Ok(answer) => self.dialog.answer_offer(Ok(&answer.write()), Instant::now()),
            Err(error) => {
                tracing::debug!(%error, "the other side's offer is refused");
                self.dialog.answer_offer(Err(NOT_ACCEPTABLE), Instant::now());
            }
        }
    }

    fn answer(&mut self, body: &[u8]) -> Result<Description, SdpError> {
        let theirs = Description::parse(body)?;
        let answer = self.description.answer(&theirs)?;
        self.begin_or_go_on(Agreed::between(&answer, &theirs)?);
        self.description.adopt_types(&theirs);
        Ok(answer)
    }
}

fn identity(config: &CallConfig, local: SocketAddr, rng: &mut StdRng) -> Result<Identity, CallError> {
    let target = format!("sip:{}@{}", config.number, config.server);
    let from = name_addr(config.display_name.as_deref(), &format!("sip:{}@{}", config.from, config.local_ip));
    Ok(Identity {
        call_id: format!("{:032x}@{}", rng.random::<u128>(), config.local_ip),
        from: format!("{from};tag={:016x}", rng.random::<u64>()),
        to: name_addr(None, &target),
        target: rsip::Uri::try_from(target.as_str()).map_err(|_| CallError::Number(config.number.clone()))?,
        routes: Vec::new(),
        local,
        user: config.from.clone(),
    })
}
