//! Who speaks next: a meeting's turns, without sound or clock.

use rand::{Rng, RngExt as _};
use std::time::Duration;

/// The pause before a sentence, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 150..900;
/// The same for one who is alone in the room.
const ALONE_PAUSE_MS: std::ops::Range<u64> = 3_000..6_000;
/// How often another one cuts in.
const CUT_IN_PROBABILITY: f64 = 0.15;
/// How often, after a turn, somebody falls silent for a while.
const FALL_SILENT_PROBABILITY: f64 = 0.12;
/// For how many turns.
const SILENT_TURNS: std::ops::Range<u32> = 3..8;
/// After how many turns somebody leaves for a while.
const TURNS_BEFORE_LEAVING: std::ops::Range<u32> = 12..20;
/// Nobody leaves a smaller company.
const COMPANY: usize = 3;

/// One sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) pause: Duration,
    pub(super) speaker: usize,
    pub(super) clip: usize,
    /// Another speaker, and what they say, before the first has ended.
    pub(super) cut_in: Option<(usize, usize)>,
}

/// What the meeting remembers.
#[derive(Debug)]
pub(super) struct Turns {
    /// How many clips each voice has.
    clips: Vec<usize>,
    /// The clip that each voice says next.
    next_clip: Vec<usize>,
    last_speaker: Option<usize>,
    /// Who is silent, and for how many turns more.
    silent: Option<(usize, u32)>,
    turns_until_leaving: Option<u32>,
}

impl Turns {
    pub(super) fn new(clips: Vec<usize>) -> Turns {
        let next_clip = vec![0; clips.len()];
        Turns { clips, next_clip, last_speaker: None, silent: None, turns_until_leaving: None }
    }

    /// The next turn among those present; None if nobody there has anything to say.
    pub(super) fn next(&mut self, present: &[bool], rng: &mut impl Rng) -> Option<Turn> {
        let talkers: Vec<usize> = (0..self.clips.len())
            .filter(|who| present.get(*who) == Some(&true) && self.clips[*who] > 0)
            .collect();
        let speaker = self.choose(&talkers, rng)?;
        let clip = self.take_clip(speaker);
        let alone = talkers.len() == 1;
        let pause = rng.random_range(if alone { ALONE_PAUSE_MS } else { PAUSE_MS });
        self.last_speaker = Some(speaker);
        let cut_in = if !alone && rng.random_bool(CUT_IN_PROBABILITY) {
            let second = self.choose(&talkers, rng).filter(|second| *second != speaker);
            second.map(|second| (second, self.take_clip(second)))
        } else {
            None
        };
        self.last_speaker = Some(cut_in.map_or(speaker, |(second, _)| second));
        self.pass_silence(&talkers, rng);
        Some(Turn { pause: Duration::from_millis(pause), speaker, clip, cut_in })
    }

    /// Who leaves after this turn, if somebody does.
    pub(super) fn leaver(&mut self, present: &[bool], rng: &mut impl Rng) -> Option<usize> {
        let left = self.turns_until_leaving.get_or_insert_with(|| rng.random_range(TURNS_BEFORE_LEAVING));
        *left = left.saturating_sub(1);
        let there: Vec<usize> = (0..present.len()).filter(|who| present[*who]).collect();
        if *left > 0 || there.len() < COMPANY {
            return None;
        }
        self.turns_until_leaving = None;
        Some(there[rng.random_range(0..there.len())])
    }

    /// Not the one who has just spoken, nor the one who is silent, if there is anybody else.
    fn choose(&self, talkers: &[usize], rng: &mut impl Rng) -> Option<usize> {
        let silent = self.silent.map(|(who, _)| who);
        let others: Vec<usize> = talkers
            .iter()
            .copied()
            .filter(|who| Some(*who) != self.last_speaker && Some(*who) != silent)
            .collect();
        let from = if others.is_empty() { talkers } else { &others };
        (!from.is_empty()).then(|| from[rng.random_range(0..from.len())])
    }

    fn take_clip(&mut self, speaker: usize) -> usize {
        let clip = self.next_clip[speaker];
        self.next_clip[speaker] = (clip + 1) % self.clips[speaker];
        clip
    }

    fn pass_silence(&mut self, talkers: &[usize], rng: &mut impl Rng) {
        self.silent = match self.silent {
            Some((who, turns)) if turns > 1 => Some((who, turns - 1)),
            Some(_) => None,
            None if talkers.len() >= COMPANY && rng.random_bool(FALL_SILENT_PROBABILITY) => {
                let who = talkers[rng.random_range(0..talkers.len())];
                Some((who, rng.random_range(SILENT_TURNS)))
            }
            None => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    fn turns(present: &[bool], count: usize) -> Vec<Turn> {
        let mut rng = StdRng::seed_from_u64(7);
        let mut turns = Turns::new(vec![2; present.len()]);
        (0..count).filter_map(|_| turns.next(present, &mut rng)).collect()
    }

    #[test]
    fn everybody_speaks_and_nobody_twice_in_a_row() {
        let turns = turns(&[true; 4], 400);
        let mut spoken = [0; 4];
        let mut last = None;
        for turn in &turns {
            assert_ne!(Some(turn.speaker), last);
            spoken[turn.speaker] += 1;
            last = Some(turn.cut_in.map_or(turn.speaker, |(second, _)| second));
        }
        assert!(spoken.iter().all(|count| *count > 50), "{spoken:?}");
        assert!(turns.iter().any(|turn| turn.cut_in.is_some()));
    }

    #[test]
    fn nobody_cuts_in_on_themselves() {
        assert!(
            turns(&[true; 2], 400)
                .iter()
                .all(|turn| turn.cut_in.is_none_or(|(second, _)| second != turn.speaker))
        );
    }

    #[test]
    fn somebody_falls_silent_for_a_while() {
        let speakers: Vec<usize> = turns(&[true; 3], 400).iter().map(|turn| turn.speaker).collect();
        assert!(speakers.windows(5).any(|five| (0..3).any(|who| !five.contains(&who))));
    }

    #[test]
    fn those_who_are_away_or_have_nothing_to_say_do_not_speak() {
        assert!(turns(&[true, false, true, false], 100).iter().all(|turn| turn.speaker % 2 == 0));
        assert_eq!(turns(&[false; 4], 10), []);
        let mut rng = StdRng::seed_from_u64(7);
        assert_eq!(Turns::new(vec![0, 0]).next(&[true, true], &mut rng), None);
    }

    #[test]
    fn one_who_is_alone_says_all_sentences_with_long_pauses() {
        let turns = turns(&[false, true], 6);
        assert_eq!(turns.iter().map(|turn| turn.clip).collect::<Vec<_>>(), [0, 1, 0, 1, 0, 1]);
        assert!(turns.iter().all(|turn| turn.pause >= Duration::from_secs(3) && turn.speaker == 1));
    }

    #[test]
    fn somebody_leaves_now_and_then_but_not_a_small_company() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut turns = Turns::new(vec![2; 4]);
        let leavers = (0..200).filter(|_| turns.leaver(&[true; 4], &mut rng).is_some()).count();
        assert!((10..17).contains(&leavers), "{leavers}");
        assert!((0..100).all(|_| turns.leaver(&[true, true, false, false], &mut rng).is_none()));
    }
}
