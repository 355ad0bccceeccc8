//! Property tests of crops: any image, any ratio, any focal point.
//!
//! `PROPTEST_CASES=1000000 cargo test --release --test crop_properties` searches for longer.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, missing_docs)]
#![cfg(not(target_family = "wasm"))]

use std::num::NonZeroU32;

use optimized_metadata::crop::aspect_ratio::{AspectRatio, MAX_RATIO};
use optimized_metadata::crop::decimal::Decimal;
use optimized_metadata::crop::focal_point::FocalPoint;
use optimized_metadata::crop::geometry::{
    AspectCrop, CropRequest, Fit, Processed, Size, process_metadata,
};
use optimized_metadata::crop::params;
use optimized_metadata::image::metadata::{Dimensions, MAX_DIMENSION};
use optimized_metadata::text::query;
use proptest::collection::vec;
use proptest::prelude::*;

const BILLION: u64 = 1_000_000_000;

fn side() -> impl Strategy<Value = u32> {
    prop_oneof![
        3 => 1..=12_000_u32,
        2 => 1..=8_u32,
        2 => 1..=MAX_DIMENSION,
        1 => Just(MAX_DIMENSION),
    ]
}

fn dimensions() -> impl Strategy<Value = Dimensions> {
    (side(), side()).prop_map(|(width, height)| Dimensions::new(width, height).unwrap())
}

fn aspect() -> impl Strategy<Value = AspectRatio> {
    let term = || {
        prop_oneof![
            3 => (1..=100_u64).prop_map(|whole| whole * BILLION),
            2 => 1..BILLION * 1_000,
            1 => 1..BILLION * BILLION,
            1 => Just(100_000 * BILLION),
            1 => Just(1),
        ]
    };
    // If one term is too large for the other, the other grows with it.
    let near = |term: u64, other: u64| {
        Decimal::from_billionths(term.max(other.div_ceil(MAX_RATIO))).unwrap()
    };
    (term(), term()).prop_map(move |(width, height)| {
        AspectRatio::new(near(width, height), near(height, width)).unwrap()
    })
}

fn fraction() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        4 => 0..=BILLION,
        2 => (0..=100_u64).prop_map(|percent| percent * BILLION / 100),
        1 => Just(0),
        1 => Just(BILLION),
    ]
    .prop_map(|billionths| Decimal::from_billionths(billionths).unwrap())
}

fn focal() -> impl Strategy<Value = FocalPoint> {
    (fraction(), fraction()).prop_map(|(x, y)| FocalPoint::new(x, y).unwrap())
}

fn max_width() -> impl Strategy<Value = Option<NonZeroU32>> {
    prop_oneof![Just(0), 1..=12_000_u32].prop_map(NonZeroU32::new)
}

fn cropped(dimensions: Dimensions, aspect: AspectRatio, focal: FocalPoint) -> AspectCrop {
    let request = CropRequest {
        aspect: Some(aspect),
        focal,
        ..CropRequest::default()
    };
    process_metadata(dimensions, &request).aspect_crop
}

/// Returns whether either side is less than a pixel away from the length that the other side requires.
fn has_ratio(width: u64, height: u64, aspect: AspectRatio) -> bool {
    let (a, b) = (aspect.width().get(), aspect.height().get());
    let difference =
        (u128::from(width) * u128::from(b)).abs_diff(u128::from(height) * u128::from(a));
    difference < u128::from(a.max(b))
}

/// Returns whether the focal point is on one of the `length` pixels from `start`. The far edge of the
/// image belongs to its last pixel.
fn contains(start: u32, length: u32, side: u32, focal: Decimal) -> bool {
    let point = u128::from(focal.billionths()) * u128::from(side);
    let edge = |pixels: u32| u128::from(pixels) * u128::from(BILLION);
    let end = start + length;
    edge(start) <= point && (point < edge(end) || end == side)
}

