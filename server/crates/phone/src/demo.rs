//! `conference demo`: callers who really dial in, and talk in turns until they are stopped.

mod turns;

use crate::call::{Call, CallConfig, CallError, call};
use crate::menu;
use crate::sound::{Pcm, Sound};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use turns::{Turn, Turns};

/// Between one caller's arrival and the next one's dialling.
const ARRIVAL_GAP: Duration = Duration::from_millis(1_200);
/// How long before the end of a sentence another one cuts in.
const CUT_IN: Duration = Duration::from_millis(700);
/// A caller who was put out of the room, or did not get in, tries again after this.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// What `##` is given to end the call.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(4);
/// Seconds that a caller who has left stays away.
const AWAY_S: std::ops::Range<u64> = 6..14;
/// Samples in a second of what the voices say.
const CLIP_RATE_HZ: u32 = 8_000;
/// With nobody in the room, look again after this.
const EMPTY_ROOM: Duration = Duration::from_millis(500);

/// Which room, and who is in it.
#[derive(Clone, Debug)]
pub struct DemoArgs {
    pub server: SocketAddr,
    /// The number to dial.
    pub number: String,
    pub pin: Option<String>,
    pub voices: Vec<DemoVoice>,
}

/// One caller.
#[derive(Clone, Debug)]
pub struct DemoVoice {
    /// The calling number.
    pub number: String,
    pub name: String,
    /// What the voice has to say, sentence by sentence: 8 kHz. Without any, it listens.
    pub clips: Vec<Vec<i16>>,
}

/// Dials in with all voices, one after the other, and lets them talk until `shutdown` resolves; then hangs up.
///
/// A caller who is put out of the room comes back after ten seconds.
///
/// # Errors
/// If one of the callers does not get in at the beginning.
pub async fn run(args: DemoArgs, shutdown: impl Future<Output = ()>) -> Result<(), CallError> {
    let mut callers = Vec::new();
    let mut rng = StdRng::from_rng(&mut rand::rng());
    let result = tokio::select! {
        () = shutdown => Ok(()),
        result = meeting(&args, &mut callers, &mut rng) => result,
    };
    let goodbyes: Vec<_> = callers.into_iter().map(|caller| tokio::spawn(caller.leave())).collect();
    for goodbye in goodbyes {
        // A caller's task does not panic, and if it did, the others still have to be waited for.
        let _ = goodbye.await;
    }
    result
}

/// Ends only by an error.
async fn meeting(args: &DemoArgs, callers: &mut Vec<Caller>, rng: &mut StdRng) -> Result<(), CallError> {
    for voice in &args.voices {
        let caller = Arc::new(Line::new(args, voice));
        let call = caller.dial_in().await?;
        callers.push(Caller { line: caller, presence: Presence::In(call) });
        tokio::time::sleep(ARRIVAL_GAP).await;
    }
    let mut turns = Turns::new(args.voices.iter().map(|voice| voice.clips.len()).collect());
    loop {
        for caller in callers.iter_mut() {
            caller.look_after().await;
        }
        let present: Vec<bool> =
            callers.iter().map(|caller| matches!(caller.presence, Presence::In(_))).collect();
        match turns.next(&present, rng) {
            Some(turn) => talk(callers, turn).await,
            None => tokio::time::sleep(EMPTY_ROOM).await,
        }
        if let Some(leaver) = turns.leaver(&present, rng) {
            let caller = callers.remove(leaver);
            let pause = Duration::from_secs(rng.random_range(AWAY_S));
            callers.insert(leaver, caller.gone_for_a_while(pause));
        }
    }
}

/// One sentence, and perhaps another that cuts in.
async fn talk(callers: &[Caller], turn: Turn) {
    tokio::time::sleep(turn.pause).await;
    let lasts = say(callers, turn.speaker, turn.clip);
    let Some((speaker, clip)) = turn.cut_in else { return tokio::time::sleep(lasts).await };
    tokio::time::sleep(lasts.saturating_sub(CUT_IN)).await;
    let lasts = say(callers, speaker, clip);
    tokio::time::sleep(lasts.max(CUT_IN)).await;
}

/// Returns how long it lasts.
fn say(callers: &[Caller], speaker: usize, clip: usize) -> Duration {
    let Some(Caller { line, presence: Presence::In(call) }) = callers.get(speaker) else {
        return Duration::ZERO;
    };
    let Some(pcm) = line.clips.get(clip) else { return Duration::ZERO };
    call.set_sound(Sound::clip(pcm.clone()));
    pcm.duration()
}

/// A caller's telephone: what it takes to dial in, again and again.
struct Line {
    config: CallConfig,
    pin: Option<String>,
    clips: Vec<Pcm>,
}

struct Caller {
    line: Arc<Line>,
    presence: Presence,
}

enum Presence {
    In(Call),
    /// Away; the task ends when the caller is in again.
    Away(JoinHandle<Call>),
}

impl Line {
    fn new(args: &DemoArgs, voice: &DemoVoice) -> Line {
        let mut config = CallConfig::new(args.server, &args.number, &voice.number);
        config.display_name = Some(voice.name.clone());
        let clips = voice.clips.iter().map(|clip| Pcm::new(clip.as_slice(), CLIP_RATE_HZ)).collect();
        Line { config, pin: args.pin.clone(), clips }
    }

    async fn dial_in(&self) -> Result<Call, CallError> {
        let call = call(self.config.clone(), Sound::Silence).await?;
        if let Some(pin) = &self.pin
            && let Err(error) = menu::enter_pin(&call, pin).await
        {
            tracing::warn!(from = %self.config.from, %error, "the PIN could not be typed");
        }
        Ok(call)
    }

    /// Stays away for `pause`, then dials until it gets in.
    async fn come_back(self: Arc<Self>, mut pause: Duration) -> Call {
        loop {
            tokio::time::sleep(pause).await;
            match self.dial_in().await {
                Ok(call) => return call,
                Err(error) => tracing::info!(from = %self.config.from, %error, "a demo caller tries again"),
            }
            pause = TRY_AGAIN;
        }
    }
}

impl Caller {
    /// Follows what has happened to the call meanwhile.
    async fn look_after(&mut self) {
        match &mut self.presence {
            Presence::In(call) if call.is_over() => {
                self.presence = Presence::Away(tokio::spawn(Arc::clone(&self.line).come_back(TRY_AGAIN)));
            }
            Presence::Away(task) if task.is_finished() => {
                self.presence = match task.await {
                    Ok(call) => Presence::In(call),
                    Err(_) => Presence::Away(tokio::spawn(Arc::clone(&self.line).come_back(TRY_AGAIN))),
                };
            }
            Presence::In(_) | Presence::Away(_) => {}
        }
    }

    /// Leaves by `##`, and comes back after `pause`.
    fn gone_for_a_while(self, pause: Duration) -> Caller {
        let Presence::In(call) = self.presence else { return self };
        let line = Arc::clone(&self.line);
        let task = tokio::spawn(async move {
            leave_by_keys(call).await;
            line.come_back(pause).await
        });
        Caller { line: self.line, presence: Presence::Away(task) }
    }

    async fn leave(self) {
        match self.presence {
            Presence::In(call) => drop(call.hang_up().await),
            // The call that is being placed goes with the task, and cancels itself.
            Presence::Away(task) => task.abort(),
        }
    }
}

/// Leaves as a person does; hangs up if the keys have no effect.
async fn leave_by_keys(call: Call) {
    if call.digits("##").await.is_ok() {
        let _ = tokio::time::timeout(LEAVE_TIMEOUT, call.ended()).await;
    }
    call.hang_up().await;
}
