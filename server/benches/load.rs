//! The whole server under load: the program itself, called over loopback by the crate `phone`.
//!
//! It shares the machine with its callers, so compare figures of one run, or of one machine, only. The floor is measured
//! in turns with the server, by the same phones, so that the machine's state meets both alike.
//!
//! `cargo bench -p server --bench load -- FILTER` runs what has FILTER in its name: `silent`, `Opus`, `rooms of 4, G.711`,
//! `scale`. `--percent 20` takes a fifth of each scene's calls, for a machine that is too small or too busy for all.

mod floor;
mod program;
mod scale;
mod scenes;

use anyhow::{Context, Result, bail, ensure};
use program::Data;

/// What is asked for on the command line.
struct Wanted {
    filter: String,
    /// Of each scene's calls and rooms; the scale is not made smaller.
    percent: usize,
}

impl Wanted {
    fn read(arguments: &[String]) -> Result<Wanted> {
        let mut wanted = Wanted { filter: String::new(), percent: 100 };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo adds it.
                "--bench" => {}
                "--percent" => {
                    wanted.percent = arguments.next().context("--percent takes a number")?.parse()?;
                    ensure!((1..=100).contains(&wanted.percent), "--percent takes 1 to 100");
                }
                word if word.starts_with('-') => bail!("{word} is not known: FILTER and --percent N are"),
                word if wanted.filter.is_empty() => wanted.filter = word.to_owned(),
                word => wanted.filter = format!("{} {word}", wanted.filter),
            }
        }
        Ok(wanted)
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == floor::ARGUMENT => floor::run(rest),
        _ => tokio::runtime::Runtime::new()?.block_on(bench(&Wanted::read(&arguments)?)),
    }
}

async fn bench(wanted: &Wanted) -> Result<()> {
    let scenes = scenes::matching(&wanted.filter, wanted.percent);
    let with_scale = scale::NAME.contains(&wanted.filter);
    ensure!(with_scale || !scenes.is_empty(), "nothing has {:?} in its name", wanted.filter);
    let rooms = scenes.iter().map(scenes::Scene::rooms).chain(with_scale.then_some(scale::ROOMS)).max();
    let data = Data::with_rooms(rooms.unwrap_or_default())?;
    let mut complaints = scenes::run(&scenes, &data).await?;
    if with_scale {
        complaints.extend(scale::run(&data).await?);
    }
    // A figure of a server that did not do its work is worth nothing.
    ensure!(complaints.is_empty(), "the server failed:\n{}", complaints.join("\n"));
    Ok(())
}
