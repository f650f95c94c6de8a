//! One call's media: the sound it sends, what it hears, its digits, its reports. No socket, no clock.

use super::agreed::Agreed;
use super::hearing::{Hearing, Recorded};
use super::receive::Receiver;
use super::rtcp::{REPORT_BYTES, Reporter, Reports};
use super::send::{PACKET_BYTES, Sender};
use super::statistics::Statistics;
use super::voice::{Encoded, Voice};
use crate::codec::{Codec, PTIME_MS};
use crate::dtmf::{DialPad, Digit, Due, Manner};
use crate::hear::Heard;
use crate::sound::{Player, Sound};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Packets later than this after their deadline are counted.
const LATE: Duration = Duration::from_millis(5);
/// Whoever wakes up later than this leaves frames out instead of sending a burst.
const GIVE_UP: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Media {
    agreed: Option<Agreed>,
    sender: Sender,
    voice: Voice,
    pad: DialPad,
    receiver: Receiver,
    hearing: Hearing,
    /// Whether what comes is decoded, or only counted.
    listens: bool,
    reporter: Reporter,
    /// Deadline of the next tick.
    deadline: Instant,
    sent: u64,
    sent_late: u64,
    /// Tells those who wait that a frame was heard, or a digit is through.
    ticks: watch::Sender<u64>,
}

/// How a call's media begin.
pub(crate) struct Beginning {
    pub(crate) sound: Sound,
    /// The codec that will probably be agreed.
    pub(crate) codec: Codec,
    pub(crate) record: bool,
    pub(crate) now: Instant,
    /// What Unix' clock says `now`.
    pub(crate) unix_time: Duration,
}

impl Media {
    pub(crate) fn new(beginning: Beginning, rng: &mut impl rand::Rng) -> Media {
        let rate_hz = beginning.codec.rate_hz();
        Media {
            agreed: None,
            sender: Sender::new(rng),
            voice: Voice::new(beginning.sound, rate_hz),
            pad: DialPad::default(),
            receiver: Receiver::default(),
            hearing: Hearing::new(rate_hz, beginning.record),
            listens: true,
            reporter: Reporter::new(beginning.now, beginning.unix_time, rng),
            deadline: beginning.now,
            sent: 0,
            sent_late: 0,
            ticks: watch::Sender::new(0),
        }
    }

    /// The first tick is due now.
    pub(crate) fn start(&mut self, now: Instant) {
        self.deadline = now;
        self.reporter.start(now);
    }

    /// Offer and answer have been exchanged, for the first time or again.
    pub(crate) fn agree(&mut self, agreed: Agreed) {
        // Here and not in a tick: the first time nobody waits for packets yet, however long the sound is.
        self.voice.change_rate(agreed.codec().rate_hz());
        self.hearing.change_rate(agreed.codec().rate_hz());
        self.receiver.expect_pause();
        self.agreed = Some(agreed);
    }

