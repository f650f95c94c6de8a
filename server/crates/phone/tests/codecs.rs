//! Each codec from the offer to the sound, against a switchboard that answers as it is told and echoes.

mod switchboard;

use phone::load::{self, Load};
use phone::{Call, CallConfig, CallError, Codec, Sound, call};
use std::time::Duration;
use switchboard::{Seen, Switchboard};

/// Each test is over in a few seconds; this only ends one that hangs.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Payload types and attributes of an answer by each codec alone.
const ANSWERS: [(Codec, &str, &str); 4] = [
    (Codec::Pcmu, "0", ""),
    (Codec::Pcma, "8", "a=rtpmap:8 PCMA/8000\r\n"),
    (Codec::G722, "9", "a=rtpmap:9 G722/8000\r\n"),
    (Codec::Opus, "111", "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n"),
];

async fn dial(board: &Switchboard, codecs: &[Codec]) -> Result<Call, CallError> {
    let mut config = CallConfig::new(board.address, "3000", "0611111111");
    config.codecs = codecs.to_vec();
    config.record = true;
    call(config, Sound::tone(440.0)).await
}

async fn bounded(test: impl Future<Output = ()>) {
    tokio::time::timeout(TEST_TIMEOUT, test).await.expect("the test hangs");
}

#[tokio::test]
async fn the_answer_decides_and_a_tone_is_heard_in_every_codec() {
    bounded(async {
        for (codec, types, attributes) in ANSWERS {
            let board = Switchboard::open_with(types, attributes).await;
            let call = dial(&board, &Codec::ALL).await.expect("it is answered");
            assert_eq!(call.codec(), Some(codec));
            call.wait_until(TEST_TIMEOUT, |heard| heard.tone(440.0)).await.expect("the echo is heard");
            call.set_sound(Sound::tone(900.0));
            let changed = |heard: &phone::Heard| heard.tone(900.0) && !heard.tone(440.0);
            call.wait_until(TEST_TIMEOUT, changed).await.expect("the new tone is heard");
            let recording = call.take_recording();
            assert_eq!(recording.rate_hz, codec.rate_hz());
            assert!(!recording.samples.is_empty());
            let statistics = call.hang_up().await.statistics;
            assert_eq!((statistics.datagrams_refused, statistics.packets_lost), (0, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_was_not_offered_is_hung_up() {
    bounded(async {
        let mut board = Switchboard::open_with("9", "").await;
        let refused = dial(&board, &[Codec::Opus, Codec::Pcma]).await.map(drop);
        assert!(matches!(refused, Err(CallError::Answer(_))), "{refused:?}");
        board.until(|seen| matches!(seen, Seen::HungUp(_))).await;
    })
    .await;
}

#[tokio::test]
async fn digits_are_heard_as_tones_where_telephone_events_are_not_offered() {
    bounded(async {
        let board = Switchboard::open().await;
        let mut config = CallConfig::new(board.address, "3000", "0611111111");
        config.telephone_event = false;
        let call = call(config, Sound::Silence).await.expect("it is answered");
        let (typed, echo) = tokio::join!(
            call.digits("5"),
            call.wait_until(TEST_TIMEOUT, |heard| heard.tone(770.0) && heard.tone(1336.0))
        );
        typed.expect("the digit is typed");
        echo.expect("its tones are heard");
        call.hang_up().await;
    })
    .await;
}

/// The switchboard echoes: all calls hear themselves, so none is right that talks, and each that is silent.
#[tokio::test]
async fn a_load_of_every_codec_sends_and_counts() {
    bounded(async {
        for (codec, types, attributes) in ANSWERS {
            let board = Switchboard::open_with(types, attributes).await;
            let load = Load {
                server: board.address,
                rooms: vec!["3000".into()],
                calls: 4,
                talkers_per_room: 1,
                calls_per_second: 100.0,
                hold: Duration::from_millis(300),
                pin: None,
                codec,
                threads: 1,
                listeners: 4,
                rtcp: false,
            };
            let report = load::run(load).await.expect("the load begins");
            assert_eq!((report.answered, report.dropped, report.listened), (4, 0, 4), "{codec:?}");
            // The talker hears itself, and the others do not hear it.
            assert_eq!(report.heard_right, 0, "{codec:?}");
            let statistics = report.statistics;
            assert!(statistics.packets_received > 0 && statistics.packets_lost == 0, "{codec:?}");
            assert_eq!(statistics.datagrams_refused, 0, "{codec:?}");
        }
    })
    .await;
}
