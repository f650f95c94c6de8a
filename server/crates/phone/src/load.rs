//! Many calls at once, for the benches: they come in at a rate, talk or listen, check what they hear, and go.
//!
//! Signalling runs on the caller's runtime, media in a few threads of its own. What is said was encoded before, and what
//! comes is counted, not decoded, until the measured time is over: then a sample of the calls listens. The load is a
//! bench's, not a proof: an independent generator stands beside it in the end-to-end tests.

use crate::call::{Call, CallConfig, CallError, dial_on};
use crate::codec::Codec;
use crate::hear::Heard;
use crate::menu;
use crate::rtp::Statistics;
use crate::rtp::thread::MediaThread;
use crate::rtp::voice::Encoded;
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
/// How long a call that listens may take to hear right, after [`Load::hold`].
const HEARING_TIMEOUT: Duration = Duration::from_secs(2);
/// Frames of 20 ms that are heard before it is judged whether that is right: the ear's 100 ms, and what waits before it.
const HEARING_FRAMES: u64 = 10;
/// Frames of the loop that a talker sends: a second, in which each of the tones is whole.
const TALK_FRAMES: usize = 50;
/// Calls that hang up in a second: as fast as exchanges let go, and no burst of BYEs that has to be sent again.
const LEAVING_PER_SECOND: f64 = 500.0;
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
    /// The only codec that is offered.
    pub codec: Codec,
    /// Media threads, 1 or more.
    pub threads: usize,
    /// So many calls, or all if there are fewer, listen at the end to whether they hear right.
    pub listeners: usize,
    /// Whether each call has a second socket, sends reports, and reads the server's.
    pub rtcp: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("no rooms, no calls, no threads, too many talkers, or no rate: there is nothing to do")]
    Nothing,
    #[error("{needed} files are needed, and {allowed} allowed: raise the limit (ulimit -n)")]
    Files { needed: u64, allowed: u64 },
    #[error("there is no encoder of this codec")]
    Codec,
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
    /// Calls that listened.
    pub listened: usize,
    /// Of those, the ones that heard all talkers of their room, and not themselves.
    pub heard_right: usize,
    /// From INVITE to answer, in the order of their length.
    pub setup_times: Vec<Duration>,
    /// All calls' counts together, up to the end of [`Load::hold`].
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

/// What became of one call, when the load is over.
enum Outcome {
    Failed(CallError),
    Answered(Box<Answered>),
}

struct Answered {
    call: Call,
    dropped: bool,
    /// None: it did not listen.
    heard_right: Option<bool>,
    statistics: Statistics,
}

/// What all calls need.
struct Plan {
    load: Load,
    repertoire: Repertoire,
}

/// What is said, encoded once for all who say it.
pub(crate) struct Repertoire {
    pub(crate) silence: Arc<Encoded>,
    /// What each of a room's talkers says, by their place.
    pub(crate) talk: Vec<Arc<Encoded>>,
}

impl Repertoire {
    /// None if there is no encoder.
    pub(crate) fn new(codec: Codec, talkers: usize) -> Option<Repertoire> {
        let encode = |sound, frames| Encoded::new(sound, codec, frames).map(Arc::new);
        let talk = |talker| encode(tone_at(tone_hz(talker), talkers), TALK_FRAMES);
        Some(Repertoire {
            silence: encode(Sound::Silence, 1)?,
            talk: (0..talkers).map(talk).collect::<Option<_>>()?,
        })
    }
}

