//! Placing a call and being in it.

mod error;

pub use error::{CallError, DigitsError, ReinviteError};

use crate::codec::Codec;
use crate::driver::{Command, Driver, Phase};
use crate::dtmf::Digit;
use crate::hear::Heard;
use crate::rtp::media::{Beginning, Media};
use crate::rtp::thread::{MediaThread, SharedMedia, lock, until};
use crate::rtp::voice::Encoded;
use crate::rtp::{Reports, Statistics};
use crate::sdp::Direction;
use crate::sip::End;
use crate::sound::{Pcm, Player, Sound};
use crate::uri::is_user;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{mpsc, oneshot, watch};

/// How long a call may ring before it is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Whom to call, and as whom.
#[derive(Clone, Debug)]
pub struct CallConfig {
    /// Where all SIP is sent.
    pub server: SocketAddr,
    /// The number dialled: the user part of the Request-URI.
    pub number: String,
    /// The calling number: the user part of From.
    pub from: String,
    pub display_name: Option<String>,
    /// The codecs offered, in the order of preference; the answer decides. At least one.
    pub codecs: Vec<Codec>,
    /// Whether telephone-events are offered (RFC 4733); without them digits are tones in the sound.
    pub telephone_event: bool,
    /// Whether reports are sent and read (RFC 3550 section 6).
    pub rtcp: bool,
    /// The address that SIP and RTP are bound to.
    pub local_ip: IpAddr,
    /// How long it may ring.
    pub answer_timeout: Duration,
    /// Keep what is heard, an hour at most, for [`Call::take_recording`].
    pub record: bool,
}

impl CallConfig {
    /// A call by G.711, µ-law first, that reports and is not recorded, from loopback to a server on loopback, else from any address.
    #[must_use]
    pub fn new(server: SocketAddr, number: impl Into<String>, from: impl Into<String>) -> CallConfig {
        CallConfig {
            server,
            number: number.into(),
            from: from.into(),
            display_name: None,
            codecs: vec![Codec::Pcmu, Codec::Pcma],
            telephone_event: true,
            rtcp: true,
            local_ip: local_ip_towards(server).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            answer_timeout: ANSWER_TIMEOUT,
            record: false,
        }
    }
}

/// The address of this machine from which `server` is reached. Connecting a UDP socket sends nothing.
fn local_ip_towards(server: SocketAddr) -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(server).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// What a re-INVITE asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reinvite {
    /// What we want to do from now on: [`Direction::SendOnly`] or [`Direction::Inactive`] put on hold.
    pub direction: Direction,
    /// Move the media to a new port and SSRC.
    pub new_source: bool,
}

/// What has been heard of a call that is not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The INVITE is on its way.
    Dialling,
    /// A provisional response came: 180 rings, 183 may carry sound.
    Ringing {
        code: u16,
    },
    Answered,
    Over,
}

/// How a call went.
#[derive(Clone, Debug)]
pub struct CallReport {
    pub end: End,
    /// From the answer to the end.
    pub duration: Duration,
    pub statistics: Statistics,
    pub reports: Reports,
}

/// A call that is being placed. Dropping it sends CANCEL.
pub struct Dialling {
    call: Call,
    server: SocketAddr,
    answer_timeout: Duration,
}

/// A call that was answered. Dropping it sends BYE.
pub struct Call {
    commands: mpsc::Sender<Command>,
    phase: watch::Receiver<Phase>,
    media: SharedMedia,
    dialled_at: Instant,
    answered_at: Instant,
}

/// Places a call and waits for its answer; `sound` starts with it.
///
/// # Errors
/// [`CallError`] says why there is no call: nobody there, refused (with code and reason), not answered in time.
pub async fn call(config: CallConfig, sound: Sound) -> Result<Call, CallError> {
    dial(config, sound).await?.answered().await
}

/// Sends the INVITE; the answer is waited for by [`Dialling::answered`].
///
/// # Errors
/// If no socket can be opened, no codec is offered, or the number cannot stand in a SIP URI.
pub async fn dial(config: CallConfig, sound: Sound) -> Result<Dialling, CallError> {
    dial_on(&MediaThread::shared()?, config, sound).await
}

