//! The demo's callers and the load, against a switchboard that answers everybody.

mod switchboard;

use phone::demo::{self, DemoArgs, DemoVoice};
use phone::load::{self, Load};
use phone::{CallError, Codec};
use std::time::Duration;
use switchboard::{Seen, Switchboard};

/// Each test is over in a few seconds; this only ends one that hangs.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

fn voice(number: &str) -> DemoVoice {
    // A second of a sound that is not silence.
    let clip = (0..8_000).map(|i| if i % 20 < 10 { 4_000 } else { -4_000 }).collect();
    DemoVoice { number: number.into(), name: format!("Caller {number}"), clips: vec![clip] }
}

fn demo_args(switchboard: &Switchboard) -> DemoArgs {
    let voices = vec![voice("0611111111"), voice("0622222222")];
    DemoArgs { server: switchboard.address, number: "3000".into(), pin: None, voices }
}

#[tokio::test]
async fn the_demo_dials_in_talks_and_hangs_up_when_told_to() {
    let mut board = Switchboard::open().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let args = demo_args(&board);
    let demo = tokio::spawn(demo::run(args, async { drop(stopped.await) }));
    let watched = async {
        board.until(|seen| *seen == Seen::CallFrom("0611111111".into())).await;
        board.until(|seen| *seen == Seen::CallFrom("0622222222".into())).await;
        board.until(|seen| *seen == Seen::Talk).await;
        stop.send(()).expect("the demo still runs");
        let is_goodbye = |seen: &Seen| matches!(seen, Seen::HungUp(_));
        let mut goodbyes = [board.until(is_goodbye).await, board.until(is_goodbye).await];
        goodbyes.sort_by_key(|seen| format!("{seen:?}"));
        assert_eq!(goodbyes, [Seen::HungUp("0611111111".into()), Seen::HungUp("0622222222".into())]);
        demo.await.expect("the demo does not panic").expect("nothing went wrong");
    };
    tokio::time::timeout(TEST_TIMEOUT, watched).await.expect("the test hangs");
}

#[tokio::test]
async fn a_demo_that_does_not_get_in_says_why() {
    let mut args = demo_args(&Switchboard::open().await);
    // Port 9 of loopback: nobody is there.
    args.server = "127.0.0.1:9".parse().expect("an address");
    let result = tokio::time::timeout(TEST_TIMEOUT, demo::run(args, std::future::pending())).await;
    assert!(matches!(result, Ok(Err(CallError::Unreachable(_)))), "{result:?}");
}

#[tokio::test]
async fn a_load_counts_its_calls() {
    let mut board = Switchboard::open().await;
    let load = Load {
        server: board.address,
        rooms: vec!["3000".into(), "3001".into()],
        calls: 5,
        talkers_per_room: 0,
        calls_per_second: 100.0,
        hold: Duration::ZERO,
        pin: None,
        codec: Codec::Pcmu,
        threads: 2,
        listeners: 3,
        rtcp: true,
    };
    let report = tokio::time::timeout(TEST_TIMEOUT, load::run(load)).await.expect("the test hangs");
    let report = report.expect("the load begins");
    assert_eq!(
        (report.answered, report.dropped, report.failed.len(), report.setup_times.len()),
        (5, 0, 0, 5)
    );
    assert_eq!((report.listened, report.heard_right), (3, 3));
    for _ in 0..5 {
        board.until(|seen| matches!(seen, Seen::HungUp(_))).await;
    }
}
