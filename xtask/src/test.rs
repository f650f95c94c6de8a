//! `cargo xtask test`: all that must hold, stage after stage, up to the first that fails.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::lint;
use crate::process;
use crate::server;
use crate::tools;
use crate::workspace::{Profile, Workspace};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Install what the tests need, from Debian and npm.
    Tools,
    /// Form, clippy and the rules of the house.
    Lint,
    /// Unit, property, simulation and store tests.
    Unit,
    /// The release build of both halves.
    Build,
    /// Real phones and a real browser against the release build.
    End2end,
}

impl Stage {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn run(self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Tools => tools::install(workspace),
            Self::Lint => lint::run(workspace),
            Self::Unit => unit(workspace),
            Self::Build => build(workspace),
            Self::End2end => end_to_end(workspace),
        }
    }
}

/// Runs all stages, or one.
///
/// # Errors
/// That of the first stage that fails; the table of times is printed before.
pub(crate) fn run(workspace: &Workspace, only: Option<Stage>) -> Result<()> {
    let stages = only.as_ref().map_or(Stage::value_variants(), std::slice::from_ref);
    let mut times = Vec::new();
    for stage in stages {
        println!("\n── {} ──", stage.name());
        let begin = Instant::now();
        let result = stage.run(workspace);
        times.push((stage.name(), begin.elapsed(), result.is_ok()));
        if let Err(error) = result {
            println!("{}", table(&times));
            return Err(error.context(format!("stage `{}` failed", stage.name())));
        }
    }
    println!("{}", table(&times));
    Ok(())
}

fn unit(workspace: &Workspace) -> Result<()> {
    // Apart for the reason given in `lint::run`.
    process::run(workspace.cargo().args(["test", "--package", "xtask"]))?;
    process::run(workspace.cargo().args(["test", "--workspace", "--exclude", "xtask"]))
}

fn build(workspace: &Workspace) -> Result<()> {
    let built = server::build(workspace, Profile::Release)?;
    println!("{}", built.site.sizes()?);
    built.site.check_weight()
}

fn end_to_end(workspace: &Workspace) -> Result<()> {
    let program = workspace.server(Profile::Release);
    if !program.exists() {
        bail!("there is no {}; `cargo xtask build --release` makes it", program.display());
    }
    let mut npm = process::command("npm");
    npm.args(["test", "--prefix", "end2end"]).env("CONFERENCE_BIN", &program);
    process::run(npm.current_dir(&workspace.root)).context("phones or browser did not see what they should")
}

fn table(times: &[(String, Duration, bool)]) -> String {
    let mut text = String::new();
    let mut total_s = 0.0;
    for (name, time, passed) in times {
        total_s += time.as_secs_f64();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:<10} {:>7.1} s  {}",
            time.as_secs_f64(),
            if *passed { "passed" } else { "FAILED" }
        );
    }
    let _ = write!(text, "{:<10} {total_s:>7.1} s", "total");
    format!("\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_what_failed_and_adds_up() {
        let times = [
            ("lint".to_owned(), Duration::from_millis(1500), true),
            ("unit".to_owned(), Duration::from_secs(2), false),
        ];
        assert_eq!(
            table(&times),
            "\nlint           1.5 s  passed\nunit           2.0 s  FAILED\ntotal          3.5 s"
        );
    }
}