/// [`dial`], with the media in a thread of the caller's choice.
pub(crate) async fn dial_on(
    thread: &Arc<MediaThread>,
    config: CallConfig,
    sound: Sound,
) -> Result<Dialling, CallError> {
    for user in [&config.number, &config.from] {
        if !is_user(user) {
            return Err(CallError::Number(user.clone()));
        }
    }
    let beginning = Beginning {
        sound,
        codec: *config.codecs.first().ok_or(CallError::NoCodec)?,
        record: config.record,
        now: Instant::now(),
        // A clock before 1970 only shifts the reports' timestamps, all alike.
        unix_time: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
    };
    let media = Arc::new(Mutex::new(Media::new(beginning, &mut rand::rng())));
    let (commands, inbox) = mpsc::channel(8);
    let (phase_sender, phase) = watch::channel(Phase::Dialling);
    let driver = Driver::start(&config, Arc::clone(thread), Arc::clone(&media), inbox, phase_sender).await?;
    tokio::spawn(driver.run());
    let now = Instant::now();
    let call = Call { commands, phase, media, dialled_at: now, answered_at: now };
    Ok(Dialling { call, server: config.server, answer_timeout: config.answer_timeout })
}

impl Dialling {
    /// What is known now.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match *self.call.phase.borrow() {
            Phase::Dialling => Progress::Dialling,
            Phase::Ringing(code) => Progress::Ringing { code },
            Phase::Answered => Progress::Answered,
            Phase::Ended(_) | Phase::Unusable(_) => Progress::Over,
        }
    }

    /// Waits until [`Dialling::progress`] is news.
    pub async fn changed(&mut self) {
        if self.call.phase.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Sends what is encoded already from the answer on, over and over, and only counts what comes if it does not listen.
    pub(crate) fn prepare(&self, encoded: Arc<Encoded>, listens: bool) {
        self.call.repeat(encoded);
        self.call.listen(listens);
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// As [`call`].
    pub async fn answered(mut self) -> Result<Call, CallError> {
        let server = self.server;
        let settled = self.call.phase.wait_for(|phase| !matches!(phase, Phase::Dialling | Phase::Ringing(_)));
        let phase = match tokio::time::timeout(self.answer_timeout, settled).await {
            Ok(Ok(phase)) => phase.clone(),
            Ok(Err(_)) => return Err(CallError::Ended),
            Err(_) => return Err(CallError::NotAnswered(self.answer_timeout)),
        };
        match phase {
            Phase::Ended(End::Refused { code, reason }) => Err(CallError::Refused { code, reason }),
            Phase::Ended(End::NoReply) => Err(CallError::NoReply(server)),
            Phase::Ended(End::Unreachable) => Err(CallError::Unreachable(server)),
            Phase::Ended(End::Cancelled) => Err(CallError::Cancelled),
            Phase::Unusable(error) => Err(CallError::Answer(error)),
            // Answered, and perhaps hung up already: the call says so itself.
            Phase::Answered | Phase::Ended(_) | Phase::Dialling | Phase::Ringing(_) => {
                self.call.answered_at = Instant::now();
                Ok(self.call)
            }
        }
    }

    /// Cancels, and waits until the other side has confirmed it.
    pub async fn cancel(mut self) {
        let _ = self.call.commands.send(Command::HangUp).await;
        let _ = self.call.phase.wait_for(|phase| matches!(phase, Phase::Ended(_) | Phase::Unusable(_))).await;
    }
}

impl Call {
    /// Types keys, 100 ms each, as RFC 4733 telephone-events, or as tones in the sound where those were not agreed;
    /// returns when the last has been sent.
    ///
    /// # Errors
    /// If `keys` has something else than `0-9 * # A-D`, or if the call ends meanwhile.
    pub async fn digits(&self, keys: &str) -> Result<(), DigitsError> {
        let through = self.press(keys)?;
        tokio::select! {
            () = until(&self.media, |media| media.digits_sent() >= through) => Ok(()),
            _ = self.ended() => Err(DigitsError::Ended),
        }
    }

    /// Queues keys behind those still being sent, and does not wait for them.
    ///
    /// # Errors
    /// As [`Call::digits`].
    pub fn start_digits(&self, keys: &str) -> Result<(), DigitsError> {
        if self.is_over() {
            return Err(DigitsError::Ended);
        }
        self.press(keys).map(drop)
    }

    fn press(&self, keys: &str) -> Result<u64, DigitsError> {
        let digits = Digit::parse_all(keys)?;
        Ok(lock(&self.media).press(&digits))
    }

    /// Says something else from now on.
    pub fn set_sound(&self, sound: Sound) {
        let rate_hz = lock(&self.media).rate_hz();
        // Outside of the lock: a long piece is resampled here, and packets go out meanwhile.
        let player = Player::new(sound, rate_hz);
        lock(&self.media).say(player);
    }

    /// Sends what is encoded already from now on, over and over.
    pub(crate) fn repeat(&self, encoded: Arc<Encoded>) {
        lock(&self.media).repeat(encoded);
    }

    /// From now on decodes what comes, or only counts it.
    pub(crate) fn listen(&self, listens: bool) {
        lock(&self.media).listen(listens);
    }

    /// The codec that the answer chose.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        lock(&self.media).codec()
    }

    /// What was heard in the last 100 ms.
    #[must_use]
    pub fn heard(&self) -> Heard {
        lock(&self.media).heard()
    }

    /// Waits until what is heard meets `condition`, which is asked every 20 ms.
    ///
    /// # Errors
    /// What was heard last, if the condition is not met `within` this time or the call ends.
    pub async fn wait_until(
        &self,
        within: Duration,
        mut condition: impl FnMut(&Heard) -> bool,
    ) -> Result<Heard, Heard> {
        let met = until(&self.media, |media| condition(&media.heard()));
        tokio::select! {
            () = met => Ok(self.heard()),
            _ = self.ended() => Err(self.heard()),
            () = tokio::time::sleep(within) => Err(self.heard()),
        }
    }

    /// What was heard since the answer or the last taking, at the call's rate; silence where no packet came. Empty
    /// unless [`CallConfig::record`] is set.
    #[must_use]
    pub fn take_recording(&self) -> Pcm {
        let recorded = lock(&self.media).take_recording();
        recorded.into_pcm()
    }

    #[must_use]
    pub fn statistics(&self) -> Statistics {
        lock(&self.media).statistics()
    }

    /// What both sides report of each other.
    #[must_use]
    pub fn reports(&self) -> Reports {
        lock(&self.media).reports()
    }

    /// From the INVITE to its answer.
    #[must_use]
    pub fn setup_time(&self) -> Duration {
        self.answered_at - self.dialled_at
    }

    /// Since the answer.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.answered_at.elapsed()
    }

    /// Asks the other side to change the media; returns when it has agreed.
    ///
    /// # Errors
    /// [`ReinviteError`] says who did not agree.
    pub async fn reinvite(&self, reinvite: Reinvite) -> Result<(), ReinviteError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Reinvite(reinvite, reply)).await.map_err(|_| ReinviteError::Ended)?;
        answer.await.unwrap_or(Err(ReinviteError::Ended))
    }

    /// Waits until the call has ended, whoever ended it.
    pub async fn ended(&self) -> End {
        let mut phase = self.phase.clone();
        match phase.wait_for(|phase| matches!(phase, Phase::Ended(_))).await.as_deref() {
            Ok(Phase::Ended(end)) => end.clone(),
            // The driver says so before it goes; it is gone without a word only with its runtime.
            Ok(_) | Err(_) => End::Lost,
        }
    }

    /// Whether the call has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Ended(_))
    }

    /// Sends BYE, unless the call has ended, and waits for its answer.
    pub async fn hang_up(self) -> CallReport {
        let duration = self.elapsed();
        // If the driver is gone, the call has ended.
        let _ = self.commands.send(Command::HangUp).await;
        let end = self.ended().await;
        CallReport { end, duration, statistics: self.statistics(), reports: self.reports() }
    }
}
