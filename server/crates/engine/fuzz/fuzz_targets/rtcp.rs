//! `cargo +nightly fuzz run rtcp`, in this folder's parent: arbitrary RTCP datagrams, packets and reports.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| engine::fuzz::rtcp(bytes));
