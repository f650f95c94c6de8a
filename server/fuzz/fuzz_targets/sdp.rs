//! Any session description in an INVITE: `cargo +nightly fuzz run --fuzz-dir server/fuzz sdp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| server::fuzz::session_description(bytes));
