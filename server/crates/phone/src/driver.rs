//! The task behind a call: the SIP socket, the dialog, and what both mean for the media.

use crate::call::{CallConfig, CallError, Reinvite, ReinviteError};
use crate::codec::Codec;
use crate::rtp::media::Agreed;
use crate::rtp::thread::{MediaThread, Seat, SharedMedia, lock};
use crate::sdp::{Description, Direction, SdpError, TELEPHONE_EVENT_PT};
use crate::sip::End;
use crate::sip::dialog::{Dialog, Event};
use crate::sip::invite::ReinviteNow;
use crate::sip::message::{Identity, name_addr};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// Largest SIP datagram that is read, in bytes; a longer one is cut and then cannot be read.
const SIP_BYTES: usize = 8 * 1024;
/// What `select!` sleeps for when the dialog waits for nothing.
const FOR_EVER: Duration = Duration::from_secs(86_400);
/// Tries to get an even RTP port.
const PORT_TRIES: usize = 16;
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
    /// The new source's socket: it is bound, and used from the answer on.
    socket: Option<UdpSocket>,
}

/// Where the media are.
enum Place {
    /// Nothing is agreed yet.
    Waiting(UdpSocket),
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
        let rtp = bind_rtp(config.local_ip)?;
        let mut codecs = vec![config.codec];
        codecs.extend(Codec::ALL.into_iter().filter(|codec| *codec != config.codec));
        let description = Description {
            address: rtp.local_addr()?,
            codecs,
            telephone_event: Some(TELEPHONE_EVENT_PT),
            direction: Direction::SendRecv,
            version: 1,
        };
        let mut rng = StdRng::from_rng(&mut rand::rng());
        let identity = identity(config, socket.local_addr()?, &mut rng)?;
        let dialog_rng = StdRng::from_rng(&mut rng);
        let dialog = Dialog::invite(identity, &description.write(), dialog_rng, Instant::now());
        let place = Place::Waiting(rtp);
        Ok(Driver { socket, dialog, commands, phase, media, thread, place, description, change: None, rng })
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
        let theirs = Description::parse(body)?;
        lock(&self.media).agree(agreed(&self.description, &theirs)?);
        if let Place::Waiting(_) = self.place
            && let Place::Waiting(socket) = std::mem::replace(&mut self.place, Place::Over)
        {
            match self.thread.seat(socket, Arc::clone(&self.media)) {
                Ok(seat) => self.place = Place::Running(seat),
                Err(error) => tracing::error!(%error, "the media cannot start"),
            }
        }
        Ok(())
    }

    fn reinvite(&mut self, reinvite: Reinvite, reply: Reply) {
        let prepared = self.prepare_change(reinvite);
        let (description, socket) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return drop(reply.send(Err(error.into()))),
        };
        match self.dialog.reinvite(&description.write(), Instant::now()) {
            Ok(()) => self.change = Some(Change { reply, description, socket }),
            Err(ReinviteNow::Busy) => drop(reply.send(Err(ReinviteError::Busy))),
            Err(ReinviteNow::NoCall) => drop(reply.send(Err(ReinviteError::Ended))),
        }
    }

    fn prepare_change(&self, reinvite: Reinvite) -> io::Result<(Description, Option<UdpSocket>)> {
        let mut description = self.description.clone();
        description.version += 1;
        description.direction = reinvite.direction;
        let socket = reinvite.new_source.then(|| bind_rtp(description.address.ip())).transpose()?;
        if let Some(socket) = &socket {
            description.address = socket.local_addr()?;
        }
        Ok((description, socket))
    }

    fn reinvite_answered(&mut self, body: &[u8]) {
        let Some(change) = self.change.take() else { return };
        self.description = change.description;
        if let (Some(socket), Place::Running(seat)) = (change.socket, &self.place) {
            lock(&self.media).change_source(&mut self.rng);
            if let Err(error) = seat.change_socket(socket) {
                return drop(change.reply.send(Err(error.into())));
            }
        }
        let _ = change.reply.send(self.agree(body).map_err(ReinviteError::from));
    }

    fn remote_offer(&mut self, body: &[u8]) {
        self.description.version += 1;
        let mut answer = self.description.clone();
        if !body.is_empty() {
            match Description::parse(body).and_then(|theirs| self.agree(body).map(|()| theirs)) {
                Ok(theirs) => {
                    answer.direction = self.description.direction.agreed(theirs.direction);
                    // Only what was offered may be in an answer (RFC 3264 section 6.1).
                    answer.codecs.retain(|codec| theirs.codecs.contains(codec));
                    answer.telephone_event = theirs.telephone_event;
                }
                Err(error) => {
                    tracing::debug!(%error, "the other side's offer is refused");
                    return self.dialog.answer_offer(Err(NOT_ACCEPTABLE), Instant::now());
                }
            }
        }
        self.dialog.answer_offer(Ok(&answer.write()), Instant::now());
    }
}

