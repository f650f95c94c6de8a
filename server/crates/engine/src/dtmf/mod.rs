//! Keys in the sound, ITU-T Q.23 and Q.24, of telephones and trunks that send no telephone-events.
//!
//! Every 10 ms a window of 20 ms is judged. A key is three windows in a row, so 40 ms that may lack 5 ms at one end,
//! which hold two tones of steady power and frequency and little else. Speech has such pairs for a moment, but its
//! pitch moves, its power does too, and its other harmonics are in the way.

mod decimate;
mod spectrum;
#[cfg(test)]
mod tests;

use crate::rtp::event::Key;
use decimate::{Decimator, FRAME, LONGEST_FRAME};
use spectrum::{COLUMNS, HOP, Phasor, ROWS, TONES_HZ, WINDOW, power_at, seen, spectrum};
use std::ops::Range;

/// Of each tone, as a mean square of samples: -38 dBm0, where 3.14 dBm0 is a sine of full scale. The
/// administrations in Q.24 Annex A want tones heard down to some -25 dBm; long lines and adapters take 10 dB more.
const TONE_POWER: f32 = 4.1e4;
/// A window with less in all holds no key, and not the half of one.
const QUIET_POWER: f32 = 1e4;
/// Q.24 Annex A: the column's tone may be 4 dB stronger than the row's (reverse twist) and 8 dB weaker (normal twist).
/// Half a decibel for what noise and quantisation add.
const REVERSE_TWIST: f32 = 2.82; // 4.5 dB
const NORMAL_TWIST: f32 = 7.08; // 8.5 dB
/// Q.24 Annex A: 1.5 % off is accepted, 3.5 % is not.
const OFF_FREQUENCY: f32 = 0.025;
/// Between the two pairs of windows. A tone that is 25 Hz off and fills only 15 ms of an outer window seems to move by 3 Hz;
/// the rest is for noise.
const FREQUENCY_MOVES_HZ: f32 = 10.0;
/// The tones' share of a window's power that the middle window must have. With 0.75, and 0.7 for the outer two, two
/// moments in three hours of voices, slowed by 15 %, were keys; with 0.8 and 0.75 none was, at ten speeds.
const SHARE: f32 = 0.8;
/// The same of the outer two. A tone that fills 15 ms of the 20 has 1.1, one of 12 ms has 0.8.
const OUTER_SHARE: f32 = 0.75;
/// A tone's power in an outer window against the middle one: 0.83 if it fills 15 ms, 0.54 if it fills 12.
const STEADY: Range<f32> = 0.6..1.3;
/// A column tone's second harmonic, and a row tone's: 13 dB below the tone. Voices have them, senders hardly.
const HARMONIC: f32 = 0.05;
/// Below this share of its greatest power, or of a window's, a key's tone is absent: a third of a window.
const ABSENT: f32 = 0.1;
const ABSENT_SHARE: f32 = 0.3;
/// Windows without the tone that end a press: a gap of 20 ms leaves at most two, one of 40 ms at least three.
const RELEASE_WINDOWS: u8 = 3;
/// A press' greatest power fades by half a decibel each 10 ms, so that a held key may become weaker.
const FADE: f32 = 0.9;
/// A single window of this share is suspected to begin a key.
const SUSPECT_SHARE: f32 = 0.8;

/// A window that might hold a key.
#[derive(Clone, Copy, Debug)]
struct Look {
    row: usize,
    column: usize,
    /// Of the row's tone and the column's.
    tones: [Phasor; 2],
    /// All of the window's sound.
    power: f32,
}

/// A key that was recognised and whose tone has not ended.
#[derive(Clone, Copy, Debug)]
struct Press {
    row: usize,
    column: usize,
    power: f32,
    absent: u8,
}

/// Sum and sum of squares of one hop's samples.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sum: i32,
    squares: u64,
}

/// Listens to one leg's sound, at any of the engine's rates (8,000, 16,000 or 48,000 Hz).
#[derive(Clone, Copy, Debug)]
pub(crate) struct DtmfDetector {
    decimator: Decimator,
    /// The last 10 ms.
    before: [i16; HOP],
    before_sums: Sums,
    /// The last two windows, the older one first.
    looks: [Option<Look>; 2],
    press: Option<Press>,
    is_tone: bool,
}

impl DtmfDetector {
    pub(crate) fn new(rate_hz: u32) -> Self {
        DtmfDetector {
            decimator: Decimator::new(rate_hz),
            before: [0; HOP],
            before_sums: Sums::default(),
            looks: [None; 2],
            press: None,
            is_tone: false,
        }
    }