/// Runs the load to its end; it takes about `calls / calls_per_second + hold`, and some seconds to hear and leave.
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
    let sockets_per_call = if load.rtcp { 3 } else { 2 };
    allow_files(load.calls as u64 * sockets_per_call + SPARE_FILES)?;
    let threads: Vec<_> = (0..load.threads).map(|_| MediaThread::start_crowd()).collect::<Result<_, _>>()?;
    let plan = Arc::new(Plan::new(load).ok_or(LoadError::Codec)?);
    let load = &plan.load;
    let (all_in, is_over) = watch::channel(false);
    let mut calls = JoinSet::new();
    let begin = Instant::now();
    for number in 0..load.calls {
        let arrival = begin + Duration::from_secs_f64(number as f64 / load.calls_per_second);
        tokio::time::sleep_until(arrival.into()).await;
        let thread = Arc::clone(&threads[number % threads.len()]);
        calls.spawn(one_call(Arc::clone(&plan), thread, number, is_over.clone()));
    }
    tokio::time::sleep(load.hold).await;
    all_in.send_replace(true);
    let mut report = LoadReport::default();
    let mut staying = Vec::new();
    while let Some(outcome) = calls.join_next().await {
        // A call's task does not panic; were it to, the sum of the counts would show it.
        if let Ok(outcome) = outcome {
            staying.extend(report.count(outcome));
        }
    }
    report.setup_times.sort_unstable();
    leave(staying).await;
    Ok(report)
}

/// All talk on until the last has listened; then they go, one after the other.
async fn leave(calls: Vec<Call>) {
    let begin = Instant::now();
    let mut leaving = JoinSet::new();
    for (number, call) in calls.into_iter().enumerate() {
        let at = begin + Duration::from_secs_f64(number as f64 / LEAVING_PER_SECOND);
        tokio::time::sleep_until(at.into()).await;
        leaving.spawn(call.hang_up());
    }
    while leaving.join_next().await.is_some() {}
}

impl Plan {
    /// None if there is no encoder.
    fn new(load: Load) -> Option<Plan> {
        let repertoire = Repertoire::new(load.codec, load.talkers_per_room)?;
        Some(Plan { load, repertoire })
    }

    fn listens(&self, number: usize) -> bool {
        // Spread evenly over all.
        let before = |number: usize| number * self.load.listeners.min(self.load.calls) / self.load.calls;
        before(number + 1) > before(number)
    }
}

impl LoadReport {
    /// Returns the call if there is one.
    fn count(&mut self, outcome: Outcome) -> Option<Call> {
        match outcome {
            Outcome::Failed(error) => {
                *self.failed.entry(error.to_string()).or_default() += 1;
                None
            }
            Outcome::Answered(answered) => {
                self.answered += 1;
                self.dropped += usize::from(answered.dropped);
                self.listened += usize::from(answered.heard_right.is_some());
                self.heard_right += usize::from(answered.heard_right == Some(true));
                self.setup_times.push(answered.call.setup_time());
                self.statistics.add(&answered.statistics);
                Some(answered.call)
            }
        }
    }
}

