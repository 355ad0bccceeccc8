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

use optimized_metadata::image::header::{self, Limits, steps};
use optimized_metadata::image::prefix::BodyPrefix;

/// From less than the first bytes that are read of every image to the maximum that is read of one.
const SIZES: [usize; 4] = [16 << 10, 64 << 10, 256 << 10, 1 << 20];

/// Reads it at once, and returns the steps.
fn read(file: &[u8]) -> u64 {
    steps::count(|| header::read(file, 1 << 20)).1
}

/// Reads it as it arrives, in pieces of 4 KiB, and returns the steps.
fn read_in_pieces(file: &[u8], limits: Limits) -> u64 {
    let read = || {
        let mut prefix = BodyPrefix::new(limits, None);
        let mut pieces = file.chunks(4 << 10);
        while prefix.wants_more() {
            match pieces.next() {
                Some(piece) => prefix.push(piece),
                None => prefix.end(),
            }
        }
        prefix.image()
    };
    steps::count(read).1
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

/// Reads it as an object, and returns the steps and the bytes that were read.
fn read_in_ranges(file: &[u8], limits: Limits) -> (u64, usize) {
    let mut bytes = 0;
    let size = u64::try_from(file.len()).unwrap();
    let read = || {
        let mut prefix = BodyPrefix::new(limits, None);
        while prefix.wants_more() {
            let (at, length) = prefix.next_range();
            let to = at.saturating_add(length).min(size);
            let range = usize::try_from(at).unwrap()..usize::try_from(to).unwrap();
            bytes += range.len();
            prefix.push(&file[range]);
            prefix.set_object_bytes(size);
        }
        prefix.image()
    };
    let steps = steps::count(read).1;
    (steps, bytes)
}

#[test]
fn an_object_that_is_read_in_ranges_takes_at_most_four_times_the_steps_of_its_bytes() {
    for first in [1 << 10, 64 << 10] {
        for (name, craft) in crafted::IMAGES {
            for size in SIZES {
                let limits = Limits {
                    first,
                    most: 1 << 20,
                };
                let (steps, bytes) = read_in_ranges(&craft(size), limits);
                let limit = 4 * steps::limit(bytes);
                assert!(
                    steps <= limit,
                    "{name}: {steps} steps for {bytes} bytes of {size}"
                );
            }
        }
    }
}

#[test]
fn a_header_that_is_read_again_as_it_arrives_takes_at_most_three_times_the_steps() {
    let small = Limits {
        first: 1 << 10,
        most: 1 << 20,
    };
    let cases = [
        (64 << 10, small),
        (256 << 10, Limits::default()),
        (1 << 20, Limits::default()),
    ];
    for (name, craft) in crafted::IMAGES {
        for (size, limits) in cases {
            let file = craft(size);
            let length = u64::try_from(file.len()).unwrap();
            let (once, in_pieces) = (read(&file).max(length), read_in_pieces(&file, limits));
            assert!(
                in_pieces <= 3 * once,
                "{name}: {in_pieces} steps for {length} bytes instead of {once}"
            );
        }
    }
}
