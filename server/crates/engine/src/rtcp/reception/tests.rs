use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const SSRC: u32 = 7;

fn at(ms: u64) -> Arrival {
    Arrival::At(Micros::from_ms(1_700_000_000_000 + ms))
}

/// The packet `i` of a steady stream of 20 ms.
fn steady(reception: &mut Reception, first: u16, i: u64) {
    reception.received(at(i * 20), first.wrapping_add(i as u16), (i * 160) as u32, SSRC);
}

/// What became of each packet on the way: lost, so many places late, doubled.
fn network() -> impl Strategy<Value = Vec<(bool, u64, bool)>> {
    prop::collection::vec((prop::bool::weighted(0.2), 0u64..50, prop::bool::weighted(0.1)), 60..400)
}

/// The packets' numbers in the order of their arrival. The first two arrive as they were sent: they begin the source.
fn arrivals(fates: &[(bool, u64, bool)]) -> Vec<u64> {
    let mut arrivals = Vec::new();
    for (i, &(lost, late, doubled)) in (0..).zip(fates) {
        let late = if i < 2 { 0 } else { late };
        if i < 2 || !lost {
            arrivals.push((i + late, i));
        }
        if doubled && i > 2 && !lost {
            arrivals.push((i + late + 5, i));
        }
    }
    arrivals.sort();
    arrivals.into_iter().map(|(_, i)| i).collect()
}

proptest! {
    /// Appendix A.3, counted directly on the packets themselves, over two reports.
    #[test]
    fn counts_as_one_counts_by_hand(first: u16, fates in network(), cut: prop::sample::Index) {
        let arrivals = arrivals(&fates);
        let mut reception = Reception::new(8_000);
        let cut = 2 + cut.index(arrivals.len() - 1);
        let mut prior = (0, 0);
        for span in [0..cut, cut..arrivals.len()] {
            for &i in &arrivals[span.clone()] {
                steady(&mut reception, first, i);
            }
            let highest = arrivals[..span.end].iter().max().unwrap();
            let (expected, received) = (*highest as i64 + 1, span.end as i64);
            let lost_now = (expected - prior.0) - (received - prior.1);
            let fraction = if lost_now > 0 { lost_now * 256 / (expected - prior.0) } else { 0 };
            let block = reception.report();
            prop_assert_eq!(block.is_some(), received > prior.1);
            if let Some(block) = block {
                prop_assert_eq!(block.ssrc, SSRC);
                prop_assert_eq!(i64::from(block.lost), expected - received);
                prop_assert_eq!(i64::from(block.fraction_lost), fraction);
                prop_assert_eq!(block.highest, u32::from(first) + *highest as u32);
            }
            prior = (expected, received);
        }
    }

    /// Every packet is judged once, duplicates change nothing, and runs of lost ones are counted as they lie.
    #[test]
    fn losses_and_their_runs_are_counted_by_what_came(first: u16, fates in network()) {
        let arrivals = arrivals(&fates);
        let n = fates.len() as u64;
        let mut reception = Reception::new(8_000);
        for &i in &arrivals {
            steady(&mut reception, first, i);
        }
        // Enough after them that nothing of them may still come.
        for i in n..n + u64::from(WINDOW) {
            steady(&mut reception, first, i);
        }
        reception.report();
        let came: BTreeSet<u64> = arrivals.iter().copied().collect();
        let lost: Vec<u64> = (0..n).filter(|i| !came.contains(i)).collect();
        let bursts = lost.iter().filter(|i| came.contains(&(**i - 1))).count();
        let heard = reception.heard().unwrap();
        prop_assert_eq!(
            heard,
            Heard { packets: n as u32, lost: lost.len() as u32, bursts: bursts as u32 }
        );
        prop_assert!((heard.loss() - lost.len() as f64 / n as f64).abs() < 1e-12);
    }

    /// Appendix A.8's integers against the formula of section 6.4.1 in floating point.
    #[test]
    fn jitter_is_the_formula_s(
        hz in prop::sample::select(vec![8_000u32, 48_000]),
        first: u32,
        delays_us in prop::collection::vec(0u64..200_000, 3..300),
    ) {
        let mut reception = Reception::new(hz);
        let (mut jitter, mut before) = (0.0f64, None);
        for (i, delay_us) in (0u64..).zip(&delays_us) {
            let now = Micros(1_700_000_000_000_000 + i * 20_000 + delay_us);
            let units = i * u64::from(hz) / 50;
            reception.received(Arrival::At(now), i as u16, first.wrapping_add(units as u32), SSRC);
            let transit = *delay_us as f64 * f64::from(hz) / 1e6;
            if let Some(before) = before.replace(transit) {
                jitter += ((transit - before).abs() - jitter) / 16.0;
            }
        }
        let block = reception.report().unwrap();
        // A unit for the arrival's rounding, one for the jitter's.
        prop_assert!((f64::from(block.jitter) - jitter).abs() <= 2.0, "{} {jitter}", block.jitter);
        prop_assert_eq!(reception.jitter().0, u64::from(block.jitter) * 1_000_000 / u64::from(hz));
    }

    /// Nothing that can be sent overflows, and what is reported is in range.
    #[test]
    fn any_packets_are_counted(
        packets in prop::collection::vec((any::<u64>(), any::<u16>(), any::<u32>(), 0u32..2), 0..200),
    ) {
        let mut reception = Reception::new(48_000);
        for (now, sequence, timestamp, ssrc) in packets {
            reception.received(Arrival::At(Micros(now)), sequence % 9_000, timestamp, ssrc);
            reception.received(Arrival::At(Micros(now)), (sequence % 9_000) + 1, timestamp, ssrc);
            if let Some(heard) = reception.heard() {
                prop_assert!(heard.lost <= heard.packets && heard.bursts <= heard.lost);
            }
            if sequence % 8 == 0 && let Some(block) = reception.report() {
                prop_assert!((-0x80_0000..=0x7F_FFFF).contains(&block.lost));
                prop_assert!(block.jitter <= 48_000);
            }
        }
    }
}

