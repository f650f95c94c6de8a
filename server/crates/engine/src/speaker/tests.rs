use super::*;
use model::Language;

fn speaker() -> Speaker {
    let prompts = Prompts::new(|phrase, rate| match phrase {
        Phrase::Welcome => vec![1000; 200 * rate.factor()],
        Phrase::EnterPin => vec![2000; 100 * rate.factor()],
        Phrase::HoldMusic => (0..300 * rate.factor()).map(|i| 5_000 + (i / rate.factor()) as i16).collect(),
        _ => Vec::new(),
    });
    Speaker::new(Arc::new(prompts), Rate::Narrow)
}

#[test]
fn music_goes_round_and_makes_way_for_a_sentence() {
    let mut speaker = speaker();
    speaker.play_music(true);
    let begun = frame(&mut speaker);
    assert!(begun[0] < 200 && begun[40] == 5_040 && begun[159] == 5_159, "{begun:?}");
    let round = frame(&mut speaker);
    assert_eq!((round[0], round[139], round[140]), (5_160, 5_299, 5_000));
    speaker.say(Phrase::EnterPin);
    let faded = frame(&mut speaker);
    assert!(faded[0] > 4_800 && faded[40..].iter().all(|s| *s == 0), "{faded:?}");
    let said = frame(&mut speaker);
    assert!(said[..100].iter().all(|s| *s == 2_000) && said[100..].iter().all(|s| *s == 0));
    let again = frame(&mut speaker);
    assert!(again[0] < 200 && again[159] > 4_999);
    speaker.play_music(false);
    assert!(speaker.is_speaking() && frame(&mut speaker)[40..].iter().all(|s| *s == 0));
    assert!(!speaker.is_speaking());
}

#[test]
fn an_announcement_is_said_in_its_turn_and_let_go() {
    for rate in [Rate::Narrow, Rate::Wide] {
        let mut speaker = speaker();
        speaker.set_rate(rate);
        let sound = |factor: usize| Arc::from(vec![7_000_i16; 160 * factor]);
        let announcement = Arc::new(Announcement::new(sound(1), sound(2)));
        speaker.announce(announcement.clone());
        speaker.say(Phrase::EnterPin);
        let mut out = vec![0; rate.frame_samples()];
        speaker.say_frame(&mut out);
        assert!(out.iter().all(|s| *s == 7_000));
        assert_eq!(Arc::strong_count(&announcement), 1);
        speaker.say_frame(&mut out);
        assert_eq!(out[0], 2_000);
    }
    let mut none = speaker();
    none.announce(Arc::default());
    assert!(none.is_done());
}

#[test]
fn another_rate_goes_on_where_it_was() {
    let mut speaker = counting();
    frame(&mut speaker);
    speaker.set_rate(Rate::Wide);
    let mut out = [0; 320];
    speaker.say_frame(&mut out);
    // 10 ms of the noun, then the next sentence.
    assert_eq!(out, [3_000; 320]);
    assert!(!speaker.is_speaking());
}

#[test]
fn what_is_taken_back_fades_or_never_begins() {
    let mut begun = speaker();
    begun.say(Phrase::Welcome);
    frame(&mut begun);
    begun.take_back(Phrase::Welcome);
    begun.say(Phrase::EnterPin);
    let faded = frame(&mut begun);
    assert!(faded[0] == 1000 && faded[39] < 300 && faded[60] == 0, "{faded:?}");
    assert_eq!(frame(&mut begun)[0], 2000);

    let mut waiting = speaker();
    waiting.say(Phrase::EnterPin);
    waiting.say(Phrase::Welcome);
    waiting.take_back(Phrase::Welcome);
    assert_eq!(frame(&mut waiting)[0], 2000);
    assert!(!waiting.is_speaking());
}

fn frame(speaker: &mut Speaker) -> [i16; 160] {
    let mut out = [7; 160];
    speaker.say_frame(&mut out);
    out
}

