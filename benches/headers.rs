//! Measures how long it takes to read an image header. `npm run bench -- headers` builds this for the host and as WebAssembly.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use optimized_metadata::image::header::Limits;
use optimized_metadata::image::prefix::BodyPrefix;

/// The minimum duration of a measurement.
const MIN_DURATION: Duration = Duration::from_millis(1);

/// Reads the header of an image `times` times.
#[cfg_attr(target_family = "wasm", wasm_bindgen::prelude::wasm_bindgen)]
pub fn read_header(bytes: &[u8], times: u32) {
    for _ in 0..times {
        let prefix = BodyPrefix::whole(Limits::default(), None, black_box(bytes));
        black_box(prefix.image()).ok();
    }
}

/// Prints the nanoseconds per read of each file, one per line. Skips the options that cargo adds.
fn main() -> Result<(), Box<dyn Error>> {
    for file in std::env::args().skip(1).filter(|arg| !arg.starts_with('-')) {
        let bytes = std::fs::read(file)?;
        let mut times = 1_u32;
        let elapsed = loop {
            let start = Instant::now();
            read_header(&bytes, times);
            let elapsed = start.elapsed();
            if elapsed >= MIN_DURATION {
                break elapsed;
            }
            times = times.saturating_mul(2);
        };
        println!("{}", elapsed.as_secs_f64() * 1e9 / f64::from(times));
    }
    Ok(())
}
