//! Many calls at once, for the benches: they come in at a rate, talk or listen, check what they hear, and go.
//!
//! Signalling runs on the caller's runtime, media in a few threads of its own. The load is a bench's, not a proof:
//! an independent generator stands beside it in the end-to-end tests.

use crate::call::{Call, CallConfig, CallError, dial_on};
use crate::codec::Codec;
use crate::hear::Heard;
use crate::menu;
use crate::rtp::Statistics;
use crate::rtp::thread::MediaThread;
use crate::sound::Sound;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The talkers' tones, in Hz: far enough apart for the ear's 100 ms, and no two sum up to a third.
const LOWEST_TONE_HZ: f64 = 410.0;
const TONE_STEP_HZ: f64 = 130.0;
/// Talkers in one room at most: their tones have to fit below 3,400 Hz, and their sum below clipping.
pub const MAX_TALKERS: usize = 16;
/// How long the last word may take to be heard, in [`Load::hold`]'s end.
const HEARING_TIMEOUT: Duration = Duration::from_secs(2);
/// Files that the rest of the program may have open.
const SPARE_FILES: u64 = 64;

/// What to load the server with.
#[derive(Clone, Debug)]
pub struct Load {
    pub server: SocketAddr,
    /// The numbers of the rooms; calls are dealt out to them in turn.
    pub rooms: Vec<String>,
    pub calls: usize,
    /// The first so many of each room say a tone of their own, 0-[`MAX_TALKERS`]; the others are silent.
    pub talkers_per_room: usize,
    /// Arrivals, above 0.
    pub calls_per_second: f64,
    /// How long all stay after the last has arrived.
    pub hold: Duration,
    pub pin: Option<String>,
    pub codec: Codec,
    /// Media threads, 1 or more.
    pub threads: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("no rooms, no calls, no threads, too many talkers, or no rate: there is nothing to do")]
    Nothing,
    #[error("{needed} files are needed, and {allowed} allowed: raise the limit (ulimit -n)")]
    Files { needed: u64, allowed: u64 },
    #[error("the media threads do not start: {0}")]
    Io(#[from] std::io::Error),
}

/// How it went.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    pub answered: usize,
    /// Calls that were not answered, by reason.
    pub failed: BTreeMap<String, usize>,
    /// Calls that the other side ended, or that were lost.
    pub dropped: usize,
    /// Calls that at the end heard all talkers of their room, and not themselves.
    pub heard_right: usize,
    /// From INVITE to answer, in the order of their length.
    pub setup_times: Vec<Duration>,
    /// All calls' counts together.
    pub statistics: Statistics,
}

impl LoadReport {
    /// The setup time below which the share `quantile` (0.0-1.0) of the calls were answered.
    #[must_use]
    pub fn setup_time(&self, quantile: f64) -> Option<Duration> {
        let last = self.setup_times.len().checked_sub(1)?;
        self.setup_times.get((last as f64 * quantile.clamp(0.0, 1.0)).round() as usize).copied()
    }
}

/// What became of one call.
enum Outcome {
    Failed(CallError),
    Answered { setup_time: Duration, dropped: bool, heard_right: bool, statistics: Statistics },
}

/// Runs the load to its end; it takes about `calls / calls_per_second + hold`.
///
/// # Errors
/// If it cannot begin. Calls that fail are counted in the report.
pub async fn run(load: Load) -> Result<LoadReport, LoadError> {
    let rate_is_sound = load.calls_per_second.is_finite() && load.calls_per_second > 0.0;
    if load.rooms.is_empty() || load.calls == 0 || load.threads == 0 || !rate_is_sound {
        return Err(LoadError::Nothing);
    }
    if load.talkers_per_room > MAX_TALKERS {
        return Err(LoadError::Nothing);
    }
    // Two sockets a call.
    allow_files(load.calls as u64 * 2 + SPARE_FILES)?;
    let threads: Vec<_> = (0..load.threads).map(|_| MediaThread::start()).collect::<Result<_, _>>()?;
    let load = Arc::new(load);
    let (all_in, is_over) = watch::channel(false);
    let mut calls = JoinSet::new();
    let begin = Instant::now();
    for number in 0..load.calls {
        let arrival = begin + Duration::from_secs_f64(number as f64 / load.calls_per_second);
        tokio::time::sleep_until(arrival.into()).await;
        let thread = Arc::clone(&threads[number % threads.len()]);
        calls.spawn(one_call(Arc::clone(&load), thread, number, is_over.clone()));
    }
    tokio::time::sleep(load.hold).await;
    all_in.send_replace(true);
    let mut report = LoadReport::default();
    while let Some(outcome) = calls.join_next().await {
        // A call's task does not panic; were it to, the sum of the counts would show it.
        if let Ok(outcome) = outcome {
            report.count(outcome);
        }
    }
    report.setup_times.sort_unstable();
    Ok(report)
}

impl LoadReport {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Failed(error) => *self.failed.entry(error.to_string()).or_default() += 1,
            Outcome::Answered { setup_time, dropped, heard_right, statistics } => {
                self.answered += 1;
                self.dropped += usize::from(dropped);
                self.heard_right += usize::from(heard_right);
                self.setup_times.push(setup_time);
                self.statistics.add(&statistics);
            }
        }
    }
}

