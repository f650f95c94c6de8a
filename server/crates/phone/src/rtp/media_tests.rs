//! Two telephones that exchange packets without a network, and a clock that is moved by hand.

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
        media.tick(deadline + Duration::from_millis(u64::from(tick % 7)), &mut [0; PACKET_BYTES]).unwrap();
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
