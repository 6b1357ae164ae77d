#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wslens_fuzz::amplified::run(data));
