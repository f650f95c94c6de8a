//! How good a line is, by the E-model: ITU-T G.107, with the codecs' values of G.113 appendix I.
//!
//! R = Ro - Is - Id - Ie,eff. All that no packet network changes keeps G.107's default value (section 7.7), so Ro - Is
//! is a constant, and two things remain: delay (Id, section 7.4) and loss (Ie,eff, section 7.5).
//!
//! Every codec is rated on narrowband's scale, which ends at R = 93.2. G.107.1 and G.107.2 rate wideband up to 129 and
//! 148 on scales of their own, with a MOS of their own: shown beside each other they would make a clean G.711 call look
//! worse than a broken Opus call. Here the figure says what the line takes away from a good call.

use super::reception::Reception;
use super::session::{RtcpSession, Told};
use crate::time::Micros;
use model::Quality;

/// Ro - Is, of G.107's default values; R is 93.2 when nothing is lost and nothing takes time.
const UNIMPAIRED: f64 = 93.355_25;
/// Basic signal-to-noise ratio, default.
const RO: f64 = 94.768_82;
/// Talker echo loudness rating, default, dB.
const TELR_DB: f64 = 65.0;
/// Weighted echo path loss, default, dB.
const WEPL_DB: f64 = 110.0;
/// By the notes to the default values of G.107 section 7.7 a BurstR above 2 is valid for less than 2 % of loss only,
/// where it changes little.
const BURST_RATIO_MAX: f64 = 2.0;

/// What a codec itself takes away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Equipment {
    /// Ie: without loss.
    impairment: f64,
    /// Bpl: how well it conceals; the percentage of loss at which half of the scale's rest is gone.
    loss_robustness: f64,
}

impl Equipment {
    /// G.113 appendix I, with concealment as in G.711 appendix I.
    pub(crate) const G711: Equipment = Equipment { impairment: 0.0, loss_robustness: 25.1 };
    /// G.113 rates it on wideband's scale alone. On narrowband's it takes nothing away; it is a waveform codec, and is
    /// concealed as G.711 is.
    pub(crate) const G722: Equipment = Equipment::G711;
    /// G.113 does not rate it. It takes nothing from a narrowband call; its own concealment is taken to be as good as
    /// that for G.711.
    pub(crate) const OPUS: Equipment = Equipment::G711;
}

/// One direction of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Way {
    /// Of all packets, 0..=1: lost, or too late to be played.
    pub(crate) loss: f64,
    /// BurstR: 1 for random loss, more when losses come together.
    pub(crate) burst_ratio: f64,
    pub(crate) jitter: Micros,
    /// How long the receiver's jitter buffer holds a packet back.
    pub(crate) buffer: Micros,
}

/// Both directions of a line, as far as they are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) equipment: Equipment,
    /// Sound in a packet: its first sample waits for its last.
    pub(crate) packet: Micros,
    pub(crate) round_trip: Option<Micros>,
    /// From the phone to us: how others hear the member.
    pub(crate) inbound: Option<Way>,
    /// From us to the phone: how the member hears others.
    pub(crate) outbound: Option<Way>,
}

impl Way {
    /// What came from the phone. `buffer`: our jitter buffer's delay. `None` while too little came to tell.
    pub(crate) fn inbound(reception: &Reception, buffer: Micros) -> Option<Way> {
        let heard = reception.heard()?;
        let (loss, burst_ratio) = (heard.loss(), heard.burst_ratio());
        Some(Way { loss, burst_ratio, jitter: reception.jitter(), buffer })
    }

    /// What came to the phone. How its losses lie, and how long its buffer is, no report tells: they are taken to be
    /// random, and the buffer to be twice the jitter. `clock_hz`: of the timestamps that we send.
    pub(crate) fn outbound(told: &Told, clock_hz: u32) -> Way {
        let jitter = told.jitter(clock_hz);
        let buffer = jitter.saturating_add(jitter);
        Way { loss: f64::from(told.fraction_lost) / 256.0, burst_ratio: 1.0, jitter, buffer }
    }
}

impl Line {
    /// All that is known now. `buffer`: our jitter buffer's delay; `packet`: the sound in a packet.
    pub(crate) fn new(
        now: Micros,
        session: &RtcpSession,
        reception: &Reception,
        clock_hz: u32,
        equipment: Equipment,
        packet: Micros,
        buffer: Micros,
    ) -> Self {
        Line {
            equipment,
            packet,
            round_trip: session.round_trip(now),
            inbound: Way::inbound(reception, buffer),
            outbound: session.told(now).map(|told| Way::outbound(&told, clock_hz)),
        }
    }

