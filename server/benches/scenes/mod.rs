//! The scenes: calls by codec and by room, each beside its floor.

use std::time::Duration;

use anyhow::Result;
use phone::Codec;
use phone::load::{self, Load, LoadReport};
use tokio::time::sleep;

use crate::floor::{self, Floor, PACKETS_PER_SECOND, Packets};
use crate::program::{Data, Server, raise_file_limit, room_numbers};

const CALLS_PER_SECOND: f64 = 200.0;
/// From the last call's arrival until all have heard their greeting.
const GREETING: Duration = Duration::from_secs(6);
const MEASURED: Duration = Duration::from_secs(7);
/// Between the measuring and the end of the calls.
const MARGIN: Duration = Duration::from_millis(1_500);
/// Calls that listen at the end to whether they hear right: more would keep their own machine busy.
const LISTENERS: usize = 200;
/// Media threads of the phones.
const THREADS: usize = 1;
/// The share of late packets from which the callers' machine is too busy to judge the server.
const TOO_LATE: f64 = 0.01;
/// The share of the server's packets that may be missing of what is due: calls are set up in some time, and greeted.
const TOO_LITTLE: f64 = 0.02;

/// How the calls are spread.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    calls: usize,
    rooms: usize,
    talkers_per_room: usize,
}

const SHAPES: [Shape; 4] = [
    Shape { name: "one room, 3 talkers", calls: 1_000, rooms: 1, talkers_per_room: 3 },
    Shape { name: "one room, silent", calls: 1_000, rooms: 1, talkers_per_room: 0 },
    Shape { name: "rooms of 4, 1 talker", calls: 1_000, rooms: 250, talkers_per_room: 1 },
    Shape { name: "rooms of 10, 3 talkers", calls: 2_000, rooms: 200, talkers_per_room: 3 },
];

const CODECS: [(Codec, &str); 3] = [(Codec::Pcma, "G.711"), (Codec::G722, "G.722"), (Codec::Opus, "Opus")];

/// Of 20 ms of G.711 or G.722.
const PAYLOAD_BYTES: usize = 160;
/// Between those of a pause and the 80 of speech at 32 kbit/s; it hardly matters to what a packet costs.
const OPUS_PAYLOAD_BYTES: usize = 60;

/// Of each scene's calls, in percent: a call of Opus costs so much more than the others' that two cores do not bear a
/// thousand, and one room has one core at most.
const OPUS_PERCENT: usize = 20;

pub(crate) struct Scene {
    shape: Shape,
    codec: Codec,
    codec_name: &'static str,
}

impl Scene {
    pub(crate) fn rooms(&self) -> usize {
        self.shape.rooms
    }

    fn name(&self) -> String {
        format!("{}, {}", self.shape.name, self.codec_name)
    }

    /// What the floor has to move to be compared with it.
    fn packets(&self) -> Packets {
        let Shape { calls, rooms, talkers_per_room, .. } = self.shape;
        let payload_bytes = if self.codec == Codec::Opus { OPUS_PAYLOAD_BYTES } else { PAYLOAD_BYTES };
        Packets { calls, talkers: rooms * talkers_per_room, codec: self.codec, payload_bytes }
    }
}

/// Those with `filter` in their name, "one room, silent, G.722", with so many percent of their calls and rooms.
pub(crate) fn matching(filter: &str, percent: usize) -> Vec<Scene> {
    let scene = |shape: Shape, (codec, codec_name)| {
        let percent = if codec == Codec::Opus { percent * OPUS_PERCENT / 100 } else { percent };
        let share = |count: usize| (count * percent / 100).max(1);
        let shape = Shape { calls: share(shape.calls), rooms: share(shape.rooms), ..shape };
        Scene { shape, codec, codec_name }
    };
    let of_shape = |shape| CODECS.map(|codec| scene(shape, codec));
    SHAPES.into_iter().flat_map(of_shape).filter(|scene| scene.name().contains(filter)).collect()
}

/// Measures and prints each; returns what was wrong with the server.
pub(crate) async fn run(scenes: &[Scene], data: &Data) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    if scenes.is_empty() {
        return Ok(complaints);
    }
    print_head();
    for scene in scenes {
        raise_file_limit(4 * scene.shape.calls)?;
        let (measured, floor) = measure(scene, data).await?;
        print_row(scene, &measured, &floor);
        complaints.extend(measured.complaint(scene));
    }
    Ok(complaints)
}

/// How the calls went, and what they cost the server while they were all in.
struct Measured {
    report: LoadReport,
    cores: f64,
    bytes: u64,
}

