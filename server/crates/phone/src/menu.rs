//! The menu before the conference, from the caller's side: listen, then type the PIN.

use crate::call::{Call, DigitsError};
use std::time::Duration;

/// A pause this long ends a prompt, in ticks of 20 ms: speech itself pauses for less.
const QUIET_AFTER_SPEECH: u32 = 40;
/// Where nothing is said for this long, no prompt is waited for, in ticks of 20 ms.
const QUIET_AT_ALL: u32 = 100;
/// However long it goes on, then the PIN is typed.
const PATIENCE: Duration = Duration::from_secs(12);

/// Waits until the prompt has been spoken, or 2 s where there is none, then types `pin` and `#`.
///
/// # Errors
/// As [`Call::digits`].
pub async fn enter_pin(call: &Call, pin: &str) -> Result<(), DigitsError> {
    let mut prompt = PromptEnd::default();
    // Past the patience, or with the call over, `digits` does or says what is right.
    let _ = call.wait_until(PATIENCE, |heard| prompt.has_ended(heard.frames, heard.is_silent())).await;
    call.digits(&format!("{pin}#")).await
}

/// Follows a prompt: first it is waited for, then it is spoken, then it is quiet.
#[derive(Debug, Default)]
struct PromptEnd {
    spoken: bool,
    quiet_since: Option<u64>,
}

impl PromptEnd {
    /// `frames`: ticks of 20 ms since the answer, so that a tick looked at twice counts once.
    fn has_ended(&mut self, frames: u64, silent: bool) -> bool {
        if !silent {
            (self.spoken, self.quiet_since) = (true, None);
            return false;
        }
        let since = *self.quiet_since.get_or_insert(frames);
        frames - since >= u64::from(if self.spoken { QUIET_AFTER_SPEECH } else { QUIET_AT_ALL })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many ticks of `speech` (one character a tick: `s` sound, `.` silence, the last goes on) it has ended.
    fn ends_after(speech: &str) -> u64 {
        let mut prompt = PromptEnd::default();
        let last = speech.bytes().last().unwrap_or(b'.');
        let sounds = speech.bytes().chain(std::iter::repeat(last));
        sounds.zip(0u64..1_000).find(|(sound, tick)| prompt.has_ended(*tick, *sound == b'.')).unwrap().1
    }

    #[test]
    fn without_a_prompt_it_ends_after_two_seconds() {
        assert_eq!(ends_after("."), 100);
    }

    #[test]
    fn a_prompt_ends_with_a_long_pause_and_not_with_a_short_one() {
        let prompt = format!("{}{}{}{}.", ".".repeat(30), "s".repeat(70), ".".repeat(39), "s".repeat(100));
        assert_eq!(ends_after(&prompt), 30 + 70 + 39 + 100 + 40);
    }
}
