#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| neodyme_fuzz::webhook::check(input));