async fn one_call(
    load: Arc<Load>,
    thread: Arc<MediaThread>,
    number: usize,
    mut is_over: watch::Receiver<bool>,
) -> Outcome {
    let tones = Tones::of(&load, number);
    let mut config =
        CallConfig::new(load.server, &load.rooms[number % load.rooms.len()], (100_000 + number).to_string());
    config.codec = load.codec;
    let answered = match dial_on(&thread, config, Sound::Silence).await {
        Ok(dialling) => dialling.answered().await,
        Err(error) => Err(error),
    };
    let call = match answered {
        Ok(call) => call,
        Err(error) => return Outcome::Failed(error),
    };
    if let Some(pin) = &load.pin {
        // A call that cannot type its PIN hears nothing of the room: it is counted as not hearing right.
        let _ = menu::enter_pin(&call, pin).await;
    }
    if let Some(tone) = tones.own {
        call.set_sound(tone_at(tone, load.talkers_per_room));
    }
    tokio::select! {
        _ = is_over.wait_for(|over| *over) => {}
        _ = call.ended() => {}
    }
    hang_up(call, &tones).await
}

async fn hang_up(call: Call, tones: &Tones) -> Outcome {
    let setup_time = call.setup_time();
    let heard_right = call.wait_until(HEARING_TIMEOUT, |heard| tones.are_right(heard)).await.is_ok();
    let dropped = call.is_over();
    let statistics = call.hang_up().await.statistics;
    Outcome::Answered { setup_time, dropped, heard_right, statistics }
}

/// The louder the company, the quieter each: the sum of all stays below clipping.
fn tone_at(frequency_hz: f64, talkers: usize) -> Sound {
    let level_dbov = -20.0 - 20.0 * (talkers as f64 / 4.0).max(1.0).log10();
    Sound::Tone { frequency_hz, level_dbov }
}

/// What one call says and should hear.
#[derive(Debug, PartialEq)]
struct Tones {
    own: Option<f64>,
    others: Vec<f64>,
}

impl Tones {
    fn of(load: &Load, number: usize) -> Tones {
        let (room, place) = (number % load.rooms.len(), number / load.rooms.len());
        let members = (load.calls - room).div_ceil(load.rooms.len());
        let tone = |talker: usize| LOWEST_TONE_HZ + TONE_STEP_HZ * talker as f64;
        let talkers = load.talkers_per_room.min(members);
        Tones {
            own: (place < talkers).then(|| tone(place)),
            others: (0..talkers).filter(|talker| *talker != place).map(tone).collect(),
        }
    }

    fn are_right(&self, heard: &Heard) -> bool {
        self.others.iter().all(|tone| heard.tone(*tone)) && self.own.is_none_or(|tone| !heard.tone(tone))
    }
}

/// Raises the soft limit of open files as far as the hard one lets.
fn allow_files(needed: u64) -> Result<(), LoadError> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(std::io::Error::from)?;
    if needed > hard {
        return Err(LoadError::Files { needed, allowed: hard });
    }
    if needed > soft {
        setrlimit(Resource::RLIMIT_NOFILE, needed, hard).map_err(std::io::Error::from)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(rooms: usize, calls: usize, talkers_per_room: usize) -> Load {
        Load {
            server: "127.0.0.1:9".parse().unwrap(),
            rooms: (0..rooms).map(|room| (3000 + room).to_string()).collect(),
            calls,
            talkers_per_room,
            calls_per_second: 1000.0,
            hold: Duration::ZERO,
            pin: None,
            codec: Codec::Pcma,
            threads: 1,
        }
    }

    #[test]
    fn calls_are_dealt_out_and_only_the_first_of_a_room_talk() {
        let load = load(2, 5, 2);
        let tones = |number| Tones::of(&load, number);
        assert_eq!(tones(0), Tones { own: Some(410.0), others: vec![540.0] });
        assert_eq!(tones(3), Tones { own: Some(540.0), others: vec![410.0] });
        assert_eq!(tones(4), Tones { own: None, others: vec![410.0, 540.0] });
    }

    #[test]
    fn a_small_room_has_fewer_talkers() {
        let load = load(4, 5, 3);
        assert_eq!(Tones::of(&load, 4), Tones { own: Some(540.0), others: vec![410.0] });
        assert_eq!(Tones::of(&load, 3), Tones { own: Some(410.0), others: vec![] });
    }

    #[test]
    fn quantiles_of_the_setup_time() {
        let setup_times = (1..=101).map(Duration::from_millis).collect();
        let report = LoadReport { setup_times, ..LoadReport::default() };
        assert_eq!(report.setup_time(0.5), Some(Duration::from_millis(51)));
        assert_eq!(report.setup_time(1.0), Some(Duration::from_millis(101)));
        assert_eq!(LoadReport::default().setup_time(0.5), None);
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_refused() {
        assert!(matches!(run(load(0, 1, 0)).await, Err(LoadError::Nothing)));
        assert!(matches!(run(load(1, 1, MAX_TALKERS + 1)).await, Err(LoadError::Nothing)));
        assert!(matches!(
            run(Load { calls_per_second: 0.0, ..load(1, 1, 0) }).await,
            Err(LoadError::Nothing)
        ));
        assert!(matches!(run(load(1, usize::MAX >> 8, 0)).await, Err(LoadError::Files { .. })));
    }
}
