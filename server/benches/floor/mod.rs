//! The floor: what moving a call's packets costs a program that does nothing else with them.
//!
//! It runs in a process of its own, as processor time is told by process, and its phones here. On loopback a sender
//! also pays for the delivery, up to waking the receiver: so these phones wait for packets as those of the crate `phone`
//! do, or engine and floor could not be compared.

mod mover;
mod phones;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

pub(crate) use mover::Reading;
use phones::Phones;

/// The first argument of a process that is to be the floor.
pub(crate) const ARGUMENT: &str = "floor";
/// A phone's and the server's packets come every 20 ms.
const PACKETS_PER_SECOND: u32 = 50;
/// Until every socket has met its phone, and the packets flow evenly.
const SETTLE: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(8);

/// What the packets of so many calls cost.
pub(crate) struct Floor {
    pub(crate) cores: f64,
    /// Share of the packets due both ways that came through; below 1 if this machine was too busy.
    pub(crate) moved: f64,
}

/// Measures the moving of `bytes` long datagrams to and from `calls` phones.
///
/// # Errors
/// If the process cannot be started or ends early, or sockets are refused.
pub(crate) fn measure(calls: usize, bytes: usize, reading: Reading) -> Result<Floor> {
    mover::raise_file_limit(calls)?;
    let (process, ports) = start(calls, bytes, reading)?;
    let phones = Phones::start(&ports, bytes)?;
    sleep(SETTLE);
    let (packets_before, cpu_before) = (phones.packets(), super::cpu_time(process.0.id())?);
    sleep(MEASURED);
    let cpu = super::cpu_time(process.0.id())?.saturating_sub(cpu_before);
    let packets = phones.packets() - packets_before;
    let due = 2 * calls as u64 * u64::from(PACKETS_PER_SECOND) * MEASURED.as_secs();
    Ok(Floor { cores: cpu.as_secs_f64() / MEASURED.as_secs_f64(), moved: packets as f64 / due as f64 })
}

/// Is the floor, with the arguments after `ARGUMENT`, until the standard input ends.
///
/// # Errors
/// If the arguments are not those of `start`, or the system refuses a socket.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let [calls, bytes, reading] = arguments else { anyhow::bail!("the floor takes CALLS BYTES READING") };
    let reading = Reading::from_word(reading).context("packets are read at each event or tick")?;
    mover::run(calls.parse()?, bytes.parse()?, reading)
}

/// Ends with this value.
struct Mover(Child);

impl Drop for Mover {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the process and the ports of its sockets.
fn start(calls: usize, bytes: usize, reading: Reading) -> Result<(Mover, Vec<u16>)> {
    let process = Command::new(std::env::current_exe()?)
        .args([ARGUMENT, &calls.to_string(), &bytes.to_string(), reading.word()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut mover = Mover(process);
    let mut line = String::new();
    let output = mover.0.stdout.take().context("the floor has no output")?;
    BufReader::new(output).read_line(&mut line)?;
    let ports = line.split_whitespace().map(str::parse).collect::<Result<Vec<u16>, _>>()?;
    ensure!(ports.len() == calls, "the floor did not start");
    Ok((mover, ports))
}
