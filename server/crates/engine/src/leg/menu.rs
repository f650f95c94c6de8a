//! A caller before the conference: greeted, and asked for the PIN if there is one.

use crate::announcement::Announcement;
use crate::event::EndReason;
use crate::params::Menu;
use crate::phrase::Phrase;
use crate::rtp::event::Key;
use crate::speaker::Speaker;
use crate::time::Micros;
use model::limits::{PIN_DIGITS, PIN_TRIES};
use model::{Pin, RecordingId};
use std::sync::Arc;

/// The greeting waits so long for the caller's first packet, so that its beginning is not cut.
const FIRST_PACKET_WITHIN: Micros = Micros::from_ms(200);
/// Silence on the keypad after which a try is over.
const KEY_WITHIN: Micros = Micros::from_ms(10_000);

#[derive(Debug)]
pub(crate) struct MenuState {
    pin: Option<Pin>,
    pub(crate) enter_muted: bool,
    pub(crate) chimes: bool,
    pub(crate) recording: Option<RecordingId>,
    /// What the owner has callers hear first; taken when it is.
    announcement: Option<Arc<Announcement>>,
    /// What the caller hears instead of the greeting.
    refusal: Option<EndReason>,
    /// Before that, keys do not count.
    keys_from: Micros,
    stage: Stage,
    typed: String,
    tries_left: u8,
    /// Any digit came, in any try.
    typed_ever: bool,
    /// That nobody was told of yet.
    wrong_pins: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the greeting.
    Quiet {
        until: Micros,
    },
    Greeting,
    /// The PIN is asked for.
    Asking,
    /// The next key is waited for.
    Listening {
        until: Micros,
    },
    /// The caller is told that the PIN was wrong.
    Correcting,
}

/// What comes next for the leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Stay,
    Enter,
    Refuse(EndReason),
}

impl MenuState {
    pub(crate) fn new(now: Micros, menu: &Menu) -> Self {
        MenuState {
            pin: menu.pin.clone(),
            enter_muted: menu.enter_muted,
            chimes: menu.chimes,
            recording: menu.recording,
            announcement: menu.announcement.clone(),
            refusal: menu.refusal,
            keys_from: now.saturating_add(menu.pin_delay),
            stage: Stage::Quiet { until: now.saturating_add(FIRST_PACKET_WITHIN) },
            typed: String::with_capacity(*PIN_DIGITS.end()),
            tries_left: PIN_TRIES,
            typed_ever: false,
            wrong_pins: 0,
        }
    }

    /// Time has passed. `heard`: a packet of theirs has come.
    pub(crate) fn tick(&mut self, now: Micros, heard: bool, speaker: &mut Speaker) -> Verdict {
        match self.stage {
            Stage::Quiet { until } if heard || now >= until => {
                if let Some(reason) = self.refusal {
                    return Verdict::Refuse(reason);
                }
                if let Some(announcement) = self.announcement.take() {
                    speaker.announce(announcement);
                }
                speaker.say(Phrase::Welcome);
                self.stage = Stage::Greeting;
                Verdict::Stay
            }
            Stage::Greeting if speaker.is_done() && self.pin.is_none() => Verdict::Enter,
            Stage::Greeting if speaker.is_done() && now >= self.keys_from => self.ask(speaker),
            Stage::Asking if speaker.is_done() => {
                self.stage = Stage::Listening { until: now.saturating_add(KEY_WITHIN) };
                Verdict::Stay
            }
            Stage::Listening { until } if now >= until => self.wrong(speaker),
            Stage::Correcting if speaker.is_done() => self.ask(speaker),
            _ => Verdict::Stay,
        }
    }

    fn ask(&mut self, speaker: &mut Speaker) -> Verdict {
        speaker.say(Phrase::EnterPin);
        self.stage = Stage::Asking;
        Verdict::Stay
    }

