//! One call's media: the sound it sends, what it hears, its digits. No socket, no clock.

use super::receive::Receiver;
use super::send::{PACKET_BYTES, Sender};
use super::statistics::Statistics;
use crate::codec::{Codec, FRAME_SAMPLES, Frame, PTIME_MS, SAMPLE_RATE_HZ};
use crate::dtmf::{DialPad, Digit, Due};
use crate::hear::{Ear, Heard};
use crate::sdp::Direction;
use crate::sound::{Player, Sound};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Longest recording that is kept, in samples: an hour. Take it before, and it goes on.
const RECORDING_SAMPLES: usize = 3_600 * SAMPLE_RATE_HZ as usize;
/// Packets later than this after their deadline are counted.
const LATE: Duration = Duration::from_millis(5);
/// Whoever wakes up later than this leaves frames out instead of sending a burst.
const GIVE_UP: Duration = Duration::from_millis(100);

/// Where and how sound is sent, as agreed by offer and answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreed {
    pub(crate) remote: SocketAddr,
    pub(crate) codec: Codec,
    pub(crate) telephone_event: Option<u8>,
    pub(crate) direction: Direction,
}

#[derive(Debug)]
pub(crate) struct Media {
    agreed: Option<Agreed>,
    sender: Sender,
    player: Player,
    pad: DialPad,
    receiver: Receiver,
    ear: Ear,
    recording: Option<Vec<i16>>,
    /// Deadline of the next tick.
    deadline: Instant,
    sent: u64,
    sent_late: u64,
    /// Tells those who wait that a frame was heard, or a digit is through.
    ticks: watch::Sender<u64>,
}

impl Media {
    pub(crate) fn new(sound: Sound, record: bool, now: Instant, rng: &mut impl rand::Rng) -> Media {
        Media {
            agreed: None,
            sender: Sender::new(rng),
            player: Player::new(sound),
            pad: DialPad::default(),
            receiver: Receiver::default(),
            ear: Ear::default(),
            recording: record.then(Vec::new),
            deadline: now,
            sent: 0,
            sent_late: 0,
            ticks: watch::Sender::new(0),
        }
    }

    /// The first tick is due now.
    pub(crate) fn start(&mut self, now: Instant) {
        self.deadline = now;
    }

    /// Offer and answer have been exchanged, for the first time or again.
    pub(crate) fn agree(&mut self, agreed: Agreed) {
        self.agreed = Some(agreed);
    }

    /// Sends from now on as another source: new SSRC, sequence and timestamp.
    pub(crate) fn change_source(&mut self, rng: &mut impl rand::Rng) {
        self.sender = Sender::new(rng);
    }

    pub(crate) fn set_sound(&mut self, sound: Sound) {
        self.player = Player::new(sound);
    }

    pub(crate) fn telephone_event(&self) -> Option<u8> {
        self.agreed.and_then(|agreed| agreed.telephone_event)
    }

    /// Queues digits; they are through when [`Media::digits_sent`] has reached the returned count.
    pub(crate) fn press(&mut self, digits: &[Digit]) -> u64 {
        self.pad.press(digits)
    }

    pub(crate) fn digits_sent(&self) -> u64 {
        self.pad.sent()
    }

    pub(crate) fn heard(&self) -> Heard {
        self.ear.heard()
    }

    pub(crate) fn ticks(&self) -> watch::Receiver<u64> {
        self.ticks.subscribe()
    }

    pub(crate) fn take_recording(&mut self) -> Vec<i16> {
        self.recording.as_mut().map(std::mem::take).unwrap_or_default()
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

    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) {
        let telephone_event = self.telephone_event();
        self.receiver.datagram(now, datagram, telephone_event);
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
        let heard = self.receiver.next_frame();
        self.listen(&heard);
        let due = self.packet(packet);
        self.sender.advance(1);
        if due.is_some() {
            self.sent += 1;
            self.sent_late += u64::from(late > LATE);
        }
        self.ticks.send_modify(|ticks| *ticks += 1);
        due
    }

