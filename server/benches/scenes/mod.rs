//! The scenes: calls by codec and by room, each beside its floor.

use std::time::Duration;

use anyhow::Result;
use phone::Codec;
use phone::load::{self, Load, LoadReport};
use tokio::time::sleep;

use crate::floor::{self, Floor, Packets};
use crate::program::{Data, Server, raise_file_limit, room_numbers};

const CALLS_PER_SECOND: f64 = 200.0;
/// From the last call's arrival until all have heard their greeting.
const GREETING: Duration = Duration::from_secs(6);
const MEASURED: Duration = Duration::from_secs(7);
/// Between the measuring and the end of the calls.
const MARGIN: Duration = Duration::from_millis(500);
/// Calls that listen at the end to whether they hear right: more would keep their own machine busy.
const LISTENERS: usize = 200;
/// Media threads of the phones.
const THREADS: usize = 1;
/// The share of late packets from which the callers' machine is too busy to judge the server.
const TOO_LATE: f64 = 0.01;

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
    Shape { name: "200 rooms of 10, 3 talkers", calls: 2_000, rooms: 200, talkers_per_room: 3 },
];

const CODECS: [(Codec, &str); 3] = [(Codec::Pcma, "G.711"), (Codec::G722, "G.722"), (Codec::Opus, "Opus")];

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
}

/// Those with `filter` in their name, "one room, silent, G.722", with so many percent of their calls and rooms.
pub(crate) fn matching(filter: &str, percent: usize) -> Vec<Scene> {
    let share = |shape: Shape| Shape {
        calls: shape.calls * percent / 100,
        rooms: (shape.rooms * percent / 100).max(1),
        ..shape
    };
    let of_shape = |shape| CODECS.map(|(codec, codec_name)| Scene { shape, codec, codec_name });
    SHAPES.into_iter().map(share).flat_map(of_shape).filter(|scene| scene.name().contains(filter)).collect()
}

/// Measures and prints each; returns what was wrong with the server.
pub(crate) async fn run(scenes: &[Scene], data: &Data) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    if scenes.is_empty() {
        return Ok(complaints);
    }
    print_head();
    for scene in scenes {
        raise_file_limit(2 * scene.shape.calls)?;
        let measured = measure(scene, data).await?;
        let packets = Packets {
            calls: scene.shape.calls,
            talkers: scene.shape.rooms * scene.shape.talkers_per_room,
            codec: scene.codec,
            payload_bytes: measured.payload_bytes(),
        };
        let floor =
            tokio::task::spawn_blocking(move || floor::measure(&packets, THREADS, MEASURED)).await??;
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

async fn measure(scene: &Scene, data: &Data) -> Result<Measured> {
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
    sleep(Duration::from_secs_f64(calls as f64 / CALLS_PER_SECOND) + GREETING).await;
    let before = server.cpu_time()?;
    sleep(MEASURED).await;
    let used = server.cpu_time()?.saturating_sub(before);
    let bytes = server.resident_bytes()?.saturating_sub(empty_bytes);
    let report = calls_made.await??;
    Ok(Measured { report, cores: used.as_secs_f64() / MEASURED.as_secs_f64(), bytes })
}

impl Measured {
    /// The mean of what came to the phones, the greeting included.
    fn payload_bytes(&self) -> usize {
        let statistics = &self.report.statistics;
        (statistics.payload_bytes_received / statistics.packets_received.max(1)) as usize
    }

    fn late(&self) -> f64 {
        let statistics = &self.report.statistics;
        statistics.packets_sent_late as f64 / statistics.packets_sent.max(1) as f64
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
        "{:<26} {:<6} {:>9} {:>11} {:>6} {:>6} {:>6} {:>5} {:>9} {:>11} {:>8}",
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
    println!(
        "{:<26} {:<6} {:>9} {:>11} {:>6} {:>6.3} {:>6.3} {:>5.2} {:>9} {:>11} {:>8}",
        scene.shape.name,
        scene.codec_name,
        format!("{}/{calls}", report.answered),
        format!("{}/{}", report.heard_right, report.listened),
        report.statistics.packets_lost,
        measured.cores * 1e3 / calls as f64,
        floor.cores * 1e3 / calls as f64,
        measured.cores / floor.cores,
        format!("{:.1} kB", measured.bytes as f64 / 1e3 / calls as f64),
        format!("{} ms", report.statistics.longest_gap.as_millis()),
        format!("{:.2} %", measured.late() * 1e2),
    );
    if measured.late() > TOO_LATE {
        println!("  the callers sent more than 1 % of their packets late: this machine is too busy to judge");
    }
    if floor.moved < 1.0 - TOO_LATE || floor.late > TOO_LATE {
        println!(
            "  {:.1} % of the floor's packets came through, {:.1} % were sent late: too busy a machine to judge it",
            floor.moved * 1e2,
            floor.late * 1e2
        );
    }
}
