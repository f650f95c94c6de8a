//! The server as a library, so that the program, its fuzz targets and its benches share one code.
//! `main.rs` calls [`run`]; nothing else is public.

mod announcement;
mod capacity;
mod cli;
mod clock;
mod config;
mod demo;
#[cfg(any(fuzzing, test))]
pub mod fuzz;
mod http;
mod ledger;
mod live;
mod prompts;
mod recorder;
mod serve;
mod server;
mod sound_file;
mod telephony;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Reads the command line and does what it says.
///
/// # Errors
/// What stopped the command, in words for the operator.
pub fn run() -> anyhow::Result<()> {
    // rsipstack logs whole messages, secrets included, at the level of information.
    let filter =
        EnvFilter::try_from_env("CONFERENCE_LOG").unwrap_or_else(|_| EnvFilter::new("info,rsipstack=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    cli::Cli::parse().run()
}
