//! `conference call`: a telephone for the terminal.

use crate::call::{Call, CallConfig, CallError, CallReport, Dialling, DigitsError, Progress, dial};
use crate::codec::Codec;
use crate::dtmf::{Digit, DigitError};
use crate::menu;
use crate::sip::End;
use crate::sound::Sound;
use crate::uri::{UriError, parse_sip_uri};
use crate::wav::{self, WavError};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often the line in the terminal is drawn anew.
const REDRAW: Duration = Duration::from_millis(200);
/// What an empty bar stands for, in dBov; each of its five steps is 10 dB.
const BAR_FLOOR_DBOV: f64 = -60.0;

/// What `conference call` was asked for.
#[derive(Clone, Debug)]
pub struct CallArgs {
    /// `sip:3000@127.0.0.1[:5060]`.
    pub uri: String,
    /// Typed when the prompt has ended, and followed by `#`.
    pub pin: Option<String>,
    /// A WAV file to say, once.
    pub say: Option<PathBuf>,
    /// Where to write what was heard, as WAV: an hour at most.
    pub record: Option<PathBuf>,
    /// Hang up after this time in the call.
    pub duration: Option<Duration>,
    /// The calling number.
    pub from: String,
    /// The codecs offered, in the order of preference; empty: G.711.
    pub codecs: Vec<Codec>,
    /// Whether telephone-events are offered; without them keys are tones in the sound.
    pub telephone_event: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Uri(#[from] UriError),
    #[error("the PIN cannot be typed: {0}")]
    Pin(#[from] DigitError),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Wav { path: PathBuf, error: WavError },
    #[error(transparent)]
    Call(#[from] CallError),
}

/// What the person at the terminal wants.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Keys(String),
    HangUp,
}

/// Calls, shows in the terminal how it goes, and returns when the call has ended.
///
/// # Errors
/// [`CliError`] if an argument cannot be used or the call does not come about; none if it was hung up.
pub async fn call(args: CallArgs) -> Result<(), CliError> {
    let target = parse_sip_uri(&args.uri)?;
    Digit::parse_all(args.pin.as_deref().unwrap_or_default())?;
    let sound = args.say.as_ref().map_or(Ok(Sound::Silence), read_sound)?;
    let mut config = CallConfig::new(target.address().await?, &target.number, &args.from);
    config.record = args.record.is_some();
    config.telephone_event = args.telephone_event;
    if !args.codecs.is_empty() {
        config.codecs.clone_from(&args.codecs);
    }

    let mut screen = Screen::new();
    screen.line(&format!("Calling {} at {}…", target.number, config.server));
    let mut wishes = listen_to_the_person();
    let dialling = dial(config, sound).await?;
    let Some(call) = until_answered(dialling, &mut wishes, &mut screen).await? else {
        screen.line("Cancelled.");
        return Ok(());
    };
    let codec = call.codec().map_or("", Codec::name);
    screen.line(&format!("In the call, by {codec}. Keys and Enter send digits, q and Enter hang up."));
    talk(&call, &args, &mut wishes, &mut screen).await;
    screen.status.clear();
    let recorded = call.take_recording();
    summary(&call.hang_up().await, &mut screen);
    if let Some(path) = args.record {
        std::fs::write(&path, wav::write(&recorded)).map_err(|error| CliError::File { path, error })?;
    }
    Ok(())
}

/// How it went, as we saw it and as the other side reported.
fn summary(report: &CallReport, screen: &mut Screen) {
    screen.line(&format!("{}, after {}.", ended(&report.end), clock(report.duration)));
    let s = report.statistics;
    screen.line(&format!(
        "{} packets sent, {} received, {} lost, jitter {:.1} ms.",
        s.packets_sent, s.packets_received, s.packets_lost, s.jitter_ms
    ));
    let Some(reception) = report.reports.remote_reception else { return };
    let trip = reception
        .round_trip
        .map_or(String::new(), |trip| format!(", round trip {:.1} ms", trip.as_secs_f64() * 1e3));
    screen.line(&format!(
        "Reported by the other side: {} lost, jitter {:.1} ms{trip}.",
        reception.packets_lost, reception.jitter_ms
    ));
}

fn read_sound(path: &PathBuf) -> Result<Sound, CliError> {
    let file = std::fs::read(path).map_err(|error| CliError::File { path: path.clone(), error })?;
    let pcm = wav::read(&file).map_err(|error| CliError::Wav { path: path.clone(), error })?;
    Ok(Sound::clip(pcm))
}

/// None if the caller gave up first.
async fn until_answered(
    mut dialling: Dialling,
    wishes: &mut mpsc::Receiver<Wish>,
    screen: &mut Screen,
) -> Result<Option<Call>, CallError> {
    loop {
        match dialling.progress() {
            Progress::Dialling => {}
            Progress::Ringing { .. } => screen.status("Ringing…"),
            Progress::Answered | Progress::Over => return dialling.answered().await.map(Some),
        }
        tokio::select! {
            () = dialling.changed() => {}
            () = hang_up_wanted(wishes) => {
                dialling.cancel().await;
                return Ok(None);
            }
        }
    }
}

async fn hang_up_wanted(wishes: &mut mpsc::Receiver<Wish>) {
    loop {
        match next_wish(wishes).await {
            Wish::HangUp => return,
            Wish::Keys(_) => {} // Nobody hears keys before the answer.
        }
    }
}

/// From the answer to whatever ends the call.
async fn talk(call: &Call, args: &CallArgs, wishes: &mut mpsc::Receiver<Wish>, screen: &mut Screen) {
    let mut redraw = tokio::time::interval(REDRAW);
    let mut time_is_up = std::pin::pin!(wait(args.duration));
    let mut pin = std::pin::pin!(enter_pin(call, args.pin.as_deref()));
    let mut pin_is_open = args.pin.is_some();
    loop {
        tokio::select! {
            _ = redraw.tick() => screen.status(&status(call)),
            _ = call.ended() => return,
            () = &mut time_is_up => return,
            typed = &mut pin, if pin_is_open => {
                pin_is_open = false;
                screen.line(&typed.map_or_else(|error| error.to_string(), |()| "PIN typed.".into()));
            }
            wish = next_wish(wishes) => match wish {
                Wish::HangUp => return,
                Wish::Keys(keys) => if let Err(error) = call.start_digits(&keys) {
                    screen.line(&error.to_string());
                },
            },
        }
    }
}

async fn enter_pin(call: &Call, pin: Option<&str>) -> Result<(), DigitsError> {
    match pin {
        Some(pin) => menu::enter_pin(call, pin).await,
        None => Ok(()),
    }
}

async fn wait(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

fn status(call: &Call) -> String {
    format!("In the call, {}, level {}", clock(call.elapsed()), bar(call.heard().level_dbov()))
}

fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds / 3600 {
        0 => format!("{:02}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

fn bar(level_dbov: f64) -> String {
    let steps = ((level_dbov - BAR_FLOOR_DBOV) / 10.0).ceil().clamp(0.0, 5.0) as usize;
    "▮".repeat(steps) + &"▯".repeat(5 - steps)
}

fn ended(end: &End) -> &'static str {
    match end {
        End::HungUpHere | End::Cancelled => "Hung up",
        End::HungUpThere => "The other side hung up",
        End::Lost | End::NoReply | End::Unreachable | End::Refused { .. } => "The connection was lost",
    }
}

/// The next line typed, or Ctrl-C.
async fn next_wish(wishes: &mut mpsc::Receiver<Wish>) -> Wish {
    match wishes.recv().await {
        Some(wish) => wish,
        // Neither keyboard nor signals are there: the call ends by itself.
        None => std::future::pending().await,
    }
}

fn listen_to_the_person() -> mpsc::Receiver<Wish> {
    let (sender, wishes) = mpsc::channel(8);
    let from_keyboard = sender.clone();
    // A thread of its own: tokio's standard input would keep the program from ending until Enter.
    std::thread::spawn(move || read_keyboard(&from_keyboard));
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && sender.send(Wish::HangUp).await.is_ok() {}
    });
    wishes
}

/// Until standard input ends, or nobody wants to know any more.
fn read_keyboard(wishes: &mpsc::Sender<Wish>) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        if let Some(wish) = understand(&line)
            && wishes.blocking_send(wish).is_err()
        {
            return;
        }
    }
}

