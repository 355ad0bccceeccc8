//! Calculates which part of an image is shown, and at which size.
//!
//! All calculations use integers, so the result is exact even for the largest image.

use std::num::{NonZeroU32, NonZeroU64, NonZeroU128};

use serde::Serialize;

use crate::crop::aspect_ratio::AspectRatio;
use crate::crop::decimal::Decimal;
use crate::crop::focal_point::FocalPoint;
use crate::image::metadata::Dimensions;

/// A requested crop. The default requests the whole image, unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CropRequest {
    /// The aspect ratio of the result. If it is `None`, nothing is cropped.
    pub aspect: Option<AspectRatio>,
    /// The point that is as close to the center of the crop as the edges allow.
    pub focal: FocalPoint,
    /// The maximum width of the result, in pixels. The image is never enlarged to it.
    pub max_width: Option<NonZeroU32>,
    /// If `true`, a frame is added around the image to reach the ratio. The image is not cropped.
    pub allow_expansion: bool,
}

/// The result of a crop, in its published form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Processed {
    /// The size of the result.
    pub dimensions: Size,
    /// The part of the original that the result shows.
    pub aspect_crop: AspectCrop,
    /// The way in which that part fills the result. `None` if it fills it exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// The options of a `/cdn-cgi/image/<options>/<image>` URL that creates the result from the original.
    pub transform: String,
}

/// A width and a height in pixels, each at least 1 and less than 2^53. A frame can be larger than any image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // the names say it
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
    /// The distance from the left edge.
    pub hoffset: u32,
    /// The distance from the upper edge.
    pub voffset: u32,
}

/// The way in which an image fills a result of another aspect ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The whole image is shown, with bars on two sides.
    Pad,
}

/// Calculates the part of an image that `request` selects, and the size of the result.
///
/// If the requested ratio is wider than the image, the crop is as wide as the image. Otherwise it is as high as the
/// image. The other side is rounded to the nearest pixel, and is at least one. The crop begins at
/// `min(max(0, focal · side − crop / 2), side − crop)`, also rounded to the nearest pixel.
///
/// With `allow_expansion` the whole image is shown, in the smallest frame of the ratio.
///
/// ```
/// use optimized_metadata::{crop::geometry::process_metadata, crop::params, image::metadata::Dimensions};
///
/// let image = Dimensions::new(4000, 3000).ok_or("no size in pixels")?;
/// let request = params::from_query("aspect=16:9&focal=0.5,0.3")?.ok_or("no parameters")?;
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
                transform: transform(dimensions, crop, size),
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

/// Returns the first pixel of a crop of `crop` pixels out of `side`.
///
/// Halves are rounded up, so a crop of a single pixel is the pixel at the focal point.
fn offset(side: u32, crop: u32, focal: Decimal) -> u32 {
    // The unit is half a billionth of a pixel. The largest image has fewer than 2^63 of them.
    const HALF_PIXEL: u64 = Decimal::ONE.billionths();
    const PIXEL: u64 = 2 * HALF_PIXEL;
    let focal = focal.billionths().saturating_mul(side.into());
    let half_crop = HALF_PIXEL.saturating_mul(crop.into());
    let start = focal.saturating_mul(2).saturating_sub(half_crop);
    let nearest = start.saturating_add(HALF_PIXEL) / PIXEL;
    let last = side.saturating_sub(crop);
    u32::try_from(nearest).unwrap_or(last).min(last)
}

/// Returns `size`, or the same ratio at `max_width` if `size` is wider than that.
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

/// Returns `length · numerator / denominator`, rounded to the nearest pixel, and at least 1.
fn scaled(length: u64, numerator: u64, denominator: NonZeroU64) -> u64 {
    // Lengths are below 2^52 and terms below 2^60: nothing saturates.
    let denominator = NonZeroU128::from(denominator);
    let half = denominator.get() / 2;
    let product = u128::from(length).saturating_mul(numerator.into());
    let nearest = product.saturating_add(half) / denominator;
    u64::try_from(nearest).unwrap_or(u64::MAX).max(1)
}

