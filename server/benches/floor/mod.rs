//! The floor: what moving a call's packets costs a program that does nothing else with them.
//!
//! It runs in a process of its own, as processor time is told by process. On loopback a sender also pays for the
//! delivery, up to waking the receiver: so its phones are the very ones that call the server, less the signalling.

mod mover;

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use phone::Codec;
use phone::plain::PlainPhones;

use crate::program::cpu_time;

/// The first argument of a process that is to be the floor.
pub(crate) const ARGUMENT: &str = "--floor";
/// A phone's and the server's packets come every 20 ms.
pub(crate) const PACKETS_PER_SECOND: u32 = 50;
/// Until every socket has met its phone, and the packets flow evenly.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

/// Which packets are moved.
pub(crate) struct Packets {
    pub(crate) calls: usize,
    /// Of the calls, those that say a tone; with Opus their packets are the longer ones.
    pub(crate) talkers: usize,
    pub(crate) codec: Codec,
    /// Bytes of payload in what comes back to each phone.
    pub(crate) payload_bytes: usize,
}

/// What they cost.
pub(crate) struct Floor {
    pub(crate) cores: f64,
    /// Share of the packets due both ways that came through; below 1 if this machine was too busy.
    pub(crate) moved: f64,
    /// Share of the phones' packets that they sent late.
    pub(crate) late: f64,
}

/// Measures for this time, after it has settled.
///
/// # Errors
/// If the process cannot be started or ends early, or sockets are refused.
pub(crate) fn measure(packets: &Packets, threads: usize, time: Duration) -> Result<Floor> {
    let (mover, remotes) = start(packets)?;
    let phones = PlainPhones::start(&remotes, packets.codec, packets.talkers, threads)?;
    sleep(SETTLE);
    let (before, cpu_before) = (phones.statistics(), cpu_time(mover.0.id())?);
    sleep(time);
    let cpu = cpu_time(mover.0.id())?.saturating_sub(cpu_before);
    let after = phones.statistics();
    ensure!(after.datagrams_refused == 0, "the phones do not take the floor's packets");
    let sent = after.packets_sent - before.packets_sent;
    let received = after.packets_received - before.packets_received;
    let due = packets.calls as f64 * f64::from(PACKETS_PER_SECOND) * time.as_secs_f64();
    Ok(Floor {
        cores: cpu.as_secs_f64() / time.as_secs_f64(),
        moved: (sent + received) as f64 / (2.0 * due),
        late: (after.packets_sent_late - before.packets_sent_late) as f64 / sent.max(1) as f64,
    })
}

/// Is the floor, with the arguments after [`ARGUMENT`], until the standard input ends.
///
/// # Errors
/// If the arguments are not those of `start`, or the system refuses a socket.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let [calls, payload_type, payload_bytes] = arguments else {
        anyhow::bail!("the floor takes CALLS PAYLOAD_TYPE PAYLOAD_BYTES")
    };
    mover::run(calls.parse()?, payload_type.parse()?, payload_bytes.parse()?)
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

/// Returns the process and the addresses of its sockets.
fn start(packets: &Packets) -> Result<(Mover, Vec<SocketAddr>)> {
    let Packets { calls, codec, payload_bytes, .. } = packets;
    let process = Command::new(std::env::current_exe()?)
        .args([ARGUMENT, &calls.to_string()])
        .args([codec.payload_type().to_string(), payload_bytes.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut mover = Mover(process);
    let mut line = String::new();
    let output = mover.0.stdout.take().context("the floor has no output")?;
    BufReader::new(output).read_line(&mut line)?;
    let ports = line.split_whitespace().map(str::parse).collect::<Result<Vec<u16>, _>>()?;
    ensure!(ports.len() == *calls, "the floor did not start");
    let remotes = ports.into_iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    Ok((mover, remotes.collect()))
}