    /// A key was pressed. Keys count from the first moment on: who knows the PIN need not wait for the question; and where
    /// there is none, the hash key ends the greeting.
    pub(crate) fn key(&mut self, now: Micros, key: Key, speaker: &mut Speaker) -> Verdict {
        if self.refusal.is_some() {
            return Verdict::Stay;
        }
        let Some(pin) = &self.pin else {
            if key == Key::Pound && self.stage == Stage::Greeting {
                speaker.stop();
            }
            return Verdict::Stay;
        };
        if now < self.keys_from {
            return Verdict::Stay;
        }
        match key {
            Key::Digit(digit) => {
                self.typed.push(char::from(b'0' + digit.min(9)));
                self.typed_ever = true;
                if self.typed.len() >= pin.as_str().len() {
                    return self.check(speaker);
                }
            }
            // Whoever closes a PIN that was complete by its length with the hash key has not tried twice.
            Key::Pound if self.typed.is_empty() => return Verdict::Stay,
            Key::Pound => return self.check(speaker),
            Key::Star => self.typed.clear(),
        }
        speaker.stop();
        self.stage = Stage::Listening { until: now.saturating_add(KEY_WITHIN) };
        Verdict::Stay
    }

    fn check(&mut self, speaker: &mut Speaker) -> Verdict {
        speaker.stop();
        if self.pin.as_ref().is_none_or(|pin| pin.matches(&self.typed)) {
            return Verdict::Enter;
        }
        self.wrong(speaker)
    }

    /// PINs that were typed and were wrong, since this was asked last.
    pub(crate) fn take_wrong_pins(&mut self) -> u8 {
        std::mem::take(&mut self.wrong_pins)
    }