    /// The worse of both directions in each figure; `None` if nothing is known of either.
    pub(crate) fn quality(&self) -> Option<Quality> {
        let ways = [self.inbound, self.outbound];
        let known = || ways.iter().flatten();
        let rating = known().map(|way| self.rating(way)).min_by(f64::total_cmp)?;
        let loss = known().map(|way| way.loss).fold(0.0, f64::max);
        let jitter = known().map(|way| way.jitter).max()?;
        Some(Quality {
            loss_permille: (loss * 1_000.0).round().min(1_000.0) as u16,
            jitter_ms: whole_ms(jitter),
            round_trip_ms: self.round_trip.map(whole_ms),
            r_factor: rating.round().clamp(0.0, 100.0) as u8,
            mos_tenths: (mos(rating) * 10.0).round() as u8,
        })
    }

    fn rating(&self, way: &Way) -> f64 {
        let one_way = self.round_trip.map_or(0, |trip| trip.0 / 2);
        let delay = Micros(one_way).saturating_add(self.packet).saturating_add(way.buffer);
        rating(self.equipment, way.loss, way.burst_ratio, delay.0 as f64 / 1_000.0)
    }
}

/// To the nearest; what is longer than a minute is a minute's worth and more.
fn whole_ms(time: Micros) -> u16 {
    u16::try_from(time.saturating_add(Micros(500)).as_ms()).unwrap_or(u16::MAX)
}

/// R, up to 93.2; below zero nothing is understood. `loss`: 0..=1. `delay_ms`: from mouth to ear.
fn rating(equipment: Equipment, loss: f64, burst_ratio: f64, delay_ms: f64) -> f64 {
    UNIMPAIRED - delay_impairment(delay_ms) - loss_impairment(equipment, loss, burst_ratio)
}

/// Ie,eff, section 7.5.
fn loss_impairment(equipment: Equipment, loss: f64, burst_ratio: f64) -> f64 {
    let Equipment { impairment, loss_robustness } = equipment;
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    let burst_ratio = burst_ratio.clamp(1.0, BURST_RATIO_MAX);
    impairment + (95.0 - impairment) * percent / (percent / burst_ratio + loss_robustness)
}

/// Id, section 7.4: talker echo, listener echo and mere delay, where the echo comes back from the far end, as in the
/// reference connection of G.107: T = Ta, Tr = 2 Ta.
fn delay_impairment(delay_ms: f64) -> f64 {
    let delay_ms = delay_ms.max(0.0);
    let terv = TELR_DB - 40.0 * ((1.0 + delay_ms / 10.0) / (1.0 + delay_ms / 150.0)).log10()
        + 6.0 * (-0.3 * delay_ms * delay_ms).exp();
    let talker = (RO - (80.0 + 2.5 * (terv - 14.0))) / 2.0;
    let talker = (talker + (talker * talker + 100.0).sqrt() - 1.0) * (1.0 - (-delay_ms).exp());
    let listener = (RO - 10.5 * (WEPL_DB + 7.0) * (2.0 * delay_ms + 1.0).powf(-0.25)) / 2.0;
    let listener = listener + (listener * listener + 169.0).sqrt();
    // Under 3 ms the formula of talker echo falls a little below zero.
    talker.max(0.0) + listener + absolute_delay_impairment(delay_ms)
}