fn understand(line: &str) -> Option<Wish> {
    match line.trim() {
        "" => None,
        "q" | "Q" => Some(Wish::HangUp),
        keys => Some(Wish::Keys(keys.to_owned())),
    }
}

/// Lines, and below them one that is drawn over and over; where nobody looks, only the lines.
struct Screen {
    is_terminal: bool,
    status: String,
}

impl Screen {
    fn new() -> Screen {
        Screen { is_terminal: io::stdout().is_terminal(), status: String::new() }
    }

    fn status(&mut self, status: &str) {
        if self.is_terminal && self.status != status {
            status.clone_into(&mut self.status);
            self.print(&format!("\r\x1b[K{status}"));
        }
    }

    fn line(&mut self, line: &str) {
        let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
        let status = std::mem::take(&mut self.status);
        self.print(&format!("{clear}{line}\n"));
        self.status(&status);
    }

    /// A terminal that is gone is no reason to end the call.
    fn print(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_in_steps_of_10_db() {
        let bars: Vec<String> = [-127.0, -60.0, -55.0, -25.0, -3.0].into_iter().map(bar).collect();
        assert_eq!(bars, ["▯▯▯▯▯", "▯▯▯▯▯", "▮▯▯▯▯", "▮▮▮▮▯", "▮▮▮▮▮"]);
    }

    #[test]
    fn the_clock_shows_hours_only_when_there_are_some() {
        assert_eq!(clock(Duration::from_secs(72)), "01:12");
        assert_eq!(clock(Duration::from_secs(3 * 3600 + 61)), "3:01:01");
    }

    #[test]
    fn lines_are_keys_or_the_wish_to_hang_up() {
        assert_eq!(understand(" 12# "), Some(Wish::Keys("12#".into())));
        assert_eq!(understand("q"), Some(Wish::HangUp));
        assert_eq!(understand("  "), None);
    }

    #[tokio::test]
    async fn arguments_are_checked_before_anything_is_sent() {
        let args = |uri: &str, pin: Option<&str>, say: Option<&str>| CallArgs {
            uri: uri.into(),
            pin: pin.map(Into::into),
            say: say.map(Into::into),
            record: None,
            duration: None,
            from: "100".into(),
            codecs: Vec::new(),
            telephone_event: true,
        };
        assert!(matches!(call(args("nonsense", None, None)).await, Err(CliError::Uri(_))));
        assert!(matches!(call(args("sip:1@127.0.0.1", Some("12x"), None)).await, Err(CliError::Pin(_))));
        let missing = call(args("sip:1@127.0.0.1", None, Some("/nowhere/at-all.wav"))).await;
        assert!(matches!(missing, Err(CliError::File { .. })));
    }
}
