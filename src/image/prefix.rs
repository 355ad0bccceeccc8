//! The first bytes of a body or object, and whether more are needed.

mod loaded_ranges;

use crate::image::header::{self, Header, ImageError, Limits, Stop};
use crate::image::metadata::{Format, ImageMetadata, confidence};
use crate::image::placeholder::Placeholders;
use loaded_ranges::{LoadedRanges, length};

/// Maximum length of JSON that is read, in bytes. Real responses of the resizer have about a hundred.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

/// A length that most JSON responses fit in, in bytes.
const TYPICAL_JSON_BYTES: u64 = 1_024;

/// The first bytes of a body, or of an object and of up to two other ranges of it.
///
/// The caller appends one piece after the other while [`wants_more`](Self::wants_more) returns `true`, then drops the
/// rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyPrefix {
    loaded: LoadedRanges,
    /// The length of an object, any range of which can be read. `None` for a body, which can only be read forward.
    object_bytes: Option<u64>,
    limits: Limits,
    /// `true` if the `Content-Type` is JSON.
    is_json: bool,
    /// The result of reading the header in the wanted bytes, which are read only once.
    header: Option<Result<Header, Stop>>,
    /// `true` if nothing follows.
    ended: bool,
    /// Of data that were decoded from gzip, whether a `Content-Encoding` declared it.
    decoded: Option<bool>,
}

impl BodyPrefix {
    /// Creates an empty prefix of a body or object with this `Content-Type`.
    #[must_use]
    pub fn new(limits: Limits, content_type: Option<&str>) -> Self {
        let is_json = content_type.is_some_and(|content_type| {
            let name = content_type.split(';').next().unwrap_or_default().trim();
            name.eq_ignore_ascii_case("application/json")
        });
        let wanted = if is_json {
            MAX_JSON_BYTES.saturating_add(1)
        } else {
            length(limits.first)
        };
        Self {
            loaded: LoadedRanges::new(wanted),
            object_bytes: None,
            limits,
            is_json,
            header: None,
            ended: false,
            decoded: None,
        }
    }

    /// Creates the prefix of a complete body.
    #[must_use]
    pub fn whole(limits: Limits, content_type: Option<&str>, bytes: &[u8]) -> Self {
        let mut prefix = Self::new(limits, content_type);
        prefix.push(bytes);
        prefix.end();
        prefix
    }

    /// Creates an empty prefix of the data that this one decodes to as gzip. `is_declared` is `true` if a
    /// `Content-Encoding` declares it. If none does, the data can only be an SVG: an `.svgz` file.
    #[must_use]
    pub fn decoded(&self, is_declared: bool) -> Self {
        Self {
            decoded: Some(is_declared),
            ..Self::new(self.limits, None)
        }
    }

    /// Returns `true` if the data were decoded from gzip.
    #[must_use]
    pub fn is_decoded(&self) -> bool {
        self.decoded.is_some()
    }

