//! Invariants for arbitrary input, shared by the fuzz targets, the property tests and the replay of
//! the corpus.

use std::collections::VecDeque;

use optimized_metadata::cache::memory_cache::MemoryCache;
use optimized_metadata::cache::record::Record;
use optimized_metadata::image::color::Color;
use optimized_metadata::image::density::{Density, MAX_DENSITY, MIN_DENSITY};
use optimized_metadata::image::header::{self, Header, ImageError, Limits, Stop, steps};
use optimized_metadata::image::metadata::{Dimensions, ImageMetadata, MAX_DIMENSION};
use optimized_metadata::image::prefix::{BodyPrefix, MAX_JSON_BYTES};
use optimized_metadata::origin::endpoint::Probe;
use optimized_metadata::origin::range_response::{RangeResponse, RangedFile};
use optimized_metadata::origin::response::OriginResponse;
use optimized_metadata::origin::s3_error::S3ErrorCode;
use optimized_metadata::path::{ImagePath, MAX_PATH_BYTES};
use optimized_metadata::placeholder::pixels::{MAX_SIDE, Pixels};
use optimized_metadata::placeholder::png::{MAX_BYTES, Png};
use optimized_metadata::placeholder::{average, data_url, thumbhash};

const ORIGIN: &str = "https://images.test/base";

/// A path has the same meaning with encoded and plain slashes. An accepted path survives a round trip,
/// stays below the origin's path, and has one cache key.
pub fn path(bytes: &[u8]) {
    let raw = String::from_utf8_lossy(bytes);
    let path = ImagePath::from_raw(&raw);
    for (slash, other) in [("/", "%2F"), ("/", "%2f"), ("%2F", "/"), ("%2f", "/")] {
        let rewritten = ImagePath::from_raw(&raw.replace(slash, other));
        assert_eq!(rewritten, path, "{raw:?} with {other} for {slash}");
    }
    let Ok(path) = path else {
        return;
    };
    if let Some(key) = ImagePath::key_of_plain(&raw, "") {
        assert_eq!(*key, *path.cache_key());
    }
    assert!(path.as_str().len() <= MAX_PATH_BYTES);
    let encoded = path.encoded();
    assert!(encoded.is_ascii() && !encoded.contains(['?', '#', '\\', ' ', '"']));
    assert_eq!(
        ImagePath::from_raw(&encoded).as_ref(),
        Ok(&path),
        "round trip"
    );
    assert!(path.cache_key().len() <= 512);
    let url = path.origin_url(ORIGIN);
    let below = url.strip_prefix(ORIGIN).unwrap();
    let slashes = path.as_str().matches('/').count();
    assert_eq!(below.matches('/').count(), 1 + slashes);
    assert!(!below.contains("%2F"));
    assert!(
        below
            .split('/')
            .skip(1)
            .all(|segment| !matches!(segment, "" | "." | ".."))
    );
}

/// Different paths have different cache keys and URLs.
pub fn two_paths(a: &str, b: &str) {
    if let (Ok(a), Ok(b)) = (ImagePath::from_raw(a), ImagePath::from_raw(b)) {
        assert_eq!(a == b, a.cache_key() == b.cache_key());
        assert_eq!(a == b, a.origin_url(ORIGIN) == b.origin_url(ORIGIN));
    }
}

/// A decoded record is valid, fits into the metadata of a KV key, and survives a round trip.
pub fn record(bytes: &[u8]) {
    if let Ok(record) = Record::decode(&String::from_utf8_lossy(bytes)) {
        assert_valid(&record.metadata);
        let encoded = record.encode();
        assert!(encoded.len() <= 1_024);
        assert_eq!(Record::decode(&encoded), Ok(record));
    }
}