async fn one_call(
    plan: Arc<Plan>,
    thread: Arc<MediaThread>,
    number: usize,
    mut is_over: watch::Receiver<bool>,
) -> Outcome {
    let load = &plan.load;
    let tones = Tones::of(load, number);
    let mut config =
        CallConfig::new(load.server, &load.rooms[number % load.rooms.len()], (100_000 + number).to_string());
    config.codecs = vec![load.codec];
    config.rtcp = load.rtcp;
    let answered = match dial_on(&thread, config, Sound::Silence).await {
        Ok(dialling) => {
            dialling.prepare(Arc::clone(&plan.repertoire.silence), load.pin.is_some());
            dialling.answered().await
        }
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
    call.listen(false);
    if let Some(talk) = tones.own.and_then(|talker| plan.repertoire.talk.get(talker)) {
        call.repeat(Arc::clone(talk));
    }
    tokio::select! {
        _ = is_over.wait_for(|over| *over) => {}
        _ = call.ended() => {}
    }
    // Before anybody listens or leaves: that would be measured too.
    let (statistics, dropped) = (call.statistics(), call.is_over());
    let heard_right = if plan.listens(number) { Some(hears_right(&call, &tones).await) } else { None };
    Outcome::Answered(Box::new(Answered { call, dropped, heard_right, statistics }))
}

async fn hears_right(call: &Call, tones: &Tones) -> bool {
    let begin = call.heard().frames;
    call.listen(true);
    let right = |heard: &Heard| heard.frames >= begin + HEARING_FRAMES && tones.are_right(heard);
    call.wait_until(HEARING_TIMEOUT, right).await.is_ok()
}

/// The louder the company, the quieter each: the sum of all stays below clipping.
fn tone_at(frequency_hz: f64, talkers: usize) -> Sound {
    let level_dbov = -20.0 - 20.0 * (talkers as f64 / 4.0).max(1.0).log10();
    Sound::Tone { frequency_hz, level_dbov }
}

fn tone_hz(talker: usize) -> f64 {
    LOWEST_TONE_HZ + TONE_STEP_HZ * talker as f64
}

/// What one call says and should hear, by the talkers' places.
#[derive(Debug, PartialEq)]
struct Tones {
    own: Option<usize>,
    others: Vec<usize>,
}

impl Tones {
    fn of(load: &Load, number: usize) -> Tones {
        let (room, place) = (number % load.rooms.len(), number / load.rooms.len());
        let members = (load.calls - room).div_ceil(load.rooms.len());
        let talkers = load.talkers_per_room.min(members);
        Tones {
            own: (place < talkers).then_some(place),
            others: (0..talkers).filter(|talker| *talker != place).collect(),
        }
    }

    fn are_right(&self, heard: &Heard) -> bool {
        let hears = |talker: usize| heard.tone(tone_hz(talker));
        self.others.iter().all(|talker| hears(*talker)) && self.own.is_none_or(|own| !hears(own))
    }
}

/// Raises the limit of open files: the soft one, and the hard one where that is too low and we may.
fn allow_files(needed: u64) -> Result<(), LoadError> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(std::io::Error::from)?;
    if needed > soft && setrlimit(Resource::RLIMIT_NOFILE, needed, hard.max(needed)).is_err() {
        return Err(LoadError::Files { needed, allowed: hard });
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
            listeners: calls,
            rtcp: false,
        }
    }

    #[test]
    fn calls_are_dealt_out_and_only_the_first_of_a_room_talk() {
        let load = load(2, 5, 2);
        let tones = |number| Tones::of(&load, number);
        assert_eq!(tones(0), Tones { own: Some(0), others: vec![1] });
        assert_eq!(tones(3), Tones { own: Some(1), others: vec![0] });
        assert_eq!(tones(4), Tones { own: None, others: vec![0, 1] });
    }

    #[test]
    fn a_small_room_has_fewer_talkers() {
        let load = load(4, 5, 3);
        assert_eq!(Tones::of(&load, 4), Tones { own: Some(1), others: vec![0] });
        assert_eq!(Tones::of(&load, 3), Tones { own: Some(0), others: vec![] });
    }

    #[test]
    fn those_who_listen_are_spread_and_as_many_as_asked() {
        for (calls, listeners, expected) in
            [(10, 3, 3), (10, 10, 10), (10, 99, 10), (1_000, 200, 200), (7, 0, 0)]
        {
            let plan = Plan::new(Load { listeners, ..load(2, calls, 1) }).unwrap();
            assert_eq!((0..calls).filter(|number| plan.listens(*number)).count(), expected);
            let in_the_first_half = (0..calls / 2).filter(|number| plan.listens(*number)).count();
            assert!(in_the_first_half.abs_diff(expected / 2) <= 1);
        }
    }

    #[test]
    fn each_tone_is_whole_in_a_talker_s_loop() {
        for talker in 0..MAX_TALKERS {
            assert_eq!(tone_hz(talker) * TALK_FRAMES as f64 / 50.0 % 1.0, 0.0);
            assert!(tone_hz(talker) < 3_400.0);
        }
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