/// Server and floor in the same seconds: a machine that others use too is never the same for long.
async fn measure(scene: &Scene, data: &Data) -> Result<(Measured, Floor)> {
    let Shape { calls, rooms, talkers_per_room, .. } = scene.shape;
    let server = Server::start(data)?;
    let load = Load {
        server: server.sip,
        rooms: room_numbers(0, rooms),
        calls,
        talkers_per_room,
        calls_per_second: CALLS_PER_SECOND,
        hold: GREETING + MEASURED + MARGIN,
        pin: None,
        codec: scene.codec,
        threads: THREADS,
        listeners: LISTENERS,
        rtcp: false,
    };
    let empty_bytes = server.resident_bytes()?;
    let calls_made = tokio::spawn(load::run(load));
    sleep(Duration::from_secs_f64(calls as f64 / CALLS_PER_SECOND) + GREETING - floor::SETTLE).await;
    let packets = scene.packets();
    let floor = tokio::task::spawn_blocking(move || floor::measure(&packets, THREADS, MEASURED));
    sleep(floor::SETTLE).await;
    let before = server.cpu_time()?;
    sleep(MEASURED).await;
    let used = server.cpu_time()?.saturating_sub(before);
    let bytes = server.resident_bytes()?.saturating_sub(empty_bytes);
    let floor = floor.await??;
    let report = calls_made.await??;
    Ok((Measured { report, cores: used.as_secs_f64() / MEASURED.as_secs_f64(), bytes }, floor))
}

impl Measured {
    fn late(&self) -> f64 {
        let statistics = &self.report.statistics;
        statistics.packets_sent_late as f64 / statistics.packets_sent.max(1) as f64
    }

    /// Share of the packets due from the server that came to the phones: below 1 if either was too busy.
    fn came(&self, scene: &Scene) -> f64 {
        let arrival = Duration::from_secs_f64(scene.shape.calls as f64 / CALLS_PER_SECOND);
        let mean_stay = arrival / 2 + GREETING + MEASURED + MARGIN;
        let due = scene.shape.calls as f64 * f64::from(PACKETS_PER_SECOND) * mean_stay.as_secs_f64();
        self.report.statistics.packets_received as f64 / due
    }

    fn complaint(&self, scene: &Scene) -> Option<String> {
        let LoadReport { answered, dropped, failed, .. } = &self.report;
        let all_right = *answered == scene.shape.calls && *dropped == 0;
        (!all_right).then(|| format!("{}: {answered} answered, {dropped} dropped, {failed:?}", scene.name()))
    }
}

fn print_head() {
    println!(
        "{CALLS_PER_SECOND} calls a second, then {MEASURED:?} measured; cost: thousandths of a core per call"
    );
    println!(
        "{:<26} {:<6} {:>9} {:>11} {:>6} {:>6} {:>6} {:>6} {:>9} {:>11} {:>8}",
        "",
        "",
        "answered",
        "heard right",
        "lost",
        "cost",
        "floor",
        "ratio",
        "mem/call",
        "longest gap",
        "sent late"
    );
}

fn print_row(scene: &Scene, measured: &Measured, floor: &Floor) {
    let (calls, report) = (scene.shape.calls, &measured.report);
    let doubts = doubts(scene, measured, floor);
    println!(
        "{:<26} {:<6} {:>9} {:>11} {:>6} {:>6.3} {:>6.3} {:>6} {:>9} {:>11} {:>8}",
        scene.shape.name,
        scene.codec_name,
        format!("{}/{calls}", report.answered),
        format!("{}/{}", report.heard_right, report.listened),
        report.statistics.packets_lost,
        measured.cores * 1e3 / calls as f64,
        floor.cores * 1e3 / calls as f64,
        format!("{:.2}{}", measured.cores / floor.cores, if doubts.is_empty() { "" } else { "?" }),
        format!("{:.1} kB", measured.bytes as f64 / 1e3 / calls as f64),
        format!("{} ms", report.statistics.longest_gap.as_millis()),
        format!("{:.2} %", measured.late() * 1e2),
    );
    doubts.iter().for_each(|doubt| println!("  ? {doubt}"));
}

/// Why the row is not to be trusted: a machine too busy, or a server that did not send all that was due.
fn doubts(scene: &Scene, measured: &Measured, floor: &Floor) -> Vec<String> {
    let (late, came) = (measured.late(), measured.came(scene));
    let of_100 = |share: f64| format!("{:.1} %", share * 1e2);
    let mut doubts = Vec::new();
    if late > TOO_LATE {
        doubts.push(format!("the callers sent {} of their packets late", of_100(late)));
    }
    if came < 1.0 - TOO_LITTLE {
        doubts.push(format!("{} of the server's packets came", of_100(came)));
    }
    if floor.moved < 1.0 - TOO_LATE || floor.late > TOO_LATE {
        let (moved, late) = (of_100(floor.moved), of_100(floor.late));
        doubts.push(format!("{moved} of the floor's packets came through, {late} were sent late"));
    }
    doubts
}