/// Idd: what delay costs even without echo.
fn absolute_delay_impairment(delay_ms: f64) -> f64 {
    if delay_ms <= 100.0 {
        return 0.0;
    }
    let x = (delay_ms / 100.0).log2();
    let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

/// The mean opinion score, 1 to 4.5: G.107 annex B. The cubic dips below 1 where R < 6.5; nobody can say less than 1.
fn mos(rating: f64) -> f64 {
    let r = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const G711: Equipment = Equipment::G711;

    fn way(loss: f64, jitter_ms: u64) -> Way {
        Way { loss, burst_ratio: 1.0, jitter: Micros::from_ms(jitter_ms), buffer: Micros::from_ms(20) }
    }

    fn line(inbound: Option<Way>, outbound: Option<Way>) -> Line {
        Line { equipment: G711, packet: Micros::from_ms(20), round_trip: None, inbound, outbound }
    }

    #[track_caller]
    fn near(value: f64, expected: f64, by: f64) {
        assert!((value - expected).abs() <= by, "{value} is not {expected} ± {by}");
    }

    #[test]
    fn the_published_points_of_g_107() {
        near(rating(G711, 0.0, 1.0, 0.0), 93.2, 0.05);
        for (r, expected) in
            [(93.2, 4.41), (90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)]
        {
            // The recommendation rounds 4.024 up.
            near(mos(r), expected, 0.0065);
        }
        assert_eq!((mos(-5.0), mos(0.0), mos(3.0), mos(100.0)), (1.0, 1.0, 1.0, 4.5));
    }

    /// Cole and Rosenbluth (2001) fitted lines to G.107's curve of delay, for these very defaults: 0.024 a ms, and 0.11
    /// more from 177.3 ms on. The two are apart by less than one up to 300 ms.
    #[test]
    fn delay_costs_what_the_known_fit_says() {
        for delay_ms in 0..=300 {
            let delay_ms = f64::from(delay_ms);
            let fit = 93.2 - 0.024 * delay_ms - 0.11 * (delay_ms - 177.3).max(0.0);
            near(rating(G711, 0.0, 1.0, delay_ms), fit, 0.9);
        }
    }

    /// Bpl is the percentage at which Ie,eff has half of its 95.
    #[test]
    fn loss_costs_by_g_113() {
        near(loss_impairment(G711, 0.251, 1.0), 47.5, 1e-9);
        near(loss_impairment(G711, 0.01, 1.0), 3.640, 0.001);
        near(loss_impairment(G711, 0.05, 1.0), 15.781, 0.001);
        near(loss_impairment(G711, 0.05, 2.0), 17.210, 0.001);
    }

    #[test]
    fn the_worse_direction_is_shown() {
        assert_eq!(line(None, None).quality(), None);
        let clean = line(Some(way(0.0, 1)), None).quality().unwrap();
        assert_eq!(
            clean,
            Quality { loss_permille: 0, jitter_ms: 1, round_trip_ms: None, r_factor: 92, mos_tenths: 44 }
        );
        let worse = line(Some(way(0.0, 30)), Some(way(0.1, 1))).quality().unwrap();
        assert_eq!((worse.loss_permille, worse.jitter_ms), (100, 30));
        assert_eq!(line(Some(way(0.1, 1)), Some(way(0.0, 30))).quality(), Some(worse));
        assert!(worse.mos_tenths < clean.mos_tenths);
        let far = Line { round_trip: Some(Micros(600_499)), ..line(Some(way(0.0, 1)), None) };
        let far = far.quality().unwrap();
        assert_eq!(far.round_trip_ms, Some(600));
        assert!(far.mos_tenths < clean.mos_tenths);
    }

    proptest! {
        #[test]
        fn more_loss_never_sounds_better(
            loss in 0.0..1.0, more in 0.0..1.0, burst_ratio in 0.0..9.0, delay_ms in 0.0..2_000.0,
        ) {
            let less = rating(G711, loss, burst_ratio, delay_ms);
            prop_assert!(rating(G711, loss + more, burst_ratio, delay_ms) <= less);
            prop_assert!(rating(G711, loss, burst_ratio + more, delay_ms) <= less);
        }

        #[test]
        fn more_delay_never_sounds_better(loss in 0.0..1.0, delay_ms in 0.0..3_000.0, more in 0.0..1_000.0) {
            let less = rating(G711, loss, 1.0, delay_ms);
            prop_assert!(rating(G711, loss, 1.0, delay_ms + more) <= less + 1e-9);
        }

        #[test]
        fn a_better_rating_is_a_better_opinion(rating in -20.0..110.0, more in 0.0..50.0) {
            let opinion = mos(rating);
            prop_assert!((1.0..=4.5).contains(&opinion));
            prop_assert!(mos(rating + more) >= opinion - 1e-12);
        }

        #[test]
        fn the_figures_are_in_range(
            loss in -1.0..2.0, burst_ratio in 0.0..100.0, jitter: u64, buffer: u64, round_trip: Option<u64>,
        ) {
            let way = Way { loss, burst_ratio, jitter: Micros(jitter), buffer: Micros(buffer) };
            let line = Line { round_trip: round_trip.map(Micros), ..line(Some(way), None) };
            let quality = line.quality().unwrap();
            prop_assert!(quality.loss_permille <= 1_000 && (10..=44).contains(&quality.mos_tenths));
        }
    }
}
