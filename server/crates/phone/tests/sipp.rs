//! The telephone against SIPp: what it sends is understood by a program that is not ours.
//!
//! SIPp (Debian's sip-tester) has to be installed; `cargo xtask test` sees to it.

use phone::{Call, CallConfig, CallError, Codec, Direction, End, Progress, Reinvite, Sound, call, dial};
use std::net::{SocketAddr, UdpSocket};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::process::{Child, Command};

/// Each test is over in a second or two; this only ends one that hangs.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// SIPp as the called side, for one call.
struct Sipp {
    child: Child,
    address: SocketAddr,
}

impl Sipp {
    /// `scenario`: a file of `tests/sipp/`, or the built-in `uas`.
    fn start(scenario: &str) -> Sipp {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sipp");
        let file = format!("{folder}/{scenario}.xml");
        let scenario = if scenario == "uas" { ["-sn", "uas"] } else { ["-sf", &file] };
        let address = free_port();
        let child = Command::new("sipp")
            .args(scenario)
            .args(["-rtp_echo", "-i", "127.0.0.1", "-m", "1", "-nostdin"])
            .args(["-p", &address.port().to_string(), "-mp", &free_port().port().to_string()])
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("SIPp is needed (Debian's package sip-tester)");
        Sipp { child, address }
    }

    fn config(&self) -> CallConfig {
        let mut config = CallConfig::new(self.address, "3000", "+33972000001");
        config.display_name = Some("Élodie \"É\" Martin".into());
        config
    }

    /// Calls as soon as SIPp listens: until then the kernel says that nobody does.
    async fn call(&self, sound: Sound) -> Result<Call, CallError> {
        self.call_as(self.config(), sound).await
    }

    async fn call_as(&self, config: CallConfig, sound: Sound) -> Result<Call, CallError> {
        loop {
            match call(config.clone(), sound.clone()).await {
                Err(CallError::Unreachable(_)) => tokio::task::yield_now().await,
                result => return result,
            }
        }
    }

    /// SIPp ends when its scenario has been followed to the end, and says whether it was.
    async fn was_followed(mut self) -> bool {
        self.child.wait().await.expect("SIPp ends").success()
    }
}

/// A port that is free now; the even ones, as RTP wants them. Below those that the system gives to sockets that name none, or a
/// telephone of another test could have it before SIPp does.
fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = 20_000 + (std::process::id() % 100) as u16 * 100;
    loop {
        // SIPp has four ports from the one on that it is given.
        let address =
            SocketAddr::from(([127, 0, 0, 1], begin + NEXT.fetch_add(4, Ordering::Relaxed) % 2_000));
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

async fn bounded(test: impl Future<Output = ()>) {
    tokio::time::timeout(TEST_TIMEOUT, test).await.expect("the test hangs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_hears_its_echo_and_is_hung_up() {
    bounded(async {
        let sipp = Sipp::start("uas");
        let call = sipp.call(Sound::tone(440.0)).await.unwrap();
        call.wait_until(TEST_TIMEOUT, |heard| heard.tone(440.0)).await.expect("the echo is heard");
        // SIPp's own answer has no telephone-events: the digit goes as tones, and comes back as such.
        let (typed, echo) = tokio::join!(
            call.digits("1"),
            call.wait_until(TEST_TIMEOUT, |heard| heard.tone(697.0) && heard.tone(1209.0))
        );
        typed.expect("the digit is typed");
        echo.expect("its tones are heard");
        let report = call.hang_up().await;
        assert_eq!(report.end, End::HungUpHere);
        assert!(report.statistics.packets_received > 0);
        assert!(sipp.was_followed().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_by_opus_is_offered_heard_and_types_digits() {
    bounded(async {
        let sipp = Sipp::start("wideband");
        let mut config = sipp.config();
        config.codecs = vec![Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];
        let call = sipp.call_as(config, Sound::tone(440.0)).await.unwrap();
        assert_eq!(call.codec(), Some(Codec::Opus));
        call.wait_until(TEST_TIMEOUT, |heard| heard.tone(440.0)).await.expect("the echo is heard");
        call.digits("1").await.unwrap();
        let report = call.hang_up().await;
        assert_eq!(report.end, End::HungUpHere);
        assert_eq!(report.statistics.datagrams_refused, 0);
        assert!(sipp.was_followed().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_in_the_other_side_s_words() {
    bounded(async {
        let sipp = Sipp::start("refuses");
        match sipp.call(Sound::Silence).await.map(|_| ()) {
            Err(CallError::Refused { code: 486, reason }) => assert_eq!(reason, "The room is full"),
            other => panic!("{other:?}"),
        }
        assert!(sipp.was_followed().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_rings_is_cancelled() {
    bounded(async {
        let sipp = Sipp::start("rings");
        let dialling = loop {
            let mut dialling = dial(sipp.config(), Sound::Silence).await.unwrap();
            while dialling.progress() == Progress::Dialling {
                dialling.changed().await;
            }
            if dialling.progress() != Progress::Over {
                break dialling;
            }
        };
        assert_eq!(dialling.progress(), Progress::Ringing { code: 180 });
        dialling.cancel().await;
        assert!(sipp.was_followed().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_types_digits_moves_its_media_and_hears_on() {
    bounded(async {
        let sipp = Sipp::start("accepts");
        let call = sipp.call(Sound::tone(440.0)).await.unwrap();
        call.digits("12#").await.unwrap();
        call.wait_until(TEST_TIMEOUT, |heard| heard.tone(440.0)).await.expect("the echo is heard");
        let change = Reinvite { direction: Direction::SendRecv, new_source: true };
        call.reinvite(change).await.unwrap();
        call.set_sound(Sound::tone(900.0));
        call.wait_until(TEST_TIMEOUT, |heard| heard.tone(900.0))
            .await
            .expect("the echo is heard at the new port");
        // The echo brings our own SSRC back: the old one, then the new one.
        assert_eq!(call.statistics().sources, 2);
        assert_eq!(call.hang_up().await.end, End::HungUpHere);
        assert!(sipp.was_followed().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_side_holds_asks_and_hangs_up() {
    bounded(async {
        let sipp = Sipp::start("changes");
        let call = sipp.call(Sound::tone(440.0)).await.unwrap();
        assert_eq!(call.ended().await, End::HungUpThere);
        assert!(sipp.was_followed().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_listens_the_call_says_so_at_once() {
    bounded(async {
        let address = free_port();
        match call(CallConfig::new(address, "3000", "100"), Sound::Silence).await.map(|_| ()) {
            Err(CallError::Unreachable(server)) => assert_eq!(server, address),
            other => panic!("{other:?}"),
        }
    })
    .await;
}
