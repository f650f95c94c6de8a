//! The whole server under load: the program itself, called over loopback by the crate `phone`.
//!
//! It shares the machine with its callers, so compare figures of one run, or of one machine, only. The floor is measured
//! in the same run, with packets read as they come and read at the tick: "1.20 / 1.50" is a call's cost over the one and
//! over the other.

mod floor;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use floor::{Floor, Reading};
use phone::Codec;
use phone::load::{self, Load, LoadReport};
use tokio::time::sleep;

const CALLS: usize = 400;
const CALLS_PER_SECOND: f64 = 100.0;
/// After the last call has come in; the server is measured inside it.
const HOLD: Duration = Duration::from_secs(20);
const MEASURED: Duration = Duration::from_secs(15);

/// How the calls are spread.
struct Shape {
    name: &'static str,
    rooms: usize,
    talkers_per_room: usize,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "one room, 3 talkers", rooms: 1, talkers_per_room: 3 },
    Shape { name: "rooms of 4, 1 talker", rooms: CALLS / 4, talkers_per_room: 1 },
];

/// Sockets of the floor where it is printed by itself.
const FLOOR_CALLS: usize = 1_000;
/// Datagrams of 20 ms: 12 bytes of RTP header (RFC 3550 section 5.1), and the payload.
const G711_BYTES: usize = 12 + 160;
/// Speech at 27 kbit/s, between what RFC 7587 section 3.1.1 recommends for wideband and for fullband.
const OPUS_BYTES: usize = 12 + 68;

const FLOORS: [(&str, usize, Reading); 4] = [
    ("G.711 and G.722, read as they come", G711_BYTES, Reading::Event),
    ("G.711 and G.722, read at the tick", G711_BYTES, Reading::Tick),
    ("Opus, read as they come", OPUS_BYTES, Reading::Event),
    ("Opus, read at the tick", OPUS_BYTES, Reading::Tick),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == floor::ARGUMENT => floor::run(rest),
        _ => tokio::runtime::Runtime::new()?.block_on(bench()),
    }
}

async fn bench() -> Result<()> {
    print_floors()?;
    let floors = [
        measured_floor(CALLS, G711_BYTES, Reading::Event)?,
        measured_floor(CALLS, G711_BYTES, Reading::Tick)?,
    ];
    println!("{CALLS} calls of G.711 A-law, {CALLS_PER_SECOND} a second");
    println!(
        "{:<22} {:>8} {:>11} {:>6} {:>14} {:>14} {:>14} {:>12}",
        "", "answered", "heard right", "lost", "setup p50/p99", "core per call", ": floors", "memory/call"
    );
    for shape in &SHAPES {
        let server = Server::start(shape.rooms)?;
        let (report, cost) = measured(&server, shape).await?;
        print_row(shape, &report, &cost, &floors);
        // A figure of a server that did not do its work is worth nothing.
        ensure!(report.answered == CALLS && report.dropped == 0, "calls failed: {:?}", report.failed);
    }
    Ok(())
}

/// What the calls cost the server while they are all in.
struct Cost {
    cores: f64,
    bytes: u64,
}

async fn measured(server: &Server, shape: &Shape) -> Result<(LoadReport, Cost)> {
    let load = Load {
        server: server.sip,
        rooms: (0..shape.rooms).map(room_number).collect(),
        calls: CALLS,
        talkers_per_room: shape.talkers_per_room,
        calls_per_second: CALLS_PER_SECOND,
        hold: HOLD,
        pin: None,
        codec: Codec::Pcma,
        threads: 1,
        listeners: CALLS,
        rtcp: false,
    };
    let empty_bytes = server.resident_bytes()?;
    let calls = tokio::spawn(load::run(load));
    // All are in, and have heard their greeting, for the last seconds of the hold.
    let arrivals = Duration::from_secs_f64(CALLS as f64 / CALLS_PER_SECOND);
    sleep(arrivals + HOLD - MEASURED).await;
    let before = server.cpu_time()?;
    sleep(MEASURED - Duration::from_millis(500)).await;
    let used = server.cpu_time()?.saturating_sub(before);
    let bytes = server.resident_bytes()?.saturating_sub(empty_bytes);
    let report = calls.await??;
    Ok((report, Cost { cores: used.as_secs_f64() / (MEASURED.as_secs_f64() - 0.5), bytes }))
}

