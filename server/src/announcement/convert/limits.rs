//! What the process that decodes may use: set by itself, before it reads a byte.

use model::limits::{CONVERSION_CPU_S, CONVERSION_MEMORY_BYTES};
use nix::sys::resource::{Resource, setrlimit};
use rustix::process::{Signal, nice, set_parent_process_death_signal};

/// Less urgent than any call.
const NICENESS: i32 = 10;
/// The standard streams; it opens nothing else.
const FILES: u64 = 3;

/// # Errors
/// Where the operating system sets no such limit; nothing may be decoded then.
pub(super) fn set() -> std::io::Result<()> {
    // Nobody would read the result.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    nice(NICENESS)?;
    for (resource, most) in [
        (Resource::RLIMIT_AS, CONVERSION_MEMORY_BYTES),
        (Resource::RLIMIT_CPU, CONVERSION_CPU_S),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NOFILE, FILES),
    ] {
        setrlimit(resource, most, most)?;
    }
    Ok(())
}