    /// The codec that is spoken, once there is one.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.agreed.as_ref().map(Agreed::codec)
    }

    /// Sends from now on as another source: new SSRC, sequence and timestamp.
    pub(crate) fn change_source(&mut self, rng: &mut impl rand::Rng) {
        self.sender = Sender::new(rng);
    }

    /// Samples in a second of what is said and heard.
    pub(crate) fn rate_hz(&self) -> u32 {
        self.hearing.rate_hz()
    }

    pub(crate) fn say(&mut self, player: Player) {
        self.voice.say(player);
    }

    /// Sends what is encoded already, over and over.
    pub(crate) fn repeat(&mut self, encoded: Arc<Encoded>) {
        self.voice.repeat(encoded);
    }

    /// From now on decodes what comes, or only counts it: then nothing is heard or recorded.
    pub(crate) fn listen(&mut self, listens: bool) {
        self.listens = listens;
        if !listens {
            self.receiver.stop_playing();
        }
    }

    /// Queues digits; they are through when [`Media::digits_sent`] has reached the returned count.
    pub(crate) fn press(&mut self, digits: &[Digit]) -> u64 {
        self.pad.press(digits)
    }

    pub(crate) fn digits_sent(&self) -> u64 {
        self.pad.sent()
    }

    pub(crate) fn heard(&self) -> Heard {
        self.hearing.heard()
    }

    pub(crate) fn ticks(&self) -> watch::Receiver<u64> {
        self.ticks.subscribe()
    }

    pub(crate) fn take_recording(&mut self) -> Recorded {
        self.hearing.take_recording()
    }

    pub(crate) fn reports(&self) -> Reports {
        self.reporter.reports()
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let mut statistics = Statistics {
            packets_sent: self.sent,
            packets_sent_late: self.sent_late,
            ..Statistics::default()
        };
        self.receiver.report(&mut statistics);
        statistics
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// A datagram came to the RTP port.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(agreed) = &self.agreed {
            self.receiver.datagram(now, datagram, agreed, self.listens);
        }
    }

    /// A datagram came to the RTCP port.
    pub(crate) fn receive_report(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(codec) = self.codec() {
            self.reporter.receive(now, datagram, self.sender.ssrc(), codec.clock_hz());
        }
    }

    pub(crate) fn is_report_due(&self, now: Instant) -> bool {
        self.reporter.is_due(now)
    }

    /// Writes the report that is due.
    pub(crate) fn report(
        &mut self,
        now: Instant,
        datagram: &mut [u8; REPORT_BYTES],
    ) -> Option<(usize, SocketAddr)> {
        let remote = self.agreed.as_ref()?.remote_rtcp;
        let length = self.reporter.write(now, &self.sender, self.receiver.source(), datagram)?;
        Some((length, remote))
    }

    /// The deadline has come: listens to 20 ms, and writes the packet that is due.
    pub(crate) fn tick(
        &mut self,
        now: Instant,
        packet: &mut [u8; PACKET_BYTES],
    ) -> Option<(usize, SocketAddr)> {
        let frame_duration = Duration::from_millis(PTIME_MS);
        let late = now.saturating_duration_since(self.deadline);
        self.deadline += frame_duration;
        if late > GIVE_UP {
            self.leave_out((late.as_millis() / u128::from(PTIME_MS)) as u32);
        }
        self.hear();
        let due = self.packet(packet);
        if due.is_some() {
            self.sent += 1;
            self.sent_late += u64::from(late > LATE);
        }
        if self.ticks.receiver_count() > 0 {
            self.ticks.send_modify(|ticks| *ticks += 1);
        }
        due
    }

    fn hear(&mut self) {
        if let Some(codec) = self.codec().filter(|_| self.listens) {
            self.hearing.listen(codec, |frame| self.receiver.next_frame(frame));
        }
    }

    fn packet(&mut self, packet: &mut [u8; PACKET_BYTES]) -> Option<(usize, SocketAddr)> {
        let agreed = self.agreed.as_ref()?;
        let codec = agreed.codec();
        // Sound and digits go on in time even where the other side does not want to hear them (a hold).
        let manner = if agreed.telephone_event.is_some() { Manner::Events } else { Manner::Tones };
        let due = self.pad.tick(manner);
        let length = if !agreed.direction.sends() {
            self.voice.skip(codec);
            None
        } else if let (Due::Event { event, begins }, Some(format)) = (due, agreed.telephone_event) {
            self.voice.skip(codec);
            self.sender.event(format, event, begins, packet)
        } else {
            let tones = if let Due::Tones { digit, frame } = due { Some((digit, frame)) } else { None };
            let payload = self.voice.next(codec, tones);
            // Without an encoder nothing is said.
            let sound = (!payload.is_empty()).then_some(payload);
            sound.and_then(|payload| self.sender.sound(agreed.format.payload_type, payload, packet))
        };
        self.sender.advance(codec.frame_units());
        length.map(|length| (length, agreed.remote))
    }

    /// This thread was away for long: these frames are never sent, but time goes on.
    fn leave_out(&mut self, frames: u32) {
        self.deadline += Duration::from_millis(PTIME_MS) * frames;
        let Some(codec) = self.codec() else { return };
        self.sender.advance(frames.wrapping_mul(codec.frame_units()));
        for _ in 0..frames {
            self.voice.skip(codec);
            self.hear();
        }
    }
}

#[cfg(test)]
#[path = "media_tests.rs"]
mod tests;
