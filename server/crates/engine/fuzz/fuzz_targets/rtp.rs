//! `cargo +nightly fuzz run rtp`, in this folder's parent: arbitrary datagrams, ticks and commands.
#![no_main]

#[path = "../../tests/support/harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::run(bytes));