/// Any response of the origin yields valid metadata, or an error whose text is a sentence and whose retry time is sane.
pub fn reply(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let status = bytes.first().map_or(200, |byte| 200 + u16::from(*byte));
    let limits = Limits::default();
    let probes = [Probe::Auto, Probe::Header, Probe::Resizer];
    for ((status, cf_resized), probe) in [(200, None), (status, None), (status, Some(text.clone()))]
        .into_iter()
        .flat_map(|case| probes.map(|probe| (case.clone(), probe)))
    {
        let reply = OriginResponse {
            status,
            cf_resized,
            retry_after: Some(text.clone()),
            content_length: Some(text.clone()),
            content_range: Some(text.clone()),
            content_encoding: Some(text.clone()),
            etag: Some(text.clone()),
            last_modified: Some(text.clone()),
            s3_error: S3ErrorCode::from_body(bytes),
            prefix: Some(BodyPrefix::whole(limits, Some("application/json"), bytes)),
        };
        let part = OriginResponse {
            status: 206,
            content_encoding: None,
            ..reply.clone()
        };
        if let RangeResponse::Part { length } = RangedFile::default().interpret((0, 100), &part) {
            assert!((1..=100).contains(&length));
        }
        match reply.metadata(probe) {
            Ok(metadata) => assert_valid(&metadata),
            Err(failure) => {
                assert!(failure.to_string().ends_with('.'));
                assert!(
                    failure
                        .retry_after_s
                        .is_none_or(|s| (1..=3_600).contains(&s))
                );
            }
        }
    }
}

/// A header is valid, does not depend on how much of the file follows, is found incrementally in no more bytes than its
/// length, and takes a limited number of steps per byte. A truncated file has the size of the whole file, or none.
pub fn image_header(bytes: &[u8]) {
    let limits = Limits {
        first: 16,
        most: 4_096,
    };
    let bytes = &bytes[..bytes.len().min(4_096)];
    let read = |length: usize, most: u64| {
        let (header, steps) = steps::count(|| header::read(&bytes[..length], most));
        assert!(
            steps <= steps::limit(length),
            "{steps} steps, {length} bytes"
        );
        header
    };
    let shown = |header: &Header| (header.format, header.dimensions);
    let whole = read(bytes.len(), bytes.len() as u64);
    for length in (0..bytes.len().min(512)).chain([bytes.len() / 2]) {
        match read(length, limits.most) {
            Ok(header) => {
                assert_eq!(Ok(shown(&header)), whole.as_ref().map(shown));
                assert_profile(&header, &whole);
            }
            Err(Stop::NeedMore(missing)) => assert!(missing.to() > length as u64),
            Err(Stop::Error(_)) => {}
        }
        if let Ok(cut) = read(length, length as u64) {
            assert_profile(&cut, &whole);
            let whole = whole.as_ref().unwrap().dimensions;
            assert!(
                may_be_cut(cut.dimensions, cut.is_certain, whole),
                "{cut:?} cut at {length}"
            );
        }
    }
    let mut prefix = BodyPrefix::new(limits, Some("image/png"));
    let mut pieces = bytes.chunks(7);
    while prefix.wants_more() {
        match pieces.next() {
            Some(piece) => prefix.push(piece),
            None => prefix.end(),
        }
        assert!(prefix.len() <= 4_096.max(MAX_JSON_BYTES + 1));
    }
    for most in [100, 500, 4_096] {
        object(bytes, Limits { first: 16, most }, &whole);
    }
    match (prefix.json(), prefix.image(), whole) {
        (None, Ok(image), Ok(header)) => {
            assert_valid(&image);
            assert_eq!(image.dimensions, header.dimensions);
        }
        (None, Ok(image), Err(stop)) => {
            unreachable!("{image:?} incrementally, {stop:?} as a whole")
        }
        (None, Err(reason), Ok(_)) => assert_eq!(reason, ImageError::HeaderTooLong),
        _ => {}
    }
}

/// If a part of a file shows whether there is a profile, the whole file shows the same.
fn assert_profile(part: &Header, whole: &Result<Header, Stop>) {
    if let (Some(part), Ok(whole)) = (part.traits.has_profile, whole) {
        assert_eq!(whole.traits.has_profile, Some(part));
    }
}

/// Returns whether a truncated file may have this size: that of the whole file or, if the size is not certain, the same
/// with sides swapped, because the orientation may be missing.
pub fn may_be_cut(cut: Dimensions, is_certain: bool, whole: Dimensions) -> bool {
    cut == whole || !is_certain && Dimensions::new(cut.height(), cut.width()) == Some(whole)
}