/// Returns the URL options that cut `crop` out of the image and resize it to `size`.
///
/// `trim` is the number of pixels to cut off at the top, right, bottom and left of the original. It is applied before
/// resizing (<https://developers.cloudflare.com/images/optimization/features/#trim>). It defines the crop exactly,
/// while `gravity` leaves the rounding to the resizer. The resizer multiplies `trim` by `dpr`, so clients must not add
/// a `dpr`.
///
/// `fit=cover` results in exactly `size`, and cuts off any pixels that rounding leaves over. It does not distort an
/// image that has since been replaced by one of another size. Local emulation (Miniflare) ignores `trim`: it shows the
/// center, at the right size.
fn transform(dimensions: Dimensions, crop: AspectCrop, size: Size) -> String {
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

    fn crop_request(aspect: &str, focal: &str) -> CropRequest {
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
    fn a_crop_above_the_upper_edge_is_moved_to_the_edge() {
        let request = crop_request("16:9", "0.5,0.3");
        assert_eq!(crop_of(image(4000, 3000), &request), (4000, 2250, 0, 0));
    }

    #[test]
    fn the_focal_point_is_the_center_of_the_crop_unless_an_edge_is_closer() {
        let landscape = image(4000, 3000);
        for (focal, voffset) in [
            ("0.5,0", 0),
            ("0.5,0.375", 0),
            ("0.5,0.5", 375),
            ("0.5,0.6", 675),
            ("0.5,0.625", 750),
            ("0.5,1", 750),
        ] {
            let crop = crop_of(landscape, &crop_request("16:9", focal));
            assert_eq!(crop, (4000, 2250, 0, voffset), "{focal}");
        }
        let centered = crop_request("1:1", "0.5,0.5");
        assert_eq!(crop_of(image(3000, 4000), &centered), (3000, 3000, 0, 500));
        assert_eq!(crop_of(image(4000, 3000), &centered), (3000, 3000, 500, 0));
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
            let request = crop_request(aspect, "0.5,0.5");
            assert_eq!(crop_of(image(4000, 3000), &request), crop, "{aspect}");
        }
    }

    #[test]
    fn a_crop_has_at_least_one_pixel_even_at_extreme_sizes_and_ratios() {
        for aspect in ["1:1", "16:9", "1:100000", "100000:1", "1000000:1"] {
            let request = crop_request(aspect, "1,1");
            assert_eq!(crop_of(image(1, 1), &request), (1, 1, 0, 0), "{aspect}");
        }
        let thin = crop_request("1:100000", "0.5,0.5");
        assert_eq!(crop_of(image(4000, 3000), &thin), (1, 3000, 2000, 0));
        let flat = crop_request("100000:1", "0.5,1");
        assert_eq!(crop_of(image(4000, 3000), &flat), (4000, 1, 0, 2999));
        let largest = image(2_147_483_647, 2_147_483_647);
        assert_eq!(
            crop_of(largest, &crop_request("1:1000000", "1,1")),
            (2147, 2_147_483_647, 2_147_481_500, 0)
        );
    }

    #[test]
    fn a_crop_of_one_pixel_is_the_pixel_at_the_focal_point() {
        for (focal, hoffset) in [("0,0", 0), ("0.33,0", 0), ("0.35,0", 1), ("0.5,0", 1)] {
            let crop = crop_of(image(3, 9), &crop_request("1:9", focal));
            assert_eq!(crop, (1, 9, hoffset, 0), "{focal}");
        }
    }

    #[test]
    fn the_whole_image_is_shown_if_no_ratio_is_requested() {
        let request = CropRequest {
            focal: FocalPoint::parse("0.1,0.9").unwrap(),
            allow_expansion: true,
            ..CropRequest::default()
        };
        assert_eq!(crop_of(image(4000, 3000), &request), (4000, 3000, 0, 0));
        assert_eq!(process_metadata(image(4000, 3000), &request).fit, None);
    }

    #[test]
    fn a_maximum_width_scales_the_result_and_keeps_the_crop() {
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
        let wide = crop_request("16:9", "0.5,0.6");
        assert_eq!(size(&wide, 1600), (1600, 900));
        assert_eq!(size(&wide, 600), (600, 338));
        assert_eq!(size(&wide, 1), (1, 1));
        assert_eq!(size(&wide, 4000), (4000, 2250));
        assert_eq!(
            size(&wide, 12_000),
            (4000, 2250),
            "an image is never enlarged"
        );
        assert_eq!(size(&CropRequest::default(), 600), (600, 450));
        assert_eq!(size(&crop_request("100000:1", "0,0"), 600), (600, 1));
    }

    #[test]
    fn a_frame_has_the_requested_ratio_and_contains_the_whole_image() {
        let framed = |width, height, aspect, max_width| {
            let request = CropRequest {
                max_width: NonZeroU32::new(max_width),
                allow_expansion: true,
                ..crop_request(aspect, "0,1")
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
            json(image(4000, 3000), &crop_request("16:9", "0.5,0.6")),
            concat!(
                r#"{"dimensions":{"width":4000,"height":2250},"#,
                r#""aspectCrop":{"width":4000,"height":2250,"hoffset":0,"voffset":675},"#,
                r#""transform":"trim=675;0;75;0,width=4000,height=2250,fit=cover"}"#
            )
        );
        let mobile = CropRequest {
            max_width: NonZeroU32::new(600),
            ..crop_request("1:1", "0.8,0.5")
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
            ..crop_request("16:9", "0.5,0.3")
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
