//! The target `input` for cargo-fuzz; what it does is in `src/targets`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| selvedge_fuzz::run("input", data));
