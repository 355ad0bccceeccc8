//! The readers of image headers take time that is linear in the bytes they read, also for crafted images. The tests count
//! steps, not time.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

mod crafted;

use optimized_metadata::image_header::{self, steps};

/// From less than what is read of every image to the most that is read of one.
const SIZES: [usize; 4] = [16 << 10, 64 << 10, 256 << 10, 1 << 20];

/// Reads it at once, and returns the steps.
fn read(file: &[u8]) -> u64 {
    steps::count(|| image_header::read(file, 1 << 20)).1
}

#[test]
fn every_reader_is_linear_in_the_bytes_that_it_reads() {
    for (name, craft) in crafted::IMAGES {
        for size in SIZES {
            let file = craft(size);
            for length in [file.len(), file.len() / 2] {
                let (steps, limit) = (read(&file[..length]), steps::limit(length));
                assert!(steps <= limit, "{name}: {steps} steps for {length} bytes");
                assert!(steps > 0 || !cfg!(debug_assertions), "{name}: not counted");
            }
        }
    }
}
