//! The whole server under load: the program itself, called over loopback by the crate `phone`.
//!
//! It shares the machine with its callers, so compare figures of one run, or of one machine, only. The floor is measured
//! in turns with the server, by the same phones, so that the machine's state meets both alike.
//!
//! `cargo bench -p server --bench load -- FILTER` runs what has FILTER in its name: `silent`, `Opus`, `rooms of 4, G.711`,
//! `scale`.

mod floor;
mod program;
mod scale;
mod scenes;

use anyhow::{Result, ensure};
use program::Data;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == floor::ARGUMENT => floor::run(rest),
        // Cargo adds `--bench`.
        _ => {
            let filter: Vec<String> =
                arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
            tokio::runtime::Runtime::new()?.block_on(bench(&filter.join(" ")))
        }
    }
}

async fn bench(filter: &str) -> Result<()> {
    let scenes = scenes::matching(filter);
    let with_scale = scale::NAME.contains(filter);
    ensure!(with_scale || !scenes.is_empty(), "nothing has {filter:?} in its name");
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
