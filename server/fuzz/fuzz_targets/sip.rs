//! Any datagram on the SIP port: `cargo +nightly fuzz run --fuzz-dir server/fuzz sip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| server::fuzz::sip_datagram(bytes));