    fn wrong(&mut self, speaker: &mut Speaker) -> Verdict {
        self.wrong_pins += u8::from(!self.typed.is_empty());
        self.tries_left = self.tries_left.saturating_sub(1);
        if self.tries_left == 0 {
            let reason = if self.typed_ever { EndReason::PinRefused } else { EndReason::NoInput };
            return Verdict::Refuse(reason);
        }
        speaker.say(match (self.typed.is_empty(), self.tries_left) {
            (true, _) => Phrase::NothingTyped,
            (false, 1) => Phrase::LastTry,
            (false, _) => Phrase::WrongPin,
        });
        self.typed.clear();
        self.stage = Stage::Correcting;
        Verdict::Stay
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Prompts;
    use crate::time::Rate;
    use std::sync::Arc;

    /// A caller in the menu; every phrase lasts 100 ms, and its samples are its place among them.
    struct Caller {
        menu: MenuState,
        speaker: Speaker,
        now: Micros,
        heard: Vec<i16>,
    }

    /// The announcement's samples.
    const ANNOUNCED: i16 = 9_999;

    impl Caller {
        fn new(pin: &str) -> Self {
            Caller::refused(pin, None)
        }

        fn refused(pin: &str, refusal: Option<EndReason>) -> Self {
            Caller::meeting(pin, refusal, None)
        }

        fn announced(pin: &str) -> Self {
            let announcement = Announcement::new([ANNOUNCED; 800].into(), [ANNOUNCED; 1_600].into());
            Caller::meeting(pin, None, Some(Arc::new(announcement)))
        }

        fn meeting(pin: &str, refusal: Option<EndReason>, announcement: Option<Arc<Announcement>>) -> Self {
            let pin = Pin::parse_optional(pin).unwrap();
            let prompts = Prompts::new(|phrase, rate| vec![phrase.index() as i16; 5 * rate.frame_samples()]);
            let prompts = Arc::new(prompts);
            let menu = Menu {
                prompts: prompts.clone(),
                announcement,
                pin,
                control_pin: None,
                pin_delay: Micros(0),
                enter_muted: false,
                chimes: false,
                recording: None,
                refusal,
            };
            Caller {
                menu: MenuState::new(Micros(0), &menu),
                speaker: Speaker::new(prompts, Rate::Narrow),
                now: Micros(0),
                heard: Vec::new(),
            }
        }

        fn wait(&mut self, ms: u64) -> Verdict {
            for _ in 0..ms / 20 {
                self.now = self.now.saturating_add(Micros::from_ms(20));
                let verdict = self.menu.tick(self.now, false, &mut self.speaker);
                if verdict != Verdict::Stay {
                    return verdict;
                }
                let mut frame = [-1; 160];
                let speaks = self.speaker.is_speaking();
                self.speaker.say_frame(&mut frame);
                self.heard.extend(speaks.then_some(frame[0]));
            }
            Verdict::Stay
        }

        /// What was said so far, each phrase once.
        fn heard(mut self) -> Vec<i16> {
            self.heard.dedup();
            self.heard
        }

        fn press(&mut self, keys: &str) -> Verdict {
            let mut verdict = Verdict::Stay;
            for key in keys.bytes() {
                assert_eq!(verdict, Verdict::Stay);
                let key = match key {
                    b'#' => Key::Pound,
                    b'*' => Key::Star,
                    digit => Key::Digit(digit - b'0'),
                };
                verdict = self.menu.key(self.now, key, &mut self.speaker);
            }
            verdict
        }
    }

    #[test]
    fn without_a_pin_the_greeting_leads_in() {
        let mut caller = Caller::new("");
        assert_eq!(caller.wait(180), Verdict::Stay);
        assert!(!caller.speaker.is_speaking());
        assert_eq!(caller.wait(100), Verdict::Stay);
        assert_eq!(caller.wait(100), Verdict::Enter);
    }

    #[test]
    fn the_greeting_begins_with_the_first_packet() {
        let mut caller = Caller::new("");
        caller.menu.tick(Micros(20_000), true, &mut caller.speaker);
        assert!(caller.speaker.is_speaking());
    }

    #[test]
    fn who_may_not_come_in_is_told_so_and_no_key_helps() {
        let mut caller = Caller::refused("4711", Some(EndReason::Locked));
        assert_eq!(caller.press("4711"), Verdict::Stay);
        assert_eq!(caller.wait(180), Verdict::Stay);
        assert_eq!(caller.wait(20), Verdict::Refuse(EndReason::Locked));
        let mut caller = Caller::refused("", Some(EndReason::Full));
        let verdict = caller.menu.tick(Micros(20_000), true, &mut caller.speaker);
        assert_eq!(verdict, Verdict::Refuse(EndReason::Full));
        assert!(!caller.speaker.is_speaking());
    }

    #[test]
    fn the_right_pin_leads_in_at_any_moment() {
        for ms in [0, 220, 400, 1_000, 9_000] {
            let mut caller = Caller::new("4711");
            caller.wait(ms);
            assert_eq!(caller.press("471"), Verdict::Stay, "{ms}");
            assert_eq!(caller.press("1"), Verdict::Enter, "{ms}");
        }
    }

    #[test]
    fn a_star_begins_the_pin_anew_and_a_hash_key_ends_it() {
        let mut caller = Caller::new("4711");
        assert_eq!(caller.press("99*4711"), Verdict::Enter);
        let mut caller = Caller::new("4711");
        assert_eq!(caller.press("47#4711"), Verdict::Enter);
    }

    #[test]
    fn the_third_wrong_pin_is_the_last() {
        let mut caller = Caller::new("4711");
        assert_eq!(caller.press("1111#2222#333"), Verdict::Stay);
        assert_eq!(caller.press("3"), Verdict::Refuse(EndReason::PinRefused));
    }

    #[test]
    fn a_wrong_pin_is_said_to_be_wrong_and_asked_for_again() {
        let mut caller = Caller::new("4711");
        caller.press("1111");
        assert!(caller.speaker.is_speaking());
        assert_eq!(caller.wait(200), Verdict::Stay);
        assert!(matches!(caller.menu.stage, Stage::Asking | Stage::Listening { .. }));
    }

    #[test]
    fn wrong_pins_are_counted_and_silence_is_none() {
        let mut caller = Caller::new("4711");
        caller.press("1111#22#");
        assert_eq!((caller.menu.take_wrong_pins(), caller.menu.take_wrong_pins()), (2, 0));
        let mut caller = Caller::new("4711");
        caller.wait(25_000);
        assert_eq!(caller.menu.take_wrong_pins(), 0);
        caller.press("4711");
        assert_eq!(caller.menu.take_wrong_pins(), 0);
    }

    #[test]
    fn the_announcement_comes_first_and_the_pin_after_the_greeting() {
        let said = |phrase: Phrase| phrase.index() as i16;
        let mut caller = Caller::announced("4711");
        caller.wait(1_000);
        assert_eq!(caller.heard(), [ANNOUNCED, said(Phrase::Welcome), said(Phrase::EnterPin)]);
        let mut caller = Caller::announced("");
        assert_eq!(caller.wait(1_000), Verdict::Enter);
        assert_eq!(caller.heard(), [ANNOUNCED, said(Phrase::Welcome)]);
    }

    #[test]
    fn keys_cut_the_announcement_short() {
        let mut caller = Caller::announced("4711");
        caller.wait(240);
        assert_eq!(caller.press("47"), Verdict::Stay);
        caller.wait(100);
        assert_eq!((caller.speaker.is_speaking(), caller.press("11")), (false, Verdict::Enter));
        // Without a PIN the hash key does, and no other.
        let mut caller = Caller::announced("");
        caller.wait(240);
        caller.press("1*0");
        assert!(!caller.speaker.is_done());
        caller.press("#");
        assert_eq!(caller.wait(40), Verdict::Enter);
    }

    #[test]
    fn each_mistake_is_answered_in_its_own_words() {
        let said = |phrase: Phrase| phrase.index() as i16;
        let mut caller = Caller::new("4711");
        caller.wait(1_000);
        caller.press("1111");
        caller.wait(1_000);
        caller.press("22#");
        caller.wait(1_000);
        let asked = said(Phrase::EnterPin);
        let expected =
            [said(Phrase::Welcome), asked, said(Phrase::WrongPin), asked, said(Phrase::LastTry), asked];
        assert_eq!(caller.heard(), expected);
        let mut caller = Caller::new("4711");
        caller.wait(11_000);
        assert_eq!(caller.heard(), [said(Phrase::Welcome), asked, said(Phrase::NothingTyped), asked]);
    }

    #[test]
    fn who_was_wrong_too_often_waits_before_a_key_counts() {
        let mut caller = Caller::new("4711");
        caller.menu.keys_from = Micros::from_ms(10_000);
        assert_eq!(caller.press("4711"), Verdict::Stay);
        assert_eq!(caller.wait(9_900), Verdict::Stay);
        assert!(!caller.speaker.is_speaking() && caller.menu.stage == Stage::Greeting);
        assert_eq!(caller.press("4711"), Verdict::Stay);
        assert_eq!(caller.wait(120), Verdict::Stay);
        assert!(caller.speaker.is_speaking() && caller.menu.stage == Stage::Asking);
        assert_eq!(caller.press("4711"), Verdict::Enter);
    }

    #[test]
    fn silence_is_a_try_after_ten_seconds() {
        let mut caller = Caller::new("4711");
        // 200 ms without a packet, the greeting; then three times the question and ten seconds.
        assert_eq!(caller.wait(3 * 10_000 + 200), Verdict::Stay);
        assert_eq!(caller.wait(1_000), Verdict::Refuse(EndReason::NoInput));

        let mut caller = Caller::new("4711");
        caller.press("4");
        assert_eq!(caller.wait(9_980), Verdict::Stay);
        assert!(!caller.speaker.is_speaking());
        caller.wait(40);
        assert!(caller.speaker.is_speaking() && caller.menu.typed.is_empty());
    }
}