    /// Hears the next 20 ms (160, 320 or 960 samples; what is missing is silence). The answer is a key that was
    /// recognised just now, once per press, however long it is held. A to D are tones but no keys.
    pub(crate) fn hear(&mut self, frame: &[i16]) -> Option<Key> {
        self.is_tone = false;
        let frame = &frame[..frame.len().min(LONGEST_FRAME)];
        let is_quiet = Sums::of(frame).squares < (QUIET_POWER / 4.0) as u64 * frame.len() as u64;
        if is_quiet {
            self.decimator.skip();
            (self.before, self.before_sums) = ([0; HOP], Sums::default());
            let _ = (self.step(None), self.step(None));
            return None;
        }
        let mut sound = [0; HOP + FRAME];
        let (before, now) = sound.split_at_mut(HOP);
        before.copy_from_slice(&self.before);
        let now = now.first_chunk_mut().expect("HOP + FRAME samples less HOP");
        self.decimator.decimate(frame, now);
        let (mut key, mut before) = (None, self.before_sums);
        for hop in 1..=FRAME / HOP {
            let now = Sums::of(&sound[hop * HOP..][..HOP]);
            let power = Sums::power(before, now);
            before = now;
            let window = sound[(hop - 1) * HOP..].first_chunk().filter(|_| power >= QUIET_POWER);
            key = self.step(window.map(|window| (window, power))).or(key);
        }
        self.before.copy_from_slice(&sound[FRAME..]);
        self.before_sums = before;
        key
    }

    /// A key's tone may be in the frame heard last: nobody else should hear it. True already while a key is only
    /// suspected, and to the end of the tone.
    pub(crate) fn is_tone(&self) -> bool {
        self.is_tone
    }

    /// Judges the next window, `None` if it is quiet.
    fn step(&mut self, window: Option<(&[i16; WINDOW], f32)>) -> Option<Key> {
        let heard = window.map(|(window, power)| (window, power, spectrum(window)));
        self.hold(heard.as_ref().map(|(_, power, tones)| (tones, *power)));
        let look = heard.and_then(|(_, power, tones)| Look::new(&tones, power));
        let [first, middle] = self.looks;
        self.looks = [middle, look];
        let (look, (window, _)) = (look?, window?);
        self.is_tone |= look.is_suspect(middle.as_ref());
        let is_held = self.press.is_some_and(|press| (press.row, press.column) == (look.row, look.column));
        if is_held || !is_key(&first?, &middle?, &look, window) {
            return None;
        }
        self.is_tone = true;
        let power = look.tones[0].power() + look.tones[1].power();
        self.press = Some(Press { row: look.row, column: look.column, power, absent: 0 });
        key(look.row, look.column)
    }

    /// Follows the key that is held.
    fn hold(&mut self, heard: Option<(&[Phasor; 8], f32)>) {
        let Some(press) = &mut self.press else { return };
        let (power, all) = heard
            .map_or((0.0, 0.0), |(tones, all)| (tones[press.row].power() + tones[press.column].power(), all));
        if power > ABSENT * press.power && power > ABSENT_SHARE * all {
            press.absent = 0;
            press.power = power.max(press.power * FADE);
            self.is_tone = true;
            return;
        }
        press.absent += 1;
        if press.absent >= RELEASE_WINDOWS {
            self.press = None;
        }
    }
}

impl Sums {
    fn of(samples: &[i16]) -> Self {
        // A frame's sum stays within 960 times 2^15, a pair's squares within 2^31.
        let sum = samples.iter().map(|s| i32::from(*s)).sum();
        let pairs = samples.chunks_exact(2);
        let odd = pairs.remainder().iter().map(|s| u64::from(s.unsigned_abs()).pow(2)).sum::<u64>();
        let squares = pairs.map(|p| {
            let (a, b) = (i32::from(p[0]), i32::from(p[1]));
            u64::from((a * a) as u32 + (b * b) as u32)
        });
        Sums { sum, squares: squares.sum::<u64>() + odd }
    }

    /// The power of a window of two hops, as the mean square of its samples less their mean: a line's direct current is
    /// no sound.
    fn power(a: Sums, b: Sums) -> f32 {
        let mean = (a.sum + b.sum) as f32 / WINDOW as f32;
        (a.squares + b.squares) as f32 / WINDOW as f32 - mean * mean
    }
}

