//! `cargo +nightly fuzz run event`, in this folder's parent: arbitrary telephone-events.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| engine::fuzz::telephone_events(bytes));