proptest! {
    #[test]
    fn a_crop_is_inside_the_image_and_as_large_as_possible(
        dimensions in dimensions(), aspect in aspect(), focal in focal(),
    ) {
        let crop = cropped(dimensions, aspect, focal);
        prop_assert!(crop.width >= 1 && crop.height >= 1);
        prop_assert!(u64::from(crop.hoffset) + u64::from(crop.width) <= dimensions.width().into());
        prop_assert!(u64::from(crop.voffset) + u64::from(crop.height) <= dimensions.height().into());
        prop_assert!(crop.width == dimensions.width() || crop.height == dimensions.height());
    }

    #[test]
    fn the_ratio_is_exact_to_within_a_pixel(
        dimensions in dimensions(), aspect in aspect(), focal in focal(), max_width in max_width(),
        allow_expansion: bool,
    ) {
        let request = CropRequest { aspect: Some(aspect), focal, max_width, allow_expansion };
        let Processed { dimensions: size, aspect_crop: crop, fit, .. } =
            process_metadata(dimensions, &request);
        prop_assert!(has_ratio(size.width, size.height, aspect), "{size:?}");
        prop_assert_eq!(fit, allow_expansion.then_some(Fit::Pad));
        if !allow_expansion {
            prop_assert!(has_ratio(crop.width.into(), crop.height.into(), aspect), "{crop:?}");
        }
    }

    #[test]
    fn the_crop_contains_the_focal_point_and_is_centred_on_it_unless_an_edge_prevents_it(
        dimensions in dimensions(), aspect in aspect(), focal in focal(),
    ) {
        let crop = cropped(dimensions, aspect, focal);
        for (start, length, side, focal) in [
            (crop.hoffset, crop.width, dimensions.width(), focal.x()),
            (crop.voffset, crop.height, dimensions.height(), focal.y()),
        ] {
            prop_assert!(contains(start, length, side, focal), "{crop:?}");
            let double_centre = i128::from(start) * 2 + i128::from(length);
            let double_focal = 2 * i128::from(focal.billionths()) * i128::from(side);
            let off_by = double_centre * i128::from(BILLION) - double_focal;
            // In half billionths of a pixel. The offset exceeds half a pixel only at an edge of the image.
            let half_pixel = i128::from(BILLION);
            prop_assert!(off_by <= half_pixel || start == 0, "{crop:?}");
            prop_assert!(off_by >= -half_pixel || start + length == side, "{crop:?}");
        }
    }

    #[test]
    fn moving_the_focal_point_forward_never_moves_the_crop_back(
        dimensions in dimensions(), aspect in aspect(), a in focal(), b in focal(),
    ) {
        let point = |x, y| FocalPoint::new(x, y).unwrap();
        let near = cropped(dimensions, aspect, point(a.x().min(b.x()), a.y().min(b.y())));
        let far = cropped(dimensions, aspect, point(a.x().max(b.x()), a.y().max(b.y())));
        prop_assert!(near.hoffset <= far.hoffset && near.voffset <= far.voffset);
        prop_assert_eq!((near.width, near.height), (far.width, far.height));
    }

    #[test]
    fn swapping_the_axes_swaps_the_crop_and_the_output_size(
        dimensions in dimensions(), aspect in aspect(), focal in focal(), allow_expansion: bool,
    ) {
        let request = CropRequest {
            aspect: Some(aspect), focal, allow_expansion, ..CropRequest::default()
        };
        let term = |term| Decimal::from_billionths(term).unwrap();
        let swapped = CropRequest {
            aspect: AspectRatio::new(term(aspect.height().get()), term(aspect.width().get())),
            focal: FocalPoint::new(focal.y(), focal.x()).unwrap(),
            ..request
        };
        let processed = process_metadata(dimensions, &request);
        let mirror = Dimensions::new(dimensions.height(), dimensions.width()).unwrap();
        let mirrored = process_metadata(mirror, &swapped);
        let crop = processed.aspect_crop;
        prop_assert_eq!(mirrored.aspect_crop, AspectCrop {
            width: crop.height,
            height: crop.width,
            hoffset: crop.voffset,
            voffset: crop.hoffset,
        });
        prop_assert_eq!(mirrored.dimensions, Size {
            width: processed.dimensions.height,
            height: processed.dimensions.width,
        });
    }

    #[test]
    fn a_ratio_that_whole_pixels_can_represent_is_exact(
        width in 1..=100_u32, height in 1..=100_u32, times in 1..=1_000_u32,
        spare in 0..=10_000_u32, focal in focal(),
    ) {
        let term = |term: u32| Decimal::from_billionths(u64::from(term) * BILLION).unwrap();
        let aspect = AspectRatio::new(term(width), term(height)).unwrap();
        let exact = (width * times, height * times);
        for image in [(exact.0 + spare, exact.1), (exact.0, exact.1 + spare), exact] {
            let crop = cropped(Dimensions::new(image.0, image.1).unwrap(), aspect, focal);
            prop_assert_eq!((crop.width, crop.height), exact);
        }
    }

    #[test]
    fn a_result_is_never_wider_than_the_requested_width_or_its_crop(
        dimensions in dimensions(), aspect in aspect(), focal in focal(), max_width in max_width(),
    ) {
        let request = CropRequest { aspect: Some(aspect), focal, max_width, allow_expansion: false };
        let Processed { dimensions: size, aspect_crop: crop, .. } =
            process_metadata(dimensions, &request);
        let limit = max_width.map_or(crop.width, |width| width.get().min(crop.width));
        prop_assert_eq!(size.width, u64::from(limit));
        prop_assert!(size.height >= 1 && size.height <= crop.height.into());
    }

    #[test]
    fn an_expanded_frame_contains_the_whole_image_and_is_minimal(
        dimensions in dimensions(), aspect in aspect(), focal in focal(),
    ) {
        let request = CropRequest {
            aspect: Some(aspect), focal, max_width: None, allow_expansion: true,
        };
        let Processed { dimensions: size, aspect_crop: shown, .. } =
            process_metadata(dimensions, &request);
        let (width, height) = (dimensions.width(), dimensions.height());
        prop_assert_eq!(shown, AspectCrop { width, height, hoffset: 0, voffset: 0 });
        prop_assert!(size.width >= width.into() && size.height >= height.into());
        prop_assert!(size.width == u64::from(width) || size.height == u64::from(height));
        prop_assert!(size.width < 1 << 53 && size.height < 1 << 53, "exact in JSON");
    }

    #[test]
    fn the_transform_trims_exactly_the_edges_outside_the_crop(
        dimensions in dimensions(), aspect in aspect(), focal in focal(), max_width in max_width(),
    ) {
        let request = CropRequest { aspect: Some(aspect), focal, max_width, allow_expansion: false };
        let Processed { dimensions: size, aspect_crop: crop, transform, .. } =
            process_metadata(dimensions, &request);
        let option = |name: &str| {
            transform.split(',').find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
        };
        let edges: Vec<u32> = option("trim")
            .unwrap_or("0;0;0;0")
            .split(';')
            .map(|pixels| pixels.parse().unwrap())
            .collect();
        prop_assert_eq!(edges, [
            crop.voffset,
            dimensions.width() - crop.width - crop.hoffset,
            dimensions.height() - crop.height - crop.voffset,
            crop.hoffset,
        ]);
        prop_assert_eq!(option("width"), Some(&*size.width.to_string()));
        prop_assert_eq!(option("height"), Some(&*size.height.to_string()));
    }

    #[test]
    fn any_query_is_a_valid_request_or_an_error_message(
        pieces in vec(
            prop_oneof![
                Just("aspect="), Just("r="), Just("focal="), Just("width="), Just("device="),
                Just("platform=instagram"), Just("content=portrait"), Just("allowExpansion=true"),
                Just("&"), Just("&"), Just("16:9"), Just("1.91-1"), Just("0.5,0.3"), Just("600"),
                Just("mobile"), Just("%"), Just("%2C"), Just("%ff"), Just("+"), Just("\u{FFFD}"),
            ],
            0..12,
        ),
        noise in "\\PC{0,4}",
        dimensions in dimensions(),
    ) {
        let query = pieces.concat() + &noise;
        prop_assert!(query::pairs(&query).count() <= query.split('&').count());
        match params::from_query(&query) {
            Ok(None) => {}
            Ok(Some(request)) => {
                let crop = process_metadata(dimensions, &request).aspect_crop;
                prop_assert!(crop.width >= 1 && crop.height >= 1);
            }
            Err(error) => prop_assert!(error.to_string().starts_with("The parameter")),
        }
    }
}
