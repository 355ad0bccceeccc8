//! From an image's size to the part of it that is shown, and the size it is shown in.
//!
//! All of it is in whole numbers: what holds for one image holds for the largest.

use std::num::{NonZeroU32, NonZeroU64, NonZeroU128};

use serde::Serialize;

use crate::crop::aspect_ratio::AspectRatio;
use crate::crop::decimal::Decimal;
use crate::crop::focal_point::FocalPoint;
use crate::image::metadata::Dimensions;

/// What is asked of an image. The default asks for all of it, as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CropRequest {
    /// The ratio of the result. Without one nothing is cropped.
    pub aspect: Option<AspectRatio>,
    /// What a crop keeps as near to its centre as the edges allow.
    pub focal: FocalPoint,
    /// The most that the result may be wide, in pixels. It is never enlarged to it.
    pub max_width: Option<NonZeroU32>,
    /// Whether to reach the ratio by a frame around the image, instead of cropping it.
    pub allow_expansion: bool,
}

/// What becomes of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Processed {
    /// Of the result.
    pub dimensions: Size,
    /// The part of the original that the result shows.
    pub aspect_crop: AspectCrop,
    /// How that part fills the result, where it does not do so exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// Options of a `/cdn-cgi/image/<options>/<image>` URL that make the result of the original.
    pub transform: String,
}

/// Width and height in pixels, each at least 1. A frame can be larger than any image, but stays
/// below 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // each is named after itself
pub struct Size {
    pub width: u64,
    pub height: u64,
}

/// A rectangle inside the original, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AspectCrop {
    /// At least 1.
    pub width: u32,
    /// At least 1.
    pub height: u32,
    /// From the left edge.
    pub hoffset: u32,
    /// From the upper edge.
    pub voffset: u32,
}

/// How an image fills a result of another ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of it is shown, with bars on two sides.
    Pad,
}

/// Finds the part of an image that `request` asks for, and the size to show it in.
///
/// Where the ratio asked for is wider than the image, the crop is as wide as the image, else as
/// high. The other side is rounded to the nearest pixel, and never less than one. The crop begins
/// at `min(max(0, focal·side − crop/2), side − crop)`, rounded likewise.
///
/// With `allow_expansion` all of the image is shown, in the smallest frame of the ratio.
///
/// ```
/// use optimized_metadata::{crop::geometry::process_metadata, crop::params, image::metadata::Dimensions};
///
/// let image = Dimensions::new(4000, 3000).ok_or("no size in pixels")?;
/// let request = params::from_query("aspect=16:9&focal=0.5,0.3")?.ok_or("nothing asked")?;
/// let processed = process_metadata(image, &request);
/// assert_eq!((processed.aspect_crop.height, processed.aspect_crop.voffset), (2250, 0));
/// assert_eq!(processed.transform, "trim=0;0;750;0,width=4000,height=2250,fit=cover");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn process_metadata(dimensions: Dimensions, request: &CropRequest) -> Processed {
    let whole = AspectCrop {
        width: dimensions.width(),
        height: dimensions.height(),
        hoffset: 0,
        voffset: 0,
    };
    match request.aspect {
        Some(aspect) if request.allow_expansion => {
            let frame = limited(frame(dimensions, aspect), request.max_width);
            Processed {
                dimensions: frame,
                aspect_crop: whole,
                fit: Some(Fit::Pad),
                transform: format!("width={},height={},fit=pad", frame.width, frame.height),
            }
        }
        aspect => {
            let crop = aspect.map_or(whole, |aspect| crop(dimensions, aspect, request.focal));
            let size = Size {
                width: crop.width.into(),
                height: crop.height.into(),
            };
            let size = limited(size, request.max_width);
            Processed {
                dimensions: size,
                aspect_crop: crop,
                fit: None,
                transform: cutting(dimensions, crop, size),
            }
        }
    }
}

fn is_wider(aspect: AspectRatio, dimensions: Dimensions) -> bool {
    let product = |a: u64, b: u32| u128::from(a).saturating_mul(b.into());
    product(aspect.width().get(), dimensions.height())
        > product(aspect.height().get(), dimensions.width())
}