    /// Returns `true` if the data were decoded from gzip because of a `Content-Encoding`.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        self.decoded == Some(true)
    }

    /// Returns `true` if the first bytes are those of gzip data (RFC 1952, section 2.3).
    #[must_use]
    pub fn is_gzip(&self) -> bool {
        self.loaded.beginning().starts_with(&[0x1f, 0x8b, 8])
    }

    /// Returns `true` if more bytes are needed.
    pub fn wants_more(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if self.header.is_none() && self.missing() == 0 && !self.is_json() {
            match self.object_bytes {
                Some(size) => self.read_object(size),
                None => {
                    let (wanted, header) = self.read_body();
                    self.loaded.set_wanted(wanted);
                    self.header = header;
                }
            }
        }
        self.missing() > 0
    }

    /// Sets the length of an object, any range of which can be read. The [next range](Self::next_range) need not follow
    /// the loaded bytes then.
    pub fn set_object_bytes(&mut self, size: u64) {
        self.object_bytes = Some(size);
        if self.len() >= length(size) {
            self.end();
        }
    }

    /// Reads the header in the loaded ranges of an object, or decides which range to load next. If bytes cannot be
    /// loaded within the limits, reads the header without them: the size may be known nonetheless.
    fn read_object(&mut self, size: u64) {
        self.header = match self.read_ranges(u64::MAX) {
            Err(Stop::NeedMore(missing)) if self.loaded.aim(missing, size, self.limits) => None,
            Err(Stop::NeedMore(_)) => Some(self.read_ranges(0)),
            header => Some(header),
        };
    }

    fn read_ranges(&self, reach: u64) -> Result<Header, Stop> {
        header::read_with_windows(self.loaded.beginning(), self.loaded.windows(), reach)
    }

    /// Returns how many bytes the header of a body takes, and the header if they are loaded.
    ///
    /// Only the wanted bytes are read, even if more are loaded: the result must not depend on how the body was cut into
    /// pieces. The wanted length at least doubles each time, so that all reads together are linear in the last one.
    fn read_body(&self) -> (usize, Option<Result<Header, Stop>>) {
        let most = length(self.limits.most);
        let mut wanted = self.loaded.wanted();
        while let Some(bytes) = self.loaded.beginning().get(..wanted) {
            match header::read(bytes, self.limits.most) {
                Err(Stop::NeedMore(missing))
                    if (wanted..most).contains(&length(missing.to()).saturating_sub(1)) =>
                {
                    wanted = length(missing.to()).max(wanted.saturating_mul(2).min(most));
                }
                header => return (wanted, Some(header)),
            }
        }
        (wanted, None)
    }

    /// Returns how many bytes the first part takes: `headerBytes` of an image, or a length that most JSON fits in.
    #[must_use]
    pub fn first_bytes(&self) -> u64 {
        if self.is_json {
            TYPICAL_JSON_BYTES
        } else {
            self.limits.first
        }
    }

    /// Returns how many bytes of an image are loaded at most.
    #[must_use]
    pub fn most_bytes(&self) -> u64 {
        self.limits.most
    }

    /// Returns `true` if the [first bytes](Self::first_bytes) are loaded and more are wanted.
    #[must_use]
    pub fn is_beyond_first_bytes(&self) -> bool {
        self.loaded.is_beyond(length(self.first_bytes()))
    }

    /// Returns how many bytes are loaded at the beginning.
    #[must_use]
    pub fn len(&self) -> usize {
        self.loaded.beginning().len()
    }

    /// Returns `true` if nothing is loaded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.loaded.beginning().is_empty()
    }

    /// Returns the offset and length of the next range to load, in bytes.
    #[must_use]
    pub fn next_range(&self) -> (u64, u64) {
        self.loaded.next_range()
    }

    fn missing(&self) -> usize {
        self.loaded.missing()
    }

    /// Appends the next piece. Bytes beyond the limits are dropped.
    pub fn push(&mut self, piece: &[u8]) {
        let most = length(self.limits.most).max(MAX_JSON_BYTES.saturating_add(1));
        self.loaded.push(piece, most);
    }

    /// Marks the end of the body or object.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Returns `None` if this does not look like JSON, `Some(None)` if it is longer than [`MAX_JSON_BYTES`], or else
    /// the JSON text.
    #[must_use]
    pub fn json(&self) -> Option<Option<&[u8]>> {
        let text = self.loaded.beginning();
        self.is_json()
            .then(|| (text.len() <= MAX_JSON_BYTES).then_some(text))
    }

    fn is_json(&self) -> bool {
        let text = self.loaded.beginning();
        self.is_json || text.trim_ascii_start().starts_with(b"{")
    }

    /// Returns how many bytes from the beginning can be read at most. Readers do not ask for optional bytes beyond
    /// that.
    fn reach(&self) -> u64 {
        if self.ended {
            let loaded = u64::try_from(self.len()).unwrap_or(u64::MAX);
            self.limits.most.min(loaded)
        } else {
            self.limits.most
        }
    }

    /// Returns the metadata in the header of the image.
    ///
    /// # Errors
    /// If this is not an image, or if its header does not end within the loaded bytes.
    pub fn image(&self) -> Result<ImageMetadata, ImageError> {
        let header = self.header.or_else(|| self.read_body().1);
        let header = header.unwrap_or_else(|| header::read(self.loaded.beginning(), self.reach()));
        let header = header.map_err(|stop| match stop {
            Stop::Error(ImageError::Empty) | Stop::NeedMore(_)
                if self.ended && self.decoded.is_some() =>
            {
                ImageError::DamagedGzip
            }
            Stop::Error(ImageError::Unknown) if self.decoded.is_none() && self.is_gzip() => {
                ImageError::Gzip
            }
            Stop::Error(reason) => reason,
            Stop::NeedMore(missing)
                if self.ended || self.object_bytes.is_some_and(|size| missing.to() > size) =>
            {
                ImageError::Truncated
            }
            Stop::NeedMore(_) => ImageError::HeaderTooLong,
        })?;
        if self.decoded == Some(false) && header.format != Format::Svg {
            return Err(ImageError::Unknown);
        }
        Ok(ImageMetadata {
            dimensions: header.dimensions,
            format: Some(header.format),
            file_size: None,
            etag: None,
            traits: header.traits,
            placeholders: Placeholders::default(),
            confidence: confidence(header.is_certain).into(),
            source: "image-header".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        first: 16,
        most: 100,
    };

    /// Returns an image whose segments before its size take `padding` bytes.
    fn jpeg(padding: u16) -> Vec<u8> {
        let mut bytes = b"\xff\xd8\xff\xe2".to_vec();
        bytes.extend((padding - 2).to_be_bytes());
        bytes.resize(usize::from(padding) + 2, 0);
        bytes.extend(b"\xff\xc0\0\x0b\x08\0\x03\0\x04\x01\x01\x11\0\xff\xda");
        bytes
    }

    /// Reads a body in pieces. Returns the loaded length each time that more was wanted, and the prefix.
    fn read_body(bytes: &[u8], piece: usize) -> (Vec<usize>, BodyPrefix) {
        let mut prefix = BodyPrefix::new(LIMITS, None);
        let mut lengths = Vec::new();
        let mut pieces = bytes.chunks(piece);
        while prefix.wants_more() {
            lengths.push(prefix.len());
            match pieces.next() {
                Some(piece) => prefix.push(piece),
                None => prefix.end(),
            }
        }
        (lengths, prefix)
    }

    #[test]
    fn only_the_first_bytes_and_then_those_of_the_header_are_wanted() {
        let (lengths, prefix) = read_body(&jpeg(60), 8);
        // 16 bytes first, then up to the end of the segment, then at least twice as much.
        assert_eq!(lengths, [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 77]);
        assert!(prefix.image().is_ok());
        let mut long = jpeg(10);
        long.resize(1_000, 7);
        assert_eq!(read_body(&long, 32).0, [0]);
    }

    #[test]
    fn metadata_does_not_depend_on_how_the_body_was_cut_into_pieces() {
        // The number of frames of a GIF is known only if its end is read.
        let mut gif = b"GIF89a\x04\0\x03\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
        for _ in 0..3 {
            gif.extend(b"\x2c\0\0\0\0\x04\0\x03\0\0\x02\x02\x44\x01\0");
        }
        gif.push(0x3b);
        let whole = read_body(&gif, 1).1.image().unwrap();
        for piece in [5, 16, 17, 40, 1_000] {
            assert_eq!(read_body(&gif, piece).1.image().unwrap(), whole, "{piece}");
        }
    }

    #[test]
    fn reading_ends_if_the_header_is_beyond_the_limit_or_the_body_is_cut() {
        let (lengths, prefix) = read_body(&jpeg(300), 8);
        assert_eq!(
            lengths,
            [0, 8],
            "the length of the segment is known at once"
        );
        assert_eq!(prefix.image(), Err(ImageError::HeaderTooLong));
        let cut = read_body(&jpeg(60)[..40], 8).1;
        assert_eq!(cut.image(), Err(ImageError::Truncated));
    }

    #[test]
    fn a_size_has_medium_confidence_if_an_orientation_was_not_read() {
        let announced =
            b"RIFF\xff\x20\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x03\0\0\x02\0\0VP8L\x88\x13\0\0";
        let image = read_body(&[&announced[..], &[0; 60]].concat(), 50)
            .1
            .image()
            .unwrap();
        assert_eq!(
            (image.dimensions.width(), &*image.confidence),
            (4, "medium")
        );
        assert_eq!(
            read_body(&jpeg(60), 50).1.image().unwrap().confidence,
            "high"
        );
    }

    /// Reads an object. Returns the ranges in which it was read, and the prefix.
    fn read_object(bytes: &[u8]) -> (Vec<(u64, u64)>, BodyPrefix) {
        let limits = Limits {
            first: 64,
            most: 320,
        };
        let mut prefix = BodyPrefix::new(limits, None);
        let mut ranges = Vec::new();
        while prefix.wants_more() {
            let (at, length) = prefix.next_range();
            ranges.push((at, length));
            let (from, to) = (super::length(at), super::length(at + length));
            prefix.push(&bytes[from..to.min(bytes.len())]);
            prefix.set_object_bytes(bytes.len() as u64);
        }
        (ranges, prefix)
    }

    /// Returns the width, and whether it is certain.
    fn width(prefix: &BodyPrefix) -> Result<(u32, bool), ImageError> {
        let image = prefix.image()?;
        Ok((image.dimensions.width(), image.confidence == "high"))
    }

    /// Returns a TIFF of 4 by 3 pixels whose directory follows `pixels` bytes. The depths of its samples begin `before`
    /// bytes ahead of the directory.
    fn tiff(pixels: usize, before: usize) -> Vec<u8> {
        let place = |at: usize| u32::try_from(at).unwrap().to_le_bytes();
        let mut bytes = [&b"II*\0"[..], &place(pixels)].concat();
        bytes.resize(pixels - before, 7);
        bytes.extend([8, 0].repeat(before / 2));
        bytes.extend([3, 0, 0, 1, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0]);
        bytes.extend([1, 1, 3, 0, 1, 0, 0, 0, 3, 0, 0, 0]);
        bytes.extend([2, 1, 3, 0, 3, 0, 0, 0]);
        bytes.extend(place(pixels - before));
        bytes.extend([0; 40]);
        bytes
    }

    #[test]
    fn a_far_directory_of_an_object_is_read_in_a_window() {
        let depth = |prefix: &BodyPrefix| prefix.image().unwrap().traits.bit_depth.map(u8::from);
        for (file, expected) in [
            // The values are in the same window, or in a second one.
            (tiff(5_000, 10), vec![(0, 64), (4_984, 64)]),
            (tiff(5_000, 900), vec![(0, 64), (4_984, 64), (4_084, 64)]),
        ] {
            let (ranges, prefix) = read_object(&file);
            assert_eq!(ranges, expected);
            assert_eq!((width(&prefix), depth(&prefix)), (Ok((4, true)), Some(8)));
            let forward = read_body(&file, 8).1;
            assert_eq!(forward.image(), Err(ImageError::HeaderTooLong));
        }
        // A near directory extends the beginning.
        assert_eq!(read_object(&tiff(80, 10)).0, [(0, 64), (64, 64)]);
    }

    #[test]
    fn boxes_after_the_pixels_of_an_object_are_read_in_a_window() {
        let boxed = |kind: &[u8; 4], body: &[u8]| {
            let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
            [&length[..], kind, body].concat()
        };
        let ispe = boxed(b"ispe", b"\0\0\0\0\0\0\0\x04\0\0\0\x03");
        let ipma = boxed(b"ipma", b"\0\0\0\0\0\0\0\x01\0\x01\x01\x01");
        let properties = boxed(b"iprp", &[boxed(b"ipco", &ispe), ipma].concat());
        let primary = boxed(b"pitm", b"\0\0\0\0\0\x01");
        let meta = [&b"\0\0\0\0"[..], &primary, &properties].concat();
        let file = [
            boxed(b"ftyp", b"avif\0\0\0\0"),
            boxed(b"mdat", &[7; 500]),
            boxed(b"meta", &meta),
        ];
        let (ranges, prefix) = read_object(&file.concat());
        assert_eq!(width(&prefix), Ok((4, true)));
        assert_eq!(ranges[..2], [(0, 64), (512, 64)]);
        assert!(ranges.len() <= 3, "{ranges:?}");
        assert_eq!(
            read_body(&file.concat(), 8).1.image(),
            Err(ImageError::HeaderTooLong)
        );
    }

    #[test]
    fn an_orientation_after_the_pixels_of_an_object_is_read() {
        let mut file = b"RIFF\x12\x01\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x03\0\0\x02\0\0".to_vec();
        file.extend(b"VP8L\xc8\0\0\0");
        file.resize(file.len() + 200, 0);
        file.extend(
            b"EXIF\x1a\0\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
        );
        let (ranges, prefix) = read_object(&file);
        assert_eq!(width(&prefix), Ok((3, true)), "{ranges:?}");
        assert_eq!(width(&read_body(&file, 8).1), Ok((4, false)));
        // Without it, the size is not certain.
        file.truncate(200);
        assert_eq!(width(&read_object(&file).1), Ok((4, false)));
    }

    #[test]
    fn an_object_is_read_in_at_most_two_windows_and_within_the_limits() {
        let boxes = |length: u8, number: usize| {
            let mut file = b"\0\0\0\x10ftypavif\0\0\0\0".to_vec();
            for _ in 0..number {
                file.extend([&[0, 0, 0, length][..], b"free"].concat());
                file.resize(file.len() + usize::from(length) - 8, 0);
            }
            read_object(&file)
        };
        let (ranges, prefix) = boxes(200, 20);
        assert_eq!(ranges, [(0, 64), (204, 64), (404, 64)]);
        assert_eq!(prefix.image(), Err(ImageError::HeaderTooLong));
        // Near boxes extend the beginning, up to the limit.
        let (ranges, prefix) = boxes(90, 20);
        assert_eq!(ranges, [(0, 64), (64, 64), (184, 64), (248, 128)]);
        assert_eq!(prefix.image(), Err(ImageError::HeaderTooLong));
        // The directory would be after the end.
        let cut = read_object(&tiff(200, 10)[..100]);
        assert_eq!(cut.0, [(0, 64)]);
        assert_eq!(cut.1.image(), Err(ImageError::Truncated));
        assert_eq!(read_object(b"").1.image(), Err(ImageError::Empty));
    }

    #[test]
    fn a_known_size_is_returned_if_the_file_ends_before_its_pixels() {
        let file = jpeg(60);
        let before_pixels = &file[..file.len() - 2];
        let image = read_body(before_pixels, 8).1.image().unwrap();
        assert_eq!(
            (image.dimensions.width(), &*image.confidence),
            (4, "medium")
        );
        // More of the file may follow.
        let mut prefix = BodyPrefix::new(LIMITS, None);
        prefix.push(before_pixels);
        assert!(prefix.wants_more());
    }

    #[test]
    fn gzip_data_without_a_content_encoding_can_only_be_an_svg() {
        let decoded = |bytes: &[u8], is_declared| {
            let mut prefix = BodyPrefix::new(LIMITS, None).decoded(is_declared);
            prefix.push(bytes);
            prefix.end();
            width(&prefix)
        };
        let svg = b"<svg width='4' height='3'/>";
        assert_eq!(decoded(svg, false), Ok((4, true)));
        assert_eq!(decoded(svg, true), Ok((4, true)));
        assert_eq!(decoded(&jpeg(9), false), Err(ImageError::Unknown));
        assert_eq!(decoded(&jpeg(9), true), Ok((4, true)));
        assert_eq!(decoded(&svg[..9], false), Err(ImageError::DamagedGzip));
        assert_eq!(decoded(b"", true), Err(ImageError::DamagedGzip));
        assert_eq!(decoded(b"page", true), Err(ImageError::Unknown));
        let gzip = b"\x1f\x8b\x08\0";
        assert_eq!(decoded(gzip, true), Err(ImageError::Unknown));
        assert_eq!(
            width(&BodyPrefix::whole(LIMITS, None, gzip)),
            Err(ImageError::Gzip)
        );
    }

    #[test]
    fn json_is_read_to_its_end_unless_it_is_too_long() {
        let mut prefix = BodyPrefix::new(LIMITS, Some("Application/JSON; charset=utf-8"));
        prefix.push(b"[1");
        assert!(prefix.wants_more());
        prefix.push(b"]");
        prefix.end();
        assert_eq!(prefix.json(), Some(Some(&b"[1]"[..])));
        let mut long = BodyPrefix::new(LIMITS, Some("application/json"));
        long.push(&vec![b' '; MAX_JSON_BYTES + 10]);
        assert!(!long.wants_more());
        assert_eq!((long.json(), long.len()), (Some(None), MAX_JSON_BYTES + 1));
        // Any other Content-Type is ignored.
        assert_eq!(
            BodyPrefix::whole(LIMITS, Some("text/html"), &jpeg(9)).json(),
            None
        );
        assert!(BodyPrefix::whole(LIMITS, None, b" {}").json().is_some());
    }
}