fn print_row(shape: &Shape, report: &LoadReport, cost: &Cost, floors: &[Floor; 2]) {
    let setup_ms = |quantile| report.setup_time(quantile).unwrap_or_default().as_secs_f64() * 1e3;
    println!(
        "{:<22} {:>8} {:>11} {:>6} {:>14} {:>14} {:>14} {:>12}",
        shape.name,
        report.answered,
        report.heard_right,
        report.statistics.packets_lost,
        format!("{:.1}/{:.1} ms", setup_ms(0.5), setup_ms(0.99)),
        format!("{:.3} %", cost.cores * 100.0 / CALLS as f64),
        format!("{:.2} / {:.2}", cost.cores / floors[0].cores, cost.cores / floors[1].cores),
        format!("{:.0} kB", cost.bytes as f64 / 1e3 / CALLS as f64),
    );
    let late = report.statistics.packets_sent_late as f64 / report.statistics.packets_sent.max(1) as f64;
    if late > 0.01 {
        println!(
            "  (the callers sent {:.1} % of their packets late: this machine is too busy to judge)",
            late * 1e2
        );
    }
}

/// In a row: what, bytes of a datagram, thousandths of a core per call.
fn print_floors() -> Result<()> {
    println!("the floor: {FLOOR_CALLS} sockets, a packet in and one out each 20 ms, and nothing else");
    for (name, bytes, reading) in FLOORS {
        let floor = measured_floor(FLOOR_CALLS, bytes, reading)?;
        let per_call = floor.cores * 1e3 / FLOOR_CALLS as f64;
        println!("{name:<34} {bytes:>4} bytes {per_call:>8.3} thousandths of a core per call");
    }
    Ok(())
}

fn measured_floor(calls: usize, bytes: usize, reading: Reading) -> Result<Floor> {
    let floor = floor::measure(calls, bytes, reading)?;
    if floor.moved < 0.99 {
        println!(
            "  ({:.0} % of the floor's packets came through: too busy a machine to judge)",
            floor.moved * 1e2
        );
    }
    Ok(floor)
}

fn room_number(index: usize) -> String {
    (3000 + index).to_string()
}

/// `conference serve` with a data folder of its own; it ends with this value.
struct Server {
    process: Child,
    sip: SocketAddr,
    _data: tempfile::TempDir,
}

impl Server {
    /// Returns once calls are taken.
    fn start(rooms: usize) -> Result<Server> {
        let data = tempfile::tempdir()?;
        add_rooms(data.path(), rooms)?;
        let sip = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let mut process = conference(data.path())
            .args(["serve", "--http", "127.0.0.1:0", "--sip", &sip.to_string()])
            .env("CONFERENCE_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("the server has no output")?).lines();
        let server = Server { process, sip, _data: data };
        // The last line of its greeting.
        let greeted = lines.any(|line| line.is_ok_and(|line| line.trim_start().starts_with("data ")));
        ensure!(greeted, "the server did not start");
        Ok(server)
    }

    fn cpu_time(&self) -> Result<Duration> {
        cpu_time(self.process.id())
    }

    fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let kilobytes =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        Ok(kilobytes.context("the system does not tell the server's memory")?.parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The processor's time of all threads of a process since their start.
fn cpu_time(process: u32) -> Result<Duration> {
    let mut time_ns = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let schedstat = fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_cpu_ns: u64 = schedstat.split(' ').next().unwrap_or_default().parse()?;
        time_ns += on_cpu_ns;
    }
    Ok(Duration::from_nanos(time_ns))
}

fn conference(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conference"));
    command.arg("--data").arg(data);
    command
}

fn add_rooms(data: &Path, rooms: usize) -> Result<()> {
    let mut add = conference(data);
    add.args(["account", "add", "load@example.org", "--password-stdin"]);
    let mut add = add.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    add.stdin.take().context("no way to tell the password")?.write_all(b"correct horse battery\n")?;
    ensure!(add.wait()?.success(), "the account was not added");
    for room in 0..rooms {
        let mut add = conference(data);
        add.args(["number", "add", &room_number(room), "--account", "load@example.org"]);
        ensure!(add.stdout(Stdio::null()).status()?.success(), "a number was not added");
    }
    Ok(())
}
