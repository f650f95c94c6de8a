//! Has uploaded files decoded, each by a process of its own: [`super::convert`].

use super::convert::WAVE_PARTS;
use super::verdict::Verdict;
use model::UploadProblem;
use model::limits::{CONVERSION_MS, CONVERSION_WAIT_MS, CONVERSIONS_AT_ONCE, CONVERTED_BYTES};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Bytes before the sound: its length, and its outline.
const HEAD_BYTES: usize = 4 + WAVE_PARTS;

/// A sound as telephones hear it.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) length_ms: u64,
    pub(super) wave: Vec<u8>,
    /// A file of Ogg Opus.
    pub(super) file: Vec<u8>,
}

pub(super) struct Converter {
    program: PathBuf,
    arguments: Vec<&'static str>,
    turns: Semaphore,
    longest: Duration,
}

impl Converter {
    /// This program itself, as it runs: also where another was put in its place meanwhile.
    pub(super) fn new() -> Converter {
        Converter {
            program: PathBuf::from("/proc/self/exe"),
            arguments: vec!["convert"],
            turns: Semaphore::new(CONVERSIONS_AT_ONCE),
            longest: Duration::from_millis(CONVERSION_MS),
        }
    }

    /// Given up, the process ends too.
    ///
    /// # Errors
    /// Why the file is none that can be heard; [`UploadProblem::Busy`] where its turn does not come.
    pub(super) async fn convert(&self, file: &[u8]) -> Result<Converted, UploadProblem> {
        let turn = timeout(Duration::from_millis(CONVERSION_WAIT_MS), self.turns.acquire()).await;
        let _turn = turn.ok().and_then(Result::ok).ok_or(UploadProblem::Busy)?;
        let child = self.start().map_err(|error| {
            tracing::error!(%error, "the process that decodes cannot be started");
            UploadProblem::Failed
        })?;
        timeout(self.longest, answer(child, file)).await.unwrap_or(Err(UploadProblem::Slow))
    }

    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

async fn answer(mut child: Child, file: &[u8]) -> Result<Converted, UploadProblem> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else { return Err(UploadProblem::Failed) };
    let write = async move {
        // It may have read enough to refuse: its exit code says why.
        let _ = stdin.write_all(file).await;
    };
    let read = async move {
        let mut said = Vec::new();
        let most = (HEAD_BYTES + CONVERTED_BYTES) as u64;
        stdout.take(most).read_to_end(&mut said).await.map(|_| said)
    };
    let ((), said) = tokio::join!(write, read);
    let (said, status) = match (said, child.wait().await) {
        (Ok(said), Ok(status)) => (said, status),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "the process that decodes cannot be listened to");
            return Err(UploadProblem::Failed);
        }
    };
    match Verdict::of(status.code(), status.signal()) {
        Verdict::Done => parse(&said).ok_or(UploadProblem::Damaged),
        Verdict::Refused(problem) => {
            tracing::info!(%problem, %status, "an uploaded file was refused");
            Err(problem)
        }
    }
}

fn parse(said: &[u8]) -> Option<Converted> {
    let (head, file) = said.split_at_checked(HEAD_BYTES)?;
    let (length, wave) = head.split_first_chunk::<4>()?;
    let length_ms = u64::from(u32::from_le_bytes(*length)).max(1);
    (!file.is_empty()).then(|| Converted { length_ms, wave: wave.to_vec(), file: file.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that is not this one in its place.
    fn shell(script: &'static str, longest_ms: u64) -> Converter {
        Converter {
            program: "/bin/sh".into(),
            arguments: vec!["-c", script],
            longest: Duration::from_millis(longest_ms),
            ..Converter::new()
        }
    }

    #[tokio::test]
    async fn what_the_process_says_is_believed_within_bounds() {
        let large = vec![0; 5_000_000];
        for (script, problem) in [
            ("exit 42", UploadProblem::NotSound),
            ("exit 101", UploadProblem::Damaged),
            ("kill -SEGV $$", UploadProblem::Damaged),
            ("kill -XCPU $$", UploadProblem::Slow),
            ("exit 0", UploadProblem::Damaged),
            // It never reads, and does not end by itself.
            ("exec sleep 1000", UploadProblem::Slow),
        ] {
            let refused = shell(script, 2_000).convert(&large).await.unwrap_err();
            assert_eq!(refused, problem, "{script}");
        }
        let said = "head -c 100 /dev/zero; cat >/dev/null";
        let converted = shell(said, 20_000).convert(&large).await.unwrap();
        assert_eq!((converted.wave.len(), converted.file.len()), (WAVE_PARTS, 100 - HEAD_BYTES));
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_our_failure() {
        let converter = Converter { program: "/nowhere".into(), ..Converter::new() };
        assert_eq!(converter.convert(&[]).await.unwrap_err(), UploadProblem::Failed);
    }
}