fn crop(dimensions: Dimensions, aspect: AspectRatio, focal: FocalPoint) -> AspectCrop {
    let (width, height) = (dimensions.width(), dimensions.height());
    let side = |other: u32, numerator: NonZeroU64, denominator, limit: u32| {
        let side = scaled(other.into(), numerator.get(), denominator);
        u32::try_from(side).unwrap_or(limit).min(limit)
    };
    let (crop_width, crop_height) = if is_wider(aspect, dimensions) {
        (width, side(width, aspect.height(), aspect.width(), height))
    } else {
        (side(height, aspect.width(), aspect.height(), width), height)
    };
    AspectCrop {
        width: crop_width,
        height: crop_height,
        hoffset: offset(width, crop_width, focal.x()),
        voffset: offset(height, crop_height, focal.y()),
    }
}

fn frame(dimensions: Dimensions, aspect: AspectRatio) -> Size {
    let (width, height) = (dimensions.width().into(), dimensions.height().into());
    if is_wider(aspect, dimensions) {
        Size {
            width: scaled(height, aspect.width().get(), aspect.height()),
            height,
        }
    } else {
        Size {
            width,
            height: scaled(width, aspect.height().get(), aspect.width()),
        }
    }
}

/// Where a crop of `crop` pixels out of `side` begins.
///
/// Halves are rounded up: a crop of a single pixel is then the one that the focal point is on.
fn offset(side: u32, crop: u32, focal: Decimal) -> u32 {
    // In half billionths of a pixel, of which the largest image has fewer than 2^63.
    const HALF_PIXEL: u64 = Decimal::ONE.billionths();
    const PIXEL: u64 = 2 * HALF_PIXEL;
    let focal = focal.billionths().saturating_mul(side.into());
    let half_crop = HALF_PIXEL.saturating_mul(crop.into());
    let start = focal.saturating_mul(2).saturating_sub(half_crop);
    let nearest = start.saturating_add(HALF_PIXEL) / PIXEL;
    let last = side.saturating_sub(crop);
    u32::try_from(nearest).unwrap_or(last).min(last)
}

/// `size`, or the same ratio at `max_width` where it is wider than that.
fn limited(size: Size, max_width: Option<NonZeroU32>) -> Size {
    let max_width = max_width.map(|width| u64::from(width.get()));
    match (max_width, NonZeroU64::new(size.width)) {
        (Some(width), Some(wide)) if wide.get() > width => Size {
            width,
            height: scaled(size.height, width, wide),
        },
        _ => size,
    }
}

/// `length · numerator / denominator`, to the nearest pixel but never none.
fn scaled(length: u64, numerator: u64, denominator: NonZeroU64) -> u64 {
    // Lengths are below 2^52 and terms below 2^60: nothing saturates.
    let denominator = NonZeroU128::from(denominator);
    let half = denominator.get() / 2;
    let product = u128::from(length).saturating_mul(numerator.into());
    let nearest = product.saturating_add(half) / denominator;
    u64::try_from(nearest).unwrap_or(u64::MAX).max(1)
}