    fn listen(&mut self, frame: &Frame) {
        self.ear.listen(frame);
        if let Some(recording) = &mut self.recording
            && recording.len() + FRAME_SAMPLES <= RECORDING_SAMPLES
        {
            recording.extend_from_slice(frame);
        }
    }

    fn packet(&mut self, packet: &mut [u8; PACKET_BYTES]) -> Option<(usize, SocketAddr)> {
        let agreed = self.agreed?;
        // Sound and digits go on in time even where the other side does not want to hear them (a hold).
        let frame = self.player.next_frame();
        let due = self.pad.tick();
        if !agreed.direction.sends() {
            return None;
        }
        let length = match (due, agreed.telephone_event) {
            (Due::Event { event, begins }, Some(payload_type)) => {
                self.sender.event(payload_type, event, begins, packet)
            }
            _ => self.sender.sound(agreed.codec, &frame, packet),
        };
        length.map(|length| (length, agreed.remote))
    }

    /// This thread was away for long: these frames are never sent, but time goes on.
    fn leave_out(&mut self, frames: u32) {
        self.sender.advance(frames);
        for _ in 0..frames {
            self.player.next_frame();
            let heard = self.receiver.next_frame();
            self.listen(&heard);
        }
        self.deadline += Duration::from_millis(PTIME_MS) * frames;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rtp_rs::RtpReader;

    fn media(direction: Direction) -> (Media, Instant) {
        let now = Instant::now();
        let mut media = Media::new(Sound::tone(440.0), true, now, &mut rand::rngs::StdRng::seed_from_u64(3));
        let remote = "127.0.0.1:4000".parse().unwrap();
        media.agree(Agreed { remote, codec: Codec::Pcmu, telephone_event: Some(96), direction });
        (media, now)
    }

    #[test]
    fn deadlines_are_absolute_however_late_each_tick_is() {
        let (mut media, start) = media(Direction::SendRecv);
        for tick in 0..50u32 {
            let deadline = media.deadline();
            assert_eq!(deadline, start + Duration::from_millis(20) * tick);
            media
                .tick(deadline + Duration::from_millis(u64::from(tick % 7)), &mut [0; PACKET_BYTES])
                .unwrap();
        }
        // Late by 6 ms: one tick in seven.
        assert_eq!((media.statistics().packets_sent, media.statistics().packets_sent_late), (50, 7));
    }

    #[test]
    fn after_a_long_absence_frames_are_left_out_and_the_timestamp_shows_it() {
        let (mut media, start) = media(Direction::SendRecv);
        let mut timestamps = Vec::new();
        for at in [0, 1_000] {
            let mut packet = [0; PACKET_BYTES];
            let (length, _) = media.tick(start + Duration::from_millis(at), &mut packet).unwrap();
            timestamps.push(RtpReader::new(&packet[..length]).unwrap().timestamp());
        }
        assert_eq!(timestamps[1].wrapping_sub(timestamps[0]), 50 * 160);
        assert_eq!(media.deadline(), start + Duration::from_millis(1_020));
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
    fn two_telephones_hear_each_other() {
        let (mut alice, start) = media(Direction::SendRecv);
        let (mut bob, _) = media(Direction::SendRecv);
        bob.set_sound(Sound::tone(600.0));
        for tick in 0..12 {
            let now = start + Duration::from_millis(20) * tick;
            let (mut from_alice, mut from_bob) = ([0; PACKET_BYTES], [0; PACKET_BYTES]);
            let (length, _) = alice.tick(now, &mut from_alice).unwrap();
            bob.receive(now, &from_alice[..length]);
            let (length, _) = bob.tick(now, &mut from_bob).unwrap();
            alice.receive(now, &from_bob[..length]);
        }
        assert!(alice.heard().tone(600.0) && !alice.heard().tone(440.0));
        assert!(bob.heard().tone(440.0) && !bob.heard().tone(600.0));
        assert_eq!(alice.take_recording().len(), 12 * FRAME_SAMPLES);
        assert!(alice.take_recording().is_empty());
    }
}