#[test]
fn the_sequence_wraps_and_every_tenth_is_missed() {
    let mut reception = Reception::new(8_000);
    for i in (0..200_000).filter(|i| i % 10 != 9) {
        steady(&mut reception, 60_000, i);
    }
    let block = reception.report().unwrap();
    // The last of the 200,000 is one of the lost, which nothing shows yet.
    assert_eq!((block.lost, block.highest), (19_999, 60_000 + 199_998));
    assert_eq!(block.fraction_lost, 25);
    assert_eq!(block.jitter, 0);
    let heard = reception.heard().unwrap();
    assert_eq!(heard.lost, heard.bursts);
    assert!((heard.burst_ratio() - 0.9).abs() < 1e-4, "alone more often than chance would have it");
}

#[test]
fn a_pause_is_no_loss_and_no_jitter() {
    let mut reception = Reception::new(8_000);
    for i in 0..50 {
        steady(&mut reception, 0, i);
    }
    // The clock ran on for ten seconds, the sequence did not.
    for i in 50..150 {
        reception.received(at(10_000 + i * 20), i as u16, 80_000 + i as u32 * 160, SSRC);
    }
    // It stands still for ten seconds, as does the sequence: some phones do that on hold.
    for i in 150..250 {
        reception.received(at(20_000 + i * 20), i as u16, 80_000 + i as u32 * 160, SSRC);
    }
    let block = reception.report().unwrap();
    assert_eq!((block.lost, block.fraction_lost, block.jitter), (0, 0, 0));
}

#[test]
fn keys_have_their_place_in_the_sequence_alone() {
    let mut reception = Reception::new(8_000);
    for i in 0..100u16 {
        if (50..60).contains(&i) {
            reception.received_event(i, SSRC);
        } else {
            reception.received(at(u64::from(i) * 20), i, u32::from(i) * 160, SSRC);
        }
    }
    let block = reception.report().unwrap();
    assert_eq!((block.lost, block.jitter), (0, 0));
}

