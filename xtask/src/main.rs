//! `cargo xtask …`: what cargo alone cannot do with this workspace, because the program holds the browser's
//! half of the panel inside.

mod assets;
mod bench;
mod frontend;
mod hash;
mod house;
mod lint;
mod process;
mod run;
mod server;
mod style;
mod test;
mod tools;
mod wasm_target;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::{Profile, Workspace};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs and tests the whole of conference")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build both halves and start the server on `data/`
    Run {
        /// Optimised, as it is given out
        #[arg(long)]
        release: bool,
        /// What follows `--` is handed to `conference serve`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Run all tests: lint, unit, simulation, store, then real phones and a real browser
    Test {
        /// This stage alone
        #[arg(long, value_name = "STAGE")]
        only: Option<test::Stage>,
    },
    /// Build the program with pages, style and WebAssembly inside
    Build {
        /// Optimised, as it is given out
        #[arg(long)]
        release: bool,
    },
    /// Check the form, clippy without a warning, and the rules of the house
    Lint,
    /// Measure the media engine, and the whole server under load
    Bench {
        /// What follows `--`: of the server's scenes those alone that have it in their name, as `silent` or `scale`
        #[arg(last = true)]
        filter: Vec<String>,
    },
}

fn main() -> ExitCode {
    match obey(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // In words, without a backtrace: what failed is another program most of the time.
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey(cli: Cli) -> Result<()> {
    let workspace = Workspace::find()?;
    // Every task compiles the server, or looks at what was compiled.
    tools::install_for_building()?;
    match cli.command {
        Task::Run { release, args } => {
            match run::run(&workspace, Profile::from_release_flag(release), &args)? {}
        }
        Task::Test { only } => test::run(&workspace, only),
        Task::Build { release } => build(&workspace, Profile::from_release_flag(release)),
        Task::Lint => lint::run(&workspace),
        Task::Bench { filter } => bench::run(&workspace, &filter),
    }
}

fn build(workspace: &Workspace, profile: Profile) -> Result<()> {
    let built = server::build(workspace, profile)?;
    println!("{}", built.site.sizes()?);
    println!("{}", built.program.display());
    Ok(())
}