/// An object is read within the limits, in at most two ranges besides the first. A size with high confidence is that of the
/// whole file; one with lower confidence may lack a rotation by an orientation that was not read. Returns the number of
/// contiguous ranges.
pub fn object(bytes: &[u8], limits: Limits, whole: &Result<Header, Stop>) -> usize {
    let length = |bytes: u64| usize::try_from(bytes).unwrap();
    let size = u64::try_from(bytes.len()).unwrap();
    let mut prefix = BodyPrefix::new(limits, None);
    let (mut read, mut ends) = (0, vec![0]);
    while prefix.wants_more() {
        let (at, wanted) = prefix.next_range();
        let to = at.saturating_add(wanted).min(size);
        assert!(
            wanted > 0 && (at < to || size == 0),
            "{at}, {wanted}, {size}"
        );
        prefix.push(&bytes[length(at)..length(to)]);
        prefix.set_object_bytes(size);
        read += to - at;
        match ends.iter_mut().find(|end| **end == at) {
            Some(end) => *end = to,
            None => ends.push(to),
        }
    }
    assert!(
        read <= limits.most && ends.len() <= 3,
        "{read} bytes, {ends:?}"
    );
    // The part that makes a file malformed may be beyond the limits.
    if let (None, Ok(image), Ok(header)) = (prefix.json(), prefix.image(), whole) {
        let sizes = [image.dimensions, header.dimensions];
        let mut sides = sizes.map(|size| [size.width(), size.height()]);
        if image.confidence != "high" {
            sides.iter_mut().for_each(|sides| sides.sort_unstable());
        }
        assert_eq!(sides[0], sides[1]);
    }
    ends.len()
}

fn assert_valid(metadata: &ImageMetadata) {
    let dimensions = metadata.dimensions;
    assert!((1..=MAX_DIMENSION).contains(&dimensions.width()));
    assert!((1..=MAX_DIMENSION).contains(&dimensions.height()));
    assert!(metadata.file_size != Some(0));
    let density = metadata.traits.density.map(Density::value);
    assert!(density.is_none_or(|density| (MIN_DENSITY..=MAX_DENSITY).contains(&density)));
    assert!(!metadata.source.is_empty() && metadata.source.is_ascii());
}

/// Any bytes, as a PNG, as the inflated data of one, and as a hash, are within the bounds of a tiny picture or refused.
pub fn placeholder(bytes: &[u8]) {
    if let Ok(png) = Png::parse(bytes) {
        assert!(bytes.len() <= MAX_BYTES);
        assert!(!png.data().is_empty() && png.data().len() < bytes.len());
        assert_tiny(&png, bytes[23].into(), bytes);
    }
    if let Some(([width, height, form], rest)) = bytes.split_first_chunk() {
        let forms = [
            [1, 0],
            [2, 0],
            [4, 0],
            [8, 0],
            [8, 2],
            [1, 3],
            [2, 3],
            [4, 3],
            [8, 3],
            [8, 4],
            [8, 6],
        ];
        let [bit_depth, color_type] = forms[usize::from(*form) % forms.len()];
        let (width, height) = (1 + width % 100, 1 + height % 100);
        let header = [
            0, 0, 0, width, 0, 0, 0, height, bit_depth, color_type, 0, 0, 0,
        ];
        let chunk = |name: &[u8], content: &[u8]| {
            let length = u32::try_from(content.len()).unwrap().to_be_bytes();
            [&length, name, content, &[0; 4]].concat()
        };
        let colors = &rest[..rest.len().min(768) / 3 * 3];
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        file.extend(chunk(b"IHDR", &header));
        if !colors.is_empty() {
            file.extend(chunk(b"PLTE", colors));
        }
        if color_type == 3 {
            file.extend(chunk(b"tRNS", colors));
        }
        file.extend([chunk(b"IDAT", b"data"), chunk(b"IEND", b"")].concat());
        let png = Png::parse(&file).unwrap();
        assert_eq!(png.data(), b"data");
        assert_tiny(&png, height.into(), rest);
    }
    for (width, height) in [(1, 1), (MAX_SIDE, 2), (MAX_SIDE + 1, 1), (0, 1)] {
        if let Some(drawn) = thumbhash::decode(bytes, width, height) {
            assert!(bytes.len() >= 5 && (1..=MAX_SIDE).contains(&width));
            assert_eq!((drawn.width(), drawn.height()), (width, height));
        }
    }
    assert_drawn(bytes, 3, 1);
}