impl Look {
    /// Looks coarsely: a tone that is off its frequency seems weaker by 2 dB.
    fn new(tones: &[Phasor; 8], power: f32) -> Option<Self> {
        let (row, row_power) = strongest(tones, ROWS);
        let (column, column_power) = strongest(tones, COLUMNS);
        let has_twist =
            column_power < 2.0 * REVERSE_TWIST * row_power && row_power < 2.0 * NORMAL_TWIST * column_power;
        let is_most = row_power + column_power > 0.5 * power;
        let look = Look { row, column, tones: [tones[row], tones[column]], power };
        (has_twist && is_most).then_some(look)
    }

    /// Suspects a key's beginning in this window, given the one before.
    fn is_suspect(&self, before: Option<&Look>) -> bool {
        let follows = before.filter(|before| before.is_same(self));
        let share = (self.tones[0].power() + self.tones[1].power()) / self.power;
        match follows {
            None => share > SUSPECT_SHARE,
            Some(before) => (0..2).all(|i| {
                let tone_hz = self.tone_hz(i);
                self.tones[i].offset_hz(before.tones[i], tone_hz).abs() < OFF_FREQUENCY * tone_hz
            }),
        }
    }

    fn is_same(&self, other: &Look) -> bool {
        (self.row, self.column) == (other.row, other.column)
    }

    /// Of the row's tone, 0, or the column's, 1.
    fn tone_hz(&self, tone: usize) -> f32 {
        TONES_HZ[if tone == 0 { self.row } else { self.column }]
    }
}

fn strongest(tones: &[Phasor; 8], group: Range<usize>) -> (usize, f32) {
    let power = |tone: usize| (tone, tones[tone].power());
    group.map(power).fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best })
}

/// Whether three windows in a row, the last of which is `window`, are a key.
fn is_key(first: &Look, middle: &Look, last: &Look, window: &[i16; WINDOW]) -> bool {
    if !(first.is_same(middle) && middle.is_same(last)) {
        return false;
    }
    let (mut offsets_hz, mut powers) = ([0.0; 2], [[0.0; 2]; 3]);
    for tone in 0..2 {
        let tone_hz = last.tone_hz(tone);
        let early = middle.tones[tone].offset_hz(first.tones[tone], tone_hz);
        let late = last.tones[tone].offset_hz(middle.tones[tone], tone_hz);
        let offset_hz = (early + late) / 2.0;
        if (early - late).abs() > FREQUENCY_MOVES_HZ || offset_hz.abs() > OFF_FREQUENCY * tone_hz {
            return false;
        }
        offsets_hz[tone] = offset_hz;
        for (power, look) in powers.iter_mut().zip([first, middle, last]) {
            power[tone] = look.tones[tone].power() / seen(offset_hz);
        }
        if !(STEADY.contains(&(powers[0][tone] / powers[1][tone]))
            && STEADY.contains(&(powers[2][tone] / powers[1][tone])))
        {
            return false;
        }
    }
    let [row, column] = powers[1];
    let share = |of: [f32; 2], look: &Look| (of[0] + of[1]) / look.power;
    row.min(column) > TONE_POWER
        && column < REVERSE_TWIST * row
        && row < NORMAL_TWIST * column
        && share(powers[1], middle) > SHARE
        && share(powers[0], first) > OUTER_SHARE
        && share(powers[2], last) > OUTER_SHARE
        && !has_harmonics(last, offsets_hz, powers[2], window)
}

/// Whether the tones come with their doubles, as a voice's do.
fn has_harmonics(look: &Look, offsets_hz: [f32; 2], powers: [f32; 2], window: &[i16; WINDOW]) -> bool {
    let frequencies_hz = [0, 1].map(|tone| look.tone_hz(tone) + offsets_hz[tone]);
    (0..2).any(|tone| {
        let double_hz = 2.0 * frequencies_hz[tone];
        // The row's double may lie so near the column's tone that the window sees both.
        (double_hz - frequencies_hz[1]).abs() > 100.0 && power_at(window, double_hz) > HARMONIC * powers[tone]
    })
}

/// The key in a row and a column, Q.23.
fn key(row: usize, column: usize) -> Option<Key> {
    let digit = |n: usize| u8::try_from(n).ok().map(Key::Digit);
    match (row, column - COLUMNS.start) {
        (_, 3) => None,
        (3, 0) => Some(Key::Star),
        (3, 1) => Some(Key::Digit(0)),
        (3, _) => Some(Key::Pound),
        (row, column) => digit(row * 3 + column + 1),
    }
}
