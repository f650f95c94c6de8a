//! The server's program, and what the system tells of a process.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;

/// Files of a process beside its sockets: standard streams, epoll, timers, and what the runtime holds.
const OTHER_FILES: u64 = 200;
/// The account of all rooms.
const ACCOUNT: &str = "load@example.org";

/// A data folder with rooms; it is deleted with this value.
pub(crate) struct Data(TempDir);

impl Data {
    pub(crate) fn with_rooms(rooms: usize) -> Result<Data> {
        let data = Data(tempfile::tempdir()?);
        let mut add = data.conference();
        add.args(["account", "add", ACCOUNT, "--password-stdin"]);
        let mut add = add.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        add.stdin.take().context("no way to tell the password")?.write_all(b"correct horse battery\n")?;
        ensure!(add.wait()?.success(), "the account was not added");
        for number in room_numbers(0, rooms) {
            let mut add = data.conference();
            add.args(["number", "add", &number, "--account", ACCOUNT]);
            ensure!(add.stdout(Stdio::null()).status()?.success(), "a number was not added");
        }
        Ok(data)
    }

    fn conference(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conference"));
        command.arg("--data").arg(self.0.path());
        command
    }
}

/// The numbers of so many rooms, from the first of them on.
pub(crate) fn room_numbers(first: usize, rooms: usize) -> Vec<String> {
    (first..first + rooms).map(|room| (3000 + room).to_string()).collect()
}

/// `conference serve` on a data folder; it ends with this value.
pub(crate) struct Server {
    process: Child,
    pub(crate) sip: SocketAddr,
}

impl Server {
    /// Returns once calls are taken.
    pub(crate) fn start(data: &Data) -> Result<Server> {
        let sip = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let mut process = data
            .conference()
            .args(["serve", "--http", "127.0.0.1:0", "--sip", &sip.to_string()])
            .env("CONFERENCE_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("the server has no output")?).lines();
        let server = Server { process, sip };
        // The last line of its greeting.
        let greeted = lines.any(|line| line.is_ok_and(|line| line.trim_start().starts_with("data ")));
        ensure!(greeted, "the server did not start");
        Ok(server)
    }

    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        cpu_time(self.process.id())
    }

    pub(crate) fn resident_bytes(&self) -> Result<u64> {
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
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let mut time_ns = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(schedstat) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let on_cpu_ns: u64 = schedstat.split(' ').next().unwrap_or_default().parse()?;
        time_ns += on_cpu_ns;
    }
    Ok(Duration::from_nanos(time_ns))
}

/// For so many sockets in this process.
///
/// # Errors
/// If the system does not grant them.
pub(crate) fn raise_file_limit(sockets: usize) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = sockets as u64 + OTHER_FILES;
    if soft < needed {
        setrlimit(Resource::RLIMIT_NOFILE, needed, hard.max(needed))
            .with_context(|| format!("{needed} files are needed, and {hard} allowed"))?;
    }
    Ok(())
}
