//! `conference`: the one program. See the README for the map, and `conference help` for the commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    match server::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain of causes on one line, and no stack trace: it is for the operator.
            eprintln!("conference: {error:#}");
            ExitCode::FAILURE
        }
    }
}