#[test]
fn says_the_same_at_every_rate() {
    for rate in Rate::ALL {
        let mut speaker = speaker();
        speaker.set_rate(rate);
        speaker.say(Phrase::Welcome);
        let mut out = vec![0; rate.frame_samples()];
        speaker.say_frame(&mut out);
        assert!(out[rate.frame_samples() / 2..].iter().all(|s| (980..=1020).contains(s)), "{rate:?}");
        speaker.say_frame(&mut out);
        assert!(!speaker.is_speaking());
        assert!(out[rate.frame_samples() / 2..].iter().all(|s| s.unsigned_abs() <= 20), "{rate:?}");
    }
}

#[test]
fn says_phrases_without_a_gap_and_passes_over_empty_ones() {
    let mut speaker = speaker();
    for phrase in [Phrase::Welcome, Phrase::Goodbye, Phrase::EnterPin] {
        speaker.say(phrase);
    }
    assert_eq!(frame(&mut speaker), [1000; 160]);
    let second = frame(&mut speaker);
    assert!(second[..40].iter().all(|s| *s == 1000) && second[40..140].iter().all(|s| *s == 2000));
    assert!(second[140..].iter().all(|s| *s == 0));
    assert!(speaker.is_done() && !speaker.is_speaking());
}

/// Twenty-one minutes: a beginning of 15 ms, a number of 5 ms, a noun of 10 ms.
fn counting() -> Speaker {
    let prompts = Prompts::in_language(Language::Fr, |phrase, rate| {
        let (value, ms) = match phrase {
            Phrase::MinutesLeft => (1000, 15),
            Phrase::Number(_) => (2000, 5),
            Phrase::MinutesMany => (3000, 10),
            _ => (0, 0),
        };
        vec![value; ms * rate.hz() as usize / 1_000].into()
    });
    let mut speaker = Speaker::new(Arc::new(prompts), Rate::Narrow);
    speaker.say(Sentence::MinutesLeft(21));
    speaker.say(Phrase::MinutesMany);
    speaker
}

#[test]
fn a_sentence_is_put_together_without_a_gap() {
    let mut speaker = counting();
    let first = frame(&mut speaker);
    assert_eq!((first[0], first[119], first[120], first[159]), (1000, 1000, 2000, 2000));
    assert_eq!(frame(&mut speaker), [3000; 160]);
    assert!(!speaker.is_speaking());
}

#[test]
fn a_sentence_is_cut_off_as_a_whole() {
    let mut speaker = counting();
    frame(&mut speaker);
    speaker.take_back(Sentence::MinutesLeft(21));
    let faded = frame(&mut speaker);
    assert!(faded[0] == 3000 && faded[40] == 0, "{faded:?}");
    assert_eq!(frame(&mut speaker)[..80], [3000; 80]);
    assert!(!speaker.is_speaking());
}

#[test]
fn a_phrase_that_is_cut_off_fades() {
    let mut speaker = speaker();
    speaker.say(Phrase::Welcome);
    frame(&mut speaker);
    speaker.say_now(Phrase::EnterPin);
    assert!(!speaker.is_done());
    let faded = frame(&mut speaker);
    assert!(faded[0] == 1000 && faded[39] < 50 && faded[40] == 0);
    assert_eq!(frame(&mut speaker)[..100], [2000; 100]);
}

#[test]
fn what_was_not_begun_is_not_heard_at_all() {
    let mut speaker = speaker();
    speaker.say(Phrase::Welcome);
    speaker.stop();
    assert!(speaker.is_done());
    assert_eq!(frame(&mut speaker), [0; 160]);
}

#[test]
fn the_queue_is_bounded() {
    let mut speaker = speaker();
    let taken = (0..100).filter(|_| speaker.say(Phrase::Welcome)).count();
    assert_eq!(taken, QUEUE);
    let frames = std::iter::from_fn(|| speaker.is_speaking().then(|| frame(&mut speaker))).count();
    assert_eq!(frames, QUEUE * 200 / 160);
}
