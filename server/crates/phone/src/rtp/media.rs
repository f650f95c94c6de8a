//! One call's media: the sound it sends, what it hears, its digits, its reports. No socket, no clock.

use super::agreed::Agreed;
use super::hearing::{Hearing, Recorded};
use super::receive::Receiver;
use super::rtcp::{REPORT_BYTES, Reporter, Reports};
use super::send::{PACKET_BYTES, Sender};
use super::statistics::Statistics;
use super::voice::{Encoded, Voice};
use crate::codec::{Codec, MAX_PAYLOAD_BYTES, PTIME_MS};
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
            let mut scratch = [0; MAX_PAYLOAD_BYTES];
            let payload = self.voice.next(codec, tones, &mut scratch);
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
mod tests {
    use super::*;
    use crate::hear::tone_dbov;
    use crate::rtp::agreed::tests::agreed;
    use crate::sdp::{Description, Direction};
    use rand::SeedableRng as _;
    use rtp_rs::RtpReader;

    const TICK: Duration = Duration::from_millis(20);

    fn unagreed(codec: Codec, seed: u64) -> (Media, Instant) {
        let now = Instant::now();
        let beginning = Beginning {
            sound: Sound::tone(440.0),
            codec: Codec::Pcmu,
            record: true,
            now,
            unix_time: Duration::from_secs(1),
        };
        let mut media = Media::new(beginning, &mut rand::rngs::StdRng::seed_from_u64(seed));
        media.agree(agreed(codec, Direction::SendRecv));
        media.start(now);
        (media, now)
    }

    fn media(direction: Direction) -> (Media, Instant) {
        let (mut media, now) = unagreed(Codec::Pcmu, 3);
        media.agree(agreed(Codec::Pcmu, direction));
        (media, now)
    }

    fn say(media: &mut Media, hz: f64) {
        media.say(Player::new(Sound::tone(hz), media.rate_hz()));
    }

    /// Lets both exchange their packets for so many ticks.
    fn talk(alice: &mut Media, bob: &mut Media, start: Instant, ticks: std::ops::Range<u32>) {
        for tick in ticks {
            let now = start + TICK * tick;
            let (mut from_alice, mut from_bob) = ([0; PACKET_BYTES], [0; PACKET_BYTES]);
            let (length, _) = alice.tick(now, &mut from_alice).unwrap();
            bob.receive(now, &from_alice[..length]);
            let (length, _) = bob.tick(now, &mut from_bob).unwrap();
            alice.receive(now, &from_bob[..length]);
        }
    }

    #[test]
    fn deadlines_are_absolute_however_late_each_tick_is() {
        let (mut media, start) = media(Direction::SendRecv);
        for tick in 0..50u32 {
            let deadline = media.deadline();
            assert_eq!(deadline, start + TICK * tick);
            media
                .tick(deadline + Duration::from_millis(u64::from(tick % 7)), &mut [0; PACKET_BYTES])
                .unwrap();
        }
        // Late by 6 ms: one tick in seven.
        assert_eq!((media.statistics().packets_sent, media.statistics().packets_sent_late), (50, 7));
    }

    #[test]
    fn after_a_long_absence_frames_are_left_out_and_the_timestamp_shows_it() {
        for codec in Codec::ALL {
            let (mut media, start) = unagreed(codec, 3);
            let mut timestamps = Vec::new();
            for at in [0, 1_000] {
                let mut packet = [0; PACKET_BYTES];
                let (length, _) = media.tick(start + Duration::from_millis(at), &mut packet).unwrap();
                timestamps.push(RtpReader::new(&packet[..length]).unwrap().timestamp());
            }
            assert_eq!(timestamps[1].wrapping_sub(timestamps[0]), codec.clock_hz());
            assert_eq!(media.deadline(), start + Duration::from_millis(1_020));
        }
    }

    #[test]
    fn on_hold_nothing_is_sent() {
        for direction in [Direction::RecvOnly, Direction::Inactive] {
            let (mut media, start) = media(direction);
            assert_eq!(media.tick(start, &mut [0; PACKET_BYTES]), None);
            assert_eq!(media.statistics().packets_sent, 0);
        }
    }