/// What follows from both descriptions.
fn agreed(ours: &Description, theirs: &Description) -> Result<Agreed, SdpError> {
    let codec = theirs.codecs.iter().find(|codec| ours.codecs.contains(codec)).ok_or(SdpError::NoCodec)?;
    // Hold as it was before RFC 3264: an address that nothing can be sent to (its section 8.4).
    let held = theirs.address.ip().is_unspecified();
    let theirs_now = if held { Direction::Inactive } else { theirs.direction };
    Ok(Agreed {
        remote: theirs.address,
        codec: *codec,
        telephone_event: theirs.telephone_event,
        direction: ours.direction.agreed(theirs_now),
    })
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

/// RTP wants an even port, for RTCP takes the next (RFC 3550 section 11). An odd one works too if none is free.
fn bind_rtp(ip: IpAddr) -> io::Result<UdpSocket> {
    let mut odd = Vec::new();
    for _ in 0..PORT_TRIES {
        let socket = UdpSocket::bind((ip, 0))?;
        if socket.local_addr()?.port() % 2 == 0 {
            return Ok(socket);
        }
        // Kept open meanwhile, so that the kernel does not hand it out again.
        odd.push(socket);
    }
    odd.pop().ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(direction: Direction, address: &str, codecs: &[Codec]) -> Description {
        let address = address.parse().unwrap();
        Description { address, codecs: codecs.to_vec(), telephone_event: Some(96), direction, version: 1 }
    }

    #[test]
    fn the_other_side_s_first_codec_and_its_event_type_are_taken() {
        let ours = description(Direction::SendRecv, "127.0.0.1:4000", &[Codec::Pcmu, Codec::Pcma]);
        let theirs = description(Direction::SendRecv, "10.0.0.1:5000", &[Codec::Pcma, Codec::Pcmu]);
        let agreed = agreed(&ours, &theirs).unwrap();
        assert_eq!(
            (agreed.codec, agreed.telephone_event, agreed.remote),
            (Codec::Pcma, Some(96), theirs.address)
        );
        assert_eq!(agreed.direction, Direction::SendRecv);
    }

    #[test]
    fn without_a_common_codec_nothing_is_agreed() {
        let ours = description(Direction::SendRecv, "127.0.0.1:4000", &[Codec::Pcmu]);
        let theirs = description(Direction::SendRecv, "10.0.0.1:5000", &[Codec::Pcma]);
        assert_eq!(agreed(&ours, &theirs).unwrap_err(), SdpError::NoCodec);
    }

    #[test]
    fn an_address_of_zeros_is_a_hold() {
        let ours = description(Direction::SendRecv, "127.0.0.1:4000", &[Codec::Pcmu]);
        let theirs = description(Direction::SendRecv, "0.0.0.0:5000", &[Codec::Pcmu]);
        assert_eq!(agreed(&ours, &theirs).unwrap().direction, Direction::Inactive);
    }

    #[test]
    fn rtp_ports_are_even() {
        let sockets: Vec<_> = (0..8).map(|_| bind_rtp(IpAddr::from([127, 0, 0, 1])).unwrap()).collect();
        assert!(sockets.iter().all(|socket| socket.local_addr().unwrap().port() % 2 == 0));
    }
}