/// The options that cut `crop` out of the image and show it in `size`.
///
/// `trim` takes the pixels to cut off at the top, right, bottom and left of the original, and is
/// applied before resizing
/// (<https://developers.cloudflare.com/images/optimization/features/#trim>). It says exactly what
/// is cut; `gravity` would leave the rounding to the resizer. It is multiplied by a `dpr`, so that
/// none may be added.
///
/// `fit=cover` gives the very size that is told, and cuts off what rounding that size left over.
/// It does not distort an image that has been replaced by one of another size in the meantime.
/// Local emulation (Miniflare) ignores `trim`; there it shows the centre, in the right size.
fn cutting(dimensions: Dimensions, crop: AspectCrop, size: Size) -> String {
    let far = |side: u32, crop: u32, offset: u32| side.saturating_sub(crop).saturating_sub(offset);
    let right = far(dimensions.width(), crop.width, crop.hoffset);
    let bottom = far(dimensions.height(), crop.height, crop.voffset);
    let (left, top) = (crop.hoffset, crop.voffset);
    let trim = match (top, right, bottom, left) {
        (0, 0, 0, 0) => String::new(),
        _ => format!("trim={top};{right};{bottom};{left},"),
    };
    format!(
        "{trim}width={},height={},fit=cover",
        size.width, size.height
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32) -> Dimensions {
        Dimensions::new(width, height).unwrap()
    }

    fn asked(aspect: &str, focal: &str) -> CropRequest {
        CropRequest {
            aspect: Some(AspectRatio::parse(aspect).unwrap()),
            focal: FocalPoint::parse(focal).unwrap(),
            ..CropRequest::default()
        }
    }

    fn crop_of(dimensions: Dimensions, request: &CropRequest) -> (u32, u32, u32, u32) {
        let crop = process_metadata(dimensions, request).aspect_crop;
        (crop.width, crop.height, crop.hoffset, crop.voffset)
    }

    fn json(dimensions: Dimensions, request: &CropRequest) -> String {
        serde_json::to_string(&process_metadata(dimensions, request)).unwrap()
    }

    #[test]
    fn the_specifications_example_is_cropped_at_the_upper_edge() {
        let request = asked("16:9", "0.5,0.3");
        assert_eq!(crop_of(image(4000, 3000), &request), (4000, 2250, 0, 0));
    }

    #[test]
    fn the_focal_point_is_the_centre_unless_an_edge_is_nearer() {
        let landscape = image(4000, 3000);
        for (focal, voffset) in [
            ("0.5,0", 0),
            ("0.5,0.375", 0),
            ("0.5,0.5", 375),
            ("0.5,0.6", 675),
            ("0.5,0.625", 750),
            ("0.5,1", 750),
        ] {
            let crop = crop_of(landscape, &asked("16:9", focal));
            assert_eq!(crop, (4000, 2250, 0, voffset), "{focal}");
        }
        let centred = asked("1:1", "0.5,0.5");
        assert_eq!(crop_of(image(3000, 4000), &centred), (3000, 3000, 0, 500));
        assert_eq!(crop_of(image(4000, 3000), &centred), (3000, 3000, 500, 0));
    }

    #[test]
    fn the_image_is_cropped_in_one_direction_only() {
        for (aspect, crop) in [
            ("2:1", (4000, 2000, 0, 500)),
            ("4:3", (4000, 3000, 0, 0)),
            ("1:2", (1500, 3000, 1250, 0)),
            ("1.91:1", (4000, 2094, 0, 453)),
            ("4:5", (2400, 3000, 800, 0)),
        ] {
            let request = asked(aspect, "0.5,0.5");
            assert_eq!(crop_of(image(4000, 3000), &request), crop, "{aspect}");
        }
    }

    #[test]
    fn something_is_left_of_the_smallest_image_and_at_the_most_extreme_ratio() {
        for aspect in ["1:1", "16:9", "1:100000", "100000:1", "1000000:1"] {
            let request = asked(aspect, "1,1");
            assert_eq!(crop_of(image(1, 1), &request), (1, 1, 0, 0), "{aspect}");
        }
        let thin = asked("1:100000", "0.5,0.5");
        assert_eq!(crop_of(image(4000, 3000), &thin), (1, 3000, 2000, 0));
        let flat = asked("100000:1", "0.5,1");
        assert_eq!(crop_of(image(4000, 3000), &flat), (4000, 1, 0, 2999));
        let largest = image(2_147_483_647, 2_147_483_647);
        assert_eq!(
            crop_of(largest, &asked("1:1000000", "1,1")),
            (2147, 2_147_483_647, 2_147_481_500, 0)
        );
    }

    #[test]
    fn a_single_pixel_is_the_one_that_the_focal_point_is_on() {
        for (focal, hoffset) in [("0,0", 0), ("0.33,0", 0), ("0.35,0", 1), ("0.5,0", 1)] {
            let crop = crop_of(image(3, 9), &asked("1:9", focal));
            assert_eq!(crop, (1, 9, hoffset, 0), "{focal}");
        }
    }

    #[test]
    fn without_a_ratio_all_of_the_image_is_shown() {
        let request = CropRequest {
            focal: FocalPoint::parse("0.1,0.9").unwrap(),
            allow_expansion: true,
            ..CropRequest::default()
        };
        assert_eq!(crop_of(image(4000, 3000), &request), (4000, 3000, 0, 0));
        assert_eq!(process_metadata(image(4000, 3000), &request).fit, None);
    }

    #[test]
    fn a_narrower_result_shows_the_same_crop() {
        let size = |request: &CropRequest, max_width| {
            let request = CropRequest {
                max_width: NonZeroU32::new(max_width),
                ..*request
            };
            let size = process_metadata(image(4000, 3000), &request).dimensions;
            assert_eq!(
                crop_of(image(4000, 3000), &request),
                crop_of(
                    image(4000, 3000),
                    &CropRequest {
                        max_width: None,
                        ..request
                    }
                )
            );
            (size.width, size.height)
        };
        let wide = asked("16:9", "0.5,0.6");
        assert_eq!(size(&wide, 1600), (1600, 900));
        assert_eq!(size(&wide, 600), (600, 338));
        assert_eq!(size(&wide, 1), (1, 1));
        assert_eq!(size(&wide, 4000), (4000, 2250));
        assert_eq!(size(&wide, 12_000), (4000, 2250), "never enlarged");
        assert_eq!(size(&CropRequest::default(), 600), (600, 450));
        assert_eq!(size(&asked("100000:1", "0,0"), 600), (600, 1));
    }

    #[test]
    fn a_frame_has_the_ratio_and_holds_all_of_the_image() {
        let framed = |width, height, aspect, max_width| {
            let request = CropRequest {
                max_width: NonZeroU32::new(max_width),
                allow_expansion: true,
                ..asked(aspect, "0,1")
            };
            assert_eq!(
                crop_of(image(width, height), &request),
                (width, height, 0, 0)
            );
            let size = process_metadata(image(width, height), &request).dimensions;
            (size.width, size.height)
        };
        assert_eq!(framed(4000, 3000, "16:9", 0), (5333, 3000));
        assert_eq!(framed(4000, 3000, "1:1", 0), (4000, 4000));
        assert_eq!(framed(4000, 3000, "4:3", 0), (4000, 3000));
        assert_eq!(framed(4000, 3000, "1:1", 600), (600, 600));
        assert_eq!(framed(1, 1, "1:100000", 0), (1, 100_000));
        assert_eq!(
            framed(2_147_483_647, 2_147_483_647, "1000000:1", 0),
            (2_147_483_647_000_000, 2_147_483_647)
        );
    }

    #[test]
    fn the_published_form_is_pinned() {
        assert_eq!(
            json(image(4000, 3000), &asked("16:9", "0.5,0.6")),
            concat!(
                r#"{"dimensions":{"width":4000,"height":2250},"#,
                r#""aspectCrop":{"width":4000,"height":2250,"hoffset":0,"voffset":675},"#,
                r#""transform":"trim=675;0;75;0,width=4000,height=2250,fit=cover"}"#
            )
        );
        let mobile = CropRequest {
            max_width: NonZeroU32::new(600),
            ..asked("1:1", "0.8,0.5")
        };
        assert_eq!(
            json(image(4000, 3000), &mobile),
            concat!(
                r#"{"dimensions":{"width":600,"height":600},"#,
                r#""aspectCrop":{"width":3000,"height":3000,"hoffset":1000,"voffset":0},"#,
                r#""transform":"trim=0;0;0;1000,width=600,height=600,fit=cover"}"#
            )
        );
        assert_eq!(
            json(image(4000, 3000), &CropRequest::default()),
            concat!(
                r#"{"dimensions":{"width":4000,"height":3000},"#,
                r#""aspectCrop":{"width":4000,"height":3000,"hoffset":0,"voffset":0},"#,
                r#""transform":"width=4000,height=3000,fit=cover"}"#
            )
        );
        let framed = CropRequest {
            allow_expansion: true,
            ..asked("16:9", "0.5,0.3")
        };
        assert_eq!(
            json(image(4000, 3000), &framed),
            concat!(
                r#"{"dimensions":{"width":5333,"height":3000},"#,
                r#""aspectCrop":{"width":4000,"height":3000,"hoffset":0,"voffset":0},"#,
                r#""fit":"pad","#,
                r#""transform":"width=5333,height=3000,fit=pad"}"#
            )
        );
    }
}