    #[test]
    fn two_telephones_hear_each_other_in_every_codec() {
        for codec in Codec::ALL {
            let ((mut alice, start), (mut bob, _)) = (unagreed(codec, 1), unagreed(codec, 2));
            say(&mut bob, 600.0);
            talk(&mut alice, &mut bob, start, 0..20);
            assert!(alice.heard().tone(600.0) && !alice.heard().tone(440.0), "{codec:?}");
            assert!(bob.heard().tone(440.0) && !bob.heard().tone(600.0), "{codec:?}");
            let recording = alice.take_recording().into_pcm();
            assert_eq!(
                (recording.rate_hz, recording.samples.len()),
                (codec.rate_hz(), 20 * codec.frame_samples())
            );
            assert_eq!(alice.take_recording().into_pcm().samples.len(), 0);
            let statistics = bob.statistics();
            assert_eq!((statistics.datagrams_refused, statistics.packets_lost, statistics.gaps), (0, 0, 0));
        }
    }

    #[test]
    fn a_change_of_the_codec_is_heard_on_both_sides() {
        let ((mut alice, start), (mut bob, _)) = (unagreed(Codec::Pcmu, 1), unagreed(Codec::Pcmu, 2));
        talk(&mut alice, &mut bob, start, 0..10);
        for media in [&mut alice, &mut bob] {
            media.agree(agreed(Codec::Opus, Direction::SendRecv));
        }
        talk(&mut alice, &mut bob, start, 10..30);
        assert!(alice.heard().tone(440.0) && bob.heard().tone(440.0));
        assert_eq!(alice.take_recording().into_pcm().samples.len(), 30 * 960);
    }

    #[test]
    fn without_telephone_events_digits_are_tones() {
        for codec in Codec::ALL {
            let ((mut alice, start), (mut bob, _)) = (unagreed(codec, 1), unagreed(codec, 2));
            let address = "127.0.0.1:4000".parse().unwrap();
            let without = Description::offer(address, &[codec], false);
            for media in [&mut alice, &mut bob] {
                media.agree(Agreed::between(&without, &without).unwrap());
            }
            let done = alice.press(&Digit::parse_all("7").unwrap());
            talk(&mut alice, &mut bob, start, 0..20);
            assert_eq!(alice.digits_sent(), done);
            let heard = bob.take_recording().into_pcm();
            // Two frames wait to be played, five are the digit, five the pause: then what was said before.
            let digit = &heard.samples[3 * codec.frame_samples()..6 * codec.frame_samples()];
            for tone_hz in [852.0, 1209.0] {
                let level = tone_dbov(digit, tone_hz, codec.rate_hz());
                assert!((level + 16.15).abs() < 3.0, "{codec:?} {tone_hz} Hz: {level}");
            }
            assert!(bob.heard().tone(440.0) && !bob.heard().tone(852.0), "{codec:?}");
        }
    }

    #[test]
    fn who_does_not_listen_counts_and_can_begin_again() {
        let ((mut alice, start), (mut bob, _)) = (unagreed(Codec::G722, 1), unagreed(Codec::G722, 2));
        bob.listen(false);
        alice.repeat(Arc::new(Encoded::new(Sound::tone(410.0), Codec::G722, 50).unwrap()));
        talk(&mut alice, &mut bob, start, 0..10);
        assert!(bob.heard().is_silent());
        assert_eq!((bob.statistics().packets_received, bob.heard().frames), (10, 0));
        bob.listen(true);
        talk(&mut alice, &mut bob, start, 10..30);
        assert!(bob.heard().tone(410.0));
    }

    #[test]
    fn reports_go_both_ways() {
        let ((mut alice, start), (mut bob, _)) = (unagreed(Codec::Opus, 1), unagreed(Codec::Opus, 2));
        talk(&mut alice, &mut bob, start, 0..150);
        let now = start + TICK * 150;
        assert!(alice.is_report_due(now) && !alice.is_report_due(start + Duration::from_secs(2)));
        let mut report = [0; REPORT_BYTES];
        let (length, remote) = alice.report(now, &mut report).unwrap();
        assert_eq!(remote, "127.0.0.1:4001".parse().unwrap());
        bob.receive_report(now, &report[..length]);
        let (length, _) = bob.report(now, &mut report).unwrap();
        alice.receive_report(now, &report[..length]);
        let reports = alice.reports();
        assert_eq!(reports.remote_sent.unwrap().packets, 150);
        let reception = reports.remote_reception.unwrap();
        assert_eq!((reception.packets_lost, reception.fraction_lost), (0, 0.0));
        assert!(reception.jitter_ms < 0.1);
        assert!(reception.round_trip.unwrap() < Duration::from_millis(1));
    }
}