/// Reads a picture of `height` rows, whose inflated data are `bytes`, repeated, with valid filters.
fn assert_tiny(png: &Png, height: usize, bytes: &[u8]) {
    let length = png.inflated_bytes();
    assert!((2..=40_100).contains(&length));
    assert!(png.pixels(bytes).is_err() || bytes.len() >= length);
    let mut inflated: Vec<u8> = bytes.iter().copied().cycle().take(length).collect();
    for row in inflated.chunks_mut(length / height) {
        row[0] %= 5;
    }
    if let Ok(pixels) = png.pixels(&inflated) {
        assert_eq!(pixels.height(), height);
        assert_placeholders(&pixels);
    }
}

/// The hash of a picture can be drawn. The average color is between its darkest and its brightest values.
fn assert_placeholders(pixels: &Pixels) {
    let (width, height) = (pixels.width(), pixels.height());
    assert!(width <= MAX_SIDE && height <= MAX_SIDE);
    assert_eq!(pixels.rgba().len(), width * height);
    let hash = thumbhash::encode(pixels);
    assert!((14..=25).contains(&hash.len()), "{}", hash.len());
    assert!(assert_drawn(&hash, width, height));
    let is_visible = |pixel: &&[u8; 4]| pixel[3] > 0;
    let visible = || pixels.rgba().iter().filter(is_visible);
    let Some(color) = average::color(pixels) else {
        assert_eq!(visible().count(), 0);
        return;
    };
    let text = color.to_string();
    assert_eq!(Color::parse(&text), Some(color));
    for (channel, digits) in [(0, 1..3), (1, 3..5), (2, 5..7)] {
        let value = u8::from_str_radix(&text[digits], 16).unwrap();
        let values = || visible().map(|pixel| pixel[channel]);
        assert!(values().min() <= Some(value) && Some(value) <= values().max());
    }
}

/// Returns whether a hash can be drawn, in a short URL.
fn assert_drawn(hash: &[u8], width: usize, height: usize) -> bool {
    let side = |side: usize| u32::try_from(side).unwrap();
    let image = Dimensions::new(side(width), side(height)).unwrap();
    let url = data_url::from_hash(hash, image);
    assert!(url.as_ref().is_none_or(|url| url.len() < 4_096));
    url.is_some()
}

/// The cache behaves like a list that is searched linearly. The first byte is the capacity, each
/// following byte an operation on one of 32 keys.
pub fn memory_cache(bytes: &[u8]) {
    let Some((capacity, operations)) = bytes.split_first() else {
        return;
    };
    let capacity = usize::from(capacity % 24);
    let mut cache = MemoryCache::new(capacity);
    let mut model: VecDeque<(u8, usize)> = VecDeque::new();
    for (value, operation) in operations.iter().enumerate() {
        let key = operation % 32;
        let place = model.iter().position(|(candidate, _)| *candidate == key);
        let found = place.and_then(|place| model.remove(place));
        match operation / 32 {
            0..=2 => {
                assert_eq!(cache.get(&key).copied(), found.map(|(_, value)| value));
                model.extend(found);
            }
            3 => {
                assert_eq!(cache.remove(&key), found.map(|(_, value)| value));
            }
            _ if capacity == 0 => assert_eq!(cache.insert(key, value), 0),
            _ => {
                let before = model.len();
                if found.is_none() && before >= capacity {
                    model.drain(..(capacity / 5).max(1));
                }
                let pruned = before - model.len();
                model.push_back((key, value));
                assert_eq!(cache.insert(key, value), pruned as u64);
            }
        }
        assert_eq!(cache.len(), model.len());
        assert!(cache.len() <= capacity);
    }
}
