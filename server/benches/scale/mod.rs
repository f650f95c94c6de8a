//! 4,000 calls at once: rooms of 100, and one room of 2,000.

use std::time::Duration;

use anyhow::Result;
use phone::Codec;
use phone::load::{self, Load, LoadReport};
use tokio::time::sleep;

use crate::program::{Data, Server, raise_file_limit, room_numbers};

pub(crate) const NAME: &str = "scale";
/// The last is the large one.
pub(crate) const ROOMS: usize = 21;
const CALLS: usize = 4_000;
/// All groups' together.
const CALLS_PER_SECOND: f64 = 200.0;
/// Those of the first group are in before the others come.
const FIRST_CALLS: usize = 1_000;
/// The others' arrival, and how long all stay after it.
const ARRIVAL: Duration = Duration::from_secs(15);
const HOLD: Duration = Duration::from_secs(14);
/// From the last arrival until all have heard their greeting.
const GREETING: Duration = Duration::from_secs(6);
const MEASURED: Duration = Duration::from_secs(7);
const LISTENERS_OF_A_GROUP: usize = 70;

/// Calls that come together at one rate, in rooms of one size.
struct Group {
    first_room: usize,
    rooms: usize,
    calls: usize,
    calls_per_second: f64,
    hold: Duration,
}

const FIRST: Group = Group {
    first_room: 0,
    rooms: 10,
    calls: FIRST_CALLS,
    calls_per_second: CALLS_PER_SECOND,
    hold: Duration::from_secs(ARRIVAL.as_secs() + HOLD.as_secs()),
};
/// In their share of the rate, so that both have come after [`ARRIVAL`].
const OTHERS: [Group; 2] = [
    Group { first_room: 10, rooms: 10, calls: 1_000, calls_per_second: CALLS_PER_SECOND / 3.0, hold: HOLD },
    Group { first_room: 20, rooms: 1, calls: 2_000, calls_per_second: CALLS_PER_SECOND / 1.5, hold: HOLD },
];

impl Group {
    fn load(&self, server: &Server) -> Load {
        Load {
            server: server.sip,
            rooms: room_numbers(self.first_room, self.rooms),
            calls: self.calls,
            talkers_per_room: 3,
            calls_per_second: self.calls_per_second,
            hold: self.hold,
            pin: None,
            codec: Codec::Pcma,
            threads: 1,
            listeners: LISTENERS_OF_A_GROUP,
            rtcp: false,
        }
    }
}

/// Runs and prints it; returns what was wrong with the server.
pub(crate) async fn run(data: &Data) -> Result<Vec<String>> {
    raise_file_limit(2 * CALLS)?;
    let server = Server::start(data)?;
    let empty_bytes = server.resident_bytes()?;
    let first = tokio::spawn(load::run(FIRST.load(&server)));
    sleep(Duration::from_secs_f64(FIRST_CALLS as f64 / CALLS_PER_SECOND)).await;
    let others = OTHERS.map(|group| tokio::spawn(load::run(group.load(&server))));
    sleep(ARRIVAL + GREETING).await;
    let before = server.cpu_time()?;
    sleep(MEASURED).await;
    let used = server.cpu_time()?.saturating_sub(before);
    let bytes = server.resident_bytes()?.saturating_sub(empty_bytes);
    let mut others_report = LoadReport::default();
    for group in others {
        add(&mut others_report, group.await??);
    }
    others_report.setup_times.sort_unstable();
    let setup = [0.5, 0.99, 1.0].map(|quantile| others_report.setup_time(quantile).unwrap_or_default());
    let mut report = first.await??;
    add(&mut report, others_report);
    print(&report, setup, used.as_secs_f64() / MEASURED.as_secs_f64(), bytes);
    let all_right = report.answered == CALLS && report.dropped == 0;
    let LoadReport { answered, dropped, failed, .. } = report;
    let complaint = format!("{NAME}: {answered} of {CALLS} answered, {dropped} dropped, {failed:?}");
    Ok(if all_right { Vec::new() } else { vec![complaint] })
}

fn add(sum: &mut LoadReport, other: LoadReport) {
    sum.answered += other.answered;
    sum.dropped += other.dropped;
    sum.listened += other.listened;
    sum.heard_right += other.heard_right;
    sum.setup_times.extend(other.setup_times);
    sum.statistics.add(&other.statistics);
    for (reason, count) in other.failed {
        *sum.failed.entry(reason).or_default() += count;
    }
}

fn print(report: &LoadReport, setup: [Duration; 3], cores: f64, bytes: u64) {
    let statistics = &report.statistics;
    let [p50, p99, most] = setup.map(|time| time.as_secs_f64() * 1e3);
    let late = statistics.packets_sent_late as f64 / statistics.packets_sent.max(1) as f64;
    println!(
        "{CALLS} calls of G.711, 3 talkers a room, {CALLS_PER_SECOND} a second: rooms of 100, one room of 2,000"
    );
    println!("  answered                 {} of {CALLS}, {} dropped", report.answered, report.dropped);
    println!("  setup with 1,000 in      p50 {p50:.1} ms, p99 {p99:.1} ms, longest {most:.1} ms");
    println!("  heard right              {} of {}", report.heard_right, report.listened);
    println!("  packets lost             {} of {}", statistics.packets_lost, statistics.packets_received);
    println!(
        "  gaps over 60 ms          {}, longest {} ms",
        statistics.gaps,
        statistics.longest_gap.as_millis()
    );
    println!("  callers' packets late    {} ({:.2} %)", statistics.packets_sent_late, late * 1e2);
    println!(
        "  cost                     {cores:.2} cores, {:.3} thousandths of a core per call",
        cores * 1e3 / CALLS as f64
    );
    println!("  memory                   {:.1} kB per call", bytes as f64 / 1e3 / CALLS as f64);
}