#[test]
fn a_stray_packet_ends_nothing_and_a_new_source_begins_anew() {
    let mut reception = Reception::new(8_000);
    for i in 0..100 {
        steady(&mut reception, 0, i);
    }
    reception.received(at(2_000), 9, 0, 99);
    reception.received(at(2_000), 40_000, 0, SSRC);
    steady(&mut reception, 0, 100);
    assert_eq!(reception.report().map(|block| (block.ssrc, block.lost, block.highest)), Some((SSRC, 0, 100)));
    for i in 0..10 {
        reception.received(at(2_000 + i * 20), 500 + i as u16, i as u32 * 160, 99);
    }
    assert_eq!(reception.ssrc(), Some(99));
    assert_eq!(reception.report().map(|block| (block.ssrc, block.lost, block.highest)), Some((99, 0, 509)));
}

#[test]
fn a_sender_that_jumps_begins_anew() {
    let mut reception = Reception::new(8_000);
    for i in 0..100 {
        steady(&mut reception, 0, i);
    }
    assert!(reception.report().is_some());
    for i in 0..100 {
        steady(&mut reception, 30_000, i);
    }
    let block = reception.report().unwrap();
    assert_eq!((block.lost, block.fraction_lost, block.highest), (0, 0, 30_099));
}

#[test]
fn nothing_new_is_no_block() {
    let mut reception = Reception::new(8_000);
    assert_eq!(reception.report(), None);
    steady(&mut reception, 0, 0);
    assert_eq!((reception.report(), reception.ssrc()), (None, None), "one packet alone is no source");
    steady(&mut reception, 0, 1);
    assert!(reception.report().is_some());
    assert_eq!(reception.report(), None);
}

#[test]
fn few_packets_are_judged_together_with_the_next() {
    let mut reception = Reception::new(8_000);
    let mut judged = Vec::new();
    for i in (0..200).filter(|i| i % 4 != 2) {
        steady(&mut reception, 0, i);
        if i % 40 == 39 {
            reception.report();
        }
        judged.extend(reception.heard());
    }
    // 64 are in the window: of packets 0 to 113 one can tell first. 56 have left it at 119, then 40 more, then again.
    let first = judged.first().unwrap();
    assert_eq!((first.packets, first.lost), (50, 12));
    assert!(judged.iter().all(|heard| heard.packets >= 50));
    let last = judged.last().unwrap();
    assert_eq!((last.packets, last.lost, last.bursts), (80, 20, 20));
}

#[test]
fn copies_are_a_negative_loss() {
    let mut reception = Reception::new(8_000);
    for i in (0..50).flat_map(|i| [i, i]) {
        steady(&mut reception, 0, i);
    }
    let block = reception.report().unwrap();
    // The first one's copy came before there was a source.
    assert_eq!((block.lost, block.fraction_lost), (-49, 0));
}

#[test]
fn the_cumulative_loss_stops_where_24_bits_end() {
    let mut reception = Reception::new(8_000);
    steady(&mut reception, 0, 0);
    for i in 0..2_900u64 {
        steady(&mut reception, 0, 1 + i * 2_999);
    }
    let block = reception.report().unwrap();
    assert_eq!((block.lost, block.fraction_lost), (0x7F_FFFF, 255));
    assert_eq!(block.highest, 1 + 2_899 * 2_999);
}

#[test]
fn the_jitter_is_that_of_the_times_that_are_known() {
    // Every other packet comes 10 ms late; the times of one second in ten are looked at.
    let mut reception = Reception::new(8_000);
    for i in 0..5_000u64 {
        let Arrival::At(came) = at(i * 20 + (i % 2) * 10) else { unreachable!() };
        let known = (i / 50).is_multiple_of(10);
        let arrival = if known { Arrival::At(came) } else { Arrival::Before(at_tick(i)) };
        reception.received(arrival, i as u16, (i * 160) as u32, SSRC);
    }
    let jitter_ms = reception.jitter().0 / 1_000;
    assert!((9..=10).contains(&jitter_ms), "{jitter_ms}");
}

fn at_tick(i: u64) -> Micros {
    Micros::from_ms(1_700_000_000_000 + i * 20 + 19)
}
