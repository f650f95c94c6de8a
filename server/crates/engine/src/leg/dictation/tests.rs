//! The steps of a dictation, and what is said at each.

use super::*;
use crate::prompt::Prompts;

/// The announcement's samples.
const ANNOUNCED: i16 = 9_999;

/// One who speaks; every phrase lasts 100 ms, and its samples are its place among them.
struct Caller {
    dictation: Dictation,
    control: Control,
    speaker: Speaker,
    now: Micros,
    heard: Vec<i16>,
}

impl Caller {
    fn new() -> Caller {
        let prompts = Prompts::new(|phrase, rate| vec![phrase.index() as i16; 5 * rate.frame_samples()]);
        Caller {
            dictation: Dictation::new(Codec::G722),
            control: Control::new("4711".parse().ok(), Micros(0)),
            speaker: Speaker::new(Arc::new(prompts), Rate::Narrow),
            now: Micros(0),
            heard: Vec::new(),
        }
    }

    /// With a second of sound on the tape, and asked what is to become of it.
    fn recorded() -> Caller {
        let mut caller = Caller::new();
        caller.wait(1_000);
        caller.press("4711");
        caller.answer(DictationAnswer::Tape(Vec::with_capacity(160_000)));
        caller.wait(400);
        assert!(caller.dictation.is_speaking());
        caller.wait(1_000);
        let Turn::Tell(DictationStep::Spoken { tape }) = caller.press("#") else { panic!("no tape") };
        assert!(tape.iter().all(|sample| *sample == 77), "all of it, and nothing else");
        caller.wait(200);
        let sound = Announcement::new([ANNOUNCED; 800].into(), [ANNOUNCED; 1_600].into());
        caller.answer(DictationAnswer::Sound { tape, sound: Arc::new(sound) });
        caller
    }

    fn wait(&mut self, ms: u64) -> Turn {
        for _ in 0..ms / 20 {
            self.now = self.now.saturating_add(Micros::from_ms(20));
            self.dictation.hear(&[77; 320]);
            let turn = self.dictation.tick(self.now, &self.control, &mut self.speaker);
            if turn != Turn::Stay {
                return turn;
            }
            let mut frame = [-1; 160];
            let speaks = self.speaker.is_speaking();
            self.speaker.say_frame(&mut frame);
            self.heard.extend(speaks.then_some(frame[0]));
        }
        Turn::Stay
    }

    fn press(&mut self, keys: &str) -> Turn {
        let mut turn = Turn::Stay;
        for key in keys.bytes() {
            let key = match key {
                b'#' => Key::Pound,
                b'*' => Key::Star,
                digit => Key::Digit(digit - b'0'),
            };
            turn = self.dictation.key(self.now, key, &mut self.control, &mut self.speaker);
        }
        turn
    }

    fn answer(&mut self, answer: DictationAnswer) -> Turn {
        self.dictation.answer(answer, &mut self.speaker)
    }

    /// What was said since this was asked last, each phrase once.
    fn heard(&mut self) -> Vec<i16> {
        let mut heard = std::mem::take(&mut self.heard);
        heard.dedup();
        heard
    }
}

fn said(phrase: Phrase) -> i16 {
    phrase.index() as i16
}

fn back(phrase: Phrase) -> Turn {
    Turn::Back(Some(phrase))
}

#[test]
fn each_step_is_said_in_its_turn() {
    let mut caller = Caller::recorded();
    let before = [Phrase::EnterControlPin, Phrase::SpeakAfterTone, Phrase::Tone, Phrase::HoldOn].map(said);
    assert_eq!(caller.heard(), before);
    caller.wait(400);
    assert_eq!(caller.heard(), [ANNOUNCED, said(Phrase::AnnouncementChoice)]);
    assert_eq!(caller.press("1"), Turn::Tell(DictationStep::Kept));
    assert_eq!(caller.press("123*#"), Turn::Stay);
    assert_eq!(caller.answer(DictationAnswer::Saved), back(Phrase::AnnouncementSaved));
}

#[test]
fn it_is_heard_again_recorded_again_or_dropped() {
    let mut caller = Caller::recorded();
    caller.wait(400);
    caller.heard();
    assert_eq!(caller.press("2"), Turn::Stay);
    caller.wait(400);
    assert_eq!(caller.heard(), [ANNOUNCED, said(Phrase::AnnouncementChoice)]);
    assert_eq!(caller.press("3"), Turn::Stay);
    caller.wait(300);
    assert_eq!(caller.heard(), [said(Phrase::SpeakAfterTone), said(Phrase::Tone)]);
    caller.wait(500);
    let Turn::Tell(DictationStep::Spoken { tape }) = caller.press("#") else { panic!("no tape") };
    assert!(tape.len() < 8_000, "the first one is not on it any more: {}", tape.len());
    caller.answer(DictationAnswer::Sound { tape, sound: Arc::new(Announcement::default()) });
    assert_eq!(caller.press("*"), back(Phrase::AnnouncementDropped));
    let mut caller = Caller::recorded();
    // 100 ms, then three times the question and ten seconds.
    assert_eq!(caller.wait(30_300), Turn::Stay);
    assert_eq!(caller.wait(1_000), back(Phrase::AnnouncementDropped));
}

#[test]
fn the_control_pin_is_typed_like_any_other() {
    let mut caller = Caller::new();
    caller.wait(40);
    assert_eq!(caller.press("99*47#"), Turn::Wrong);
    assert_eq!(caller.press("4712"), Turn::Wrong);
    assert_eq!(caller.control.refusal(), None);
    assert_eq!(caller.press("9999"), Turn::Wrong);
    assert_eq!(caller.control.refusal(), Some(Phrase::WrongControlPin));
    assert_eq!(Control::new(None, Micros(0)).refusal(), Some(Phrase::NoControlPin));
    let mut caller = Caller::new();
    caller.wait(40);
    assert_eq!(caller.press("*"), Turn::Back(None));
    let mut caller = Caller::new();
    assert_eq!(caller.wait(10_100), Turn::Stay);
    assert_eq!(caller.wait(100), back(Phrase::NothingTyped));
    // Whoever closes a PIN that was complete by its length with the hash key has not ended a recording.
    let mut caller = Caller::new();
    caller.wait(40);
    assert!(matches!(caller.press("4711"), Turn::Tell(DictationStep::Begun { .. })));
    assert_eq!(caller.press("#"), Turn::Stay);
    assert_eq!(caller.answer(DictationAnswer::Refused), back(Phrase::AnnouncementRefused));
}
