//! The beginning of what the origin has: as much of it as is of use.

use crate::image::header::{self, Header, ImageError, Limits, Missing, Stop, Window};
use crate::image::metadata::{Format, ImageMetadata, confidence};

/// Longest JSON that is read, in bytes. Real answers of the resizer have about a hundred.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

/// What most JSON answers fit in, in bytes.
const TYPICAL_JSON_BYTES: u64 = 1_024;

/// Most places of an object that are read apart from its beginning: a directory behind the pixels, and what it refers to.
const MAX_WINDOWS: usize = 2;

/// The beginning of a body or an object, and what else was read of an object. Whoever reads asks it after each piece whether
/// it [wants more](Self::wants_more), and lets go of the rest as soon as it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyPrefix {
    bytes: Vec<u8>,
    /// Other stretches of an object, in the order in which they were begun.
    windows: Vec<Window>,
    /// How many bytes there are of all of them.
    held: usize,
    /// Where the next piece belongs: 0 for the beginning, or the number of a window.
    target: usize,
    /// The length of an object, any range of which can be read. `None` for what can only be read forward.
    object_bytes: Option<u64>,
    limits: Limits,
    /// Whether it says of itself that it is JSON.
    is_json: bool,
    /// How long the beginning, or the window that is read, is to be before the next look.
    wanted: usize,
    /// What the wanted bytes say, once they were looked at: they are not read again.
    read: Option<Result<Header, Stop>>,
    /// Whether this is all there is.
    ended: bool,
    /// For what was decoded from gzip: whether a `Content-Encoding` had said so.
    decoded: Option<bool>,
}

impl BodyPrefix {
    /// Nothing yet, of what has this `Content-Type`.
    #[must_use]
    pub fn new(limits: Limits, content_type: Option<&str>) -> Self {
        let is_json = content_type.is_some_and(|content_type| {
            let name = content_type.split(';').next().unwrap_or_default().trim();
            name.eq_ignore_ascii_case("application/json")
        });
        Self {
            bytes: Vec::new(),
            windows: Vec::new(),
            held: 0,
            target: 0,
            object_bytes: None,
            limits,
            is_json,
            wanted: if is_json {
                MAX_JSON_BYTES.saturating_add(1)
            } else {
                length(limits.first)
            },
            read: None,
            ended: false,
            decoded: None,
        }
    }

    /// Nothing yet, of what this is when it is decoded from gzip, which `is_declared` by a `Content-Encoding`. If it is not,
    /// it can only be an SVG: an `.svgz` file.
    #[must_use]
    pub fn decoded(&self, is_declared: bool) -> Self {
        Self {
            decoded: Some(is_declared),
            ..Self::new(self.limits, None)
        }
    }

    /// Returns `true` if it was decoded from gzip.
    #[must_use]
    pub fn is_decoded(&self) -> bool {
        self.decoded.is_some()
    }

    /// Returns `true` if it was decoded as a `Content-Encoding` had said.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        self.decoded == Some(true)
    }

    /// Returns `true` if it begins as gzip data do (RFC 1952, section 2.3).
    #[must_use]
    pub fn is_gzip(&self) -> bool {
        self.bytes.starts_with(&[0x1f, 0x8b, 8])
    }

    /// All of it at once.
    #[must_use]
    pub fn whole(limits: Limits, content_type: Option<&str>, bytes: &[u8]) -> Self {
        let mut prefix = Self::new(limits, content_type);
        prefix.push(bytes);
        prefix.end();
        prefix
    }

    /// Whether it has to be longer to tell something.
    pub fn wants_more(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if self.read.is_none() && self.missing() == 0 && !self.is_json() {
            match self.object_bytes {
                Some(size) => self.look_at_object(size),
                None => (self.wanted, self.read) = self.look(),
            }
        }
        self.missing() > 0
    }

    /// Says that it is an object of `size` bytes, any range of which can be read: the [next one](Self::next_range) need not
    /// follow what is there.
    pub fn set_object_bytes(&mut self, size: u64) {
        self.object_bytes = Some(size);
        if self.bytes.len() >= length(size) {
            self.end();
        }
    }

    /// Reads what the stretches of an object say, or where to read on. What cannot be had within the limits is given up,
    /// and the size may be known without it.
    fn look_at_object(&mut self, size: u64) {
        self.read = match self.read_object(u64::MAX) {
            Err(Stop::NeedMore(missing)) if self.aim(missing, size) => None,
            Err(Stop::NeedMore(_)) => Some(self.read_object(0)),
            read => Some(read),
        };
    }

    fn read_object(&self, reach: u64) -> Result<Header, Stop> {
        header::read_with_windows(&self.bytes, &self.windows, reach)
    }

    /// Sets the place that is read next, which is to have the missing bytes, as far as the object of `size` bytes has them.
    /// A near one is read on to; a far one begins a window. Returns `false` if they cannot be had.
    fn aim(&mut self, missing: Missing, size: u64) -> bool {
        let Limits { first, most } = self.limits;
        if missing.from >= size {
            return false;
        }
        // Of the stretches before the place, the one that reaches furthest.
        let (mut target, mut at, mut end) = (0, 0, offset(self.bytes.len()));
        let mut number = 0_usize;
        for window in &self.windows {
            number = number.saturating_add(1);
            let window_end = window.at.saturating_add(offset(window.bytes.len()));
            if window.at <= missing.from && window_end > end {
                (target, at, end) = (number, window.at, window_end);
            }
        }
        let mut there = end.saturating_sub(at);
        let held = offset(self.held);
        let left = most.saturating_sub(held);
        // A header that goes on for long is asked for in few pieces.
        let mut more = held;
        let gap = missing.from.saturating_sub(end);
        let is_far = gap > first && number < MAX_WINDOWS;
        if is_far {
            more = first.min(left);
            // Some of what belongs to it is often in front of it: other fields, or values of a directory.
            at = missing.from.saturating_sub(more / 4);
            at = at.min(size.saturating_sub(more));
            (target, there) = (number.saturating_add(1), 0);
        }
        let longest = there.saturating_add(left);
        let wanted = there
            .saturating_add(more)
            .min(longest)
            .max(missing.to().min(size).saturating_sub(at))
            .min(size.saturating_sub(at));
        if wanted <= there || wanted > longest {
            return false;
        }
        if is_far {
            let bytes = Vec::new();
            self.windows.push(Window { at, bytes });
        }
        (self.target, self.wanted) = (target, length(wanted));
        true
    }

    /// How many bytes the header takes, and what they say, if these are there. Pieces may have brought more, but the
    /// result must not depend on how the body was cut. Each look is at twice as much as the one before at least, so that
    /// all of them together are linear in what is read at last.
    fn look(&self) -> (usize, Option<Result<Header, Stop>>) {
        let most = length(self.limits.most);
        let mut wanted = self.wanted;
        while let Some(bytes) = self.bytes.get(..wanted) {
            match header::read(bytes, self.limits.most) {
                Err(Stop::NeedMore(missing))
                    if (wanted..most).contains(&length(missing.to()).saturating_sub(1)) =>
                {
                    // A header that goes on for long is asked for in few pieces.
                    wanted = length(missing.to()).max(wanted.saturating_mul(2).min(most));
                }
                read => return (wanted, Some(read)),
            }
        }
        (wanted, None)
    }

    /// How many bytes are read before the first look, in bytes. JSON is short.
    #[must_use]
    pub fn first_bytes(&self) -> u64 {
        if self.is_json {
            TYPICAL_JSON_BYTES
        } else {
            self.limits.first
        }
    }

    /// How many bytes are read at most.
    #[must_use]
    pub fn most_bytes(&self) -> u64 {
        self.limits.most
    }

    /// Whether it wants more than the [first bytes](Self::first_bytes).
    #[must_use]
    pub fn wants_further(&self) -> bool {
        let first = length(self.first_bytes());
        self.target > 0 || self.wanted > first && self.bytes.len() >= first
    }

    /// How many bytes there are at the beginning.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The range that is wanted next: its offset and its length, in bytes.
    #[must_use]
    pub fn next_range(&self) -> (u64, u64) {
        let at = self.window().map_or(0, |window| window.at);
        let there = offset(self.stretch().len());
        (at.saturating_add(there), offset(self.missing()))
    }

    /// The window that is being read, if it is not the beginning.
    fn window(&self) -> Option<&Window> {
        self.windows.get(self.target.checked_sub(1)?)
    }

    /// What there is of the stretch that is being read.
    fn stretch(&self) -> &[u8] {
        self.window().map_or(&self.bytes, |window| &window.bytes)
    }

    /// Whether there is nothing yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes are wanted next.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.stretch().len())
    }

    /// Adds the next piece, of which as much is kept as can ever be of use.
    pub fn push(&mut self, piece: &[u8]) {
        let most = length(self.limits.most).max(MAX_JSON_BYTES.saturating_add(1));
        let room = most.saturating_sub(self.held);
        let piece = piece.get(..room).unwrap_or(piece);
        self.held = self.held.saturating_add(piece.len());
        let missing = self.missing();
        let number = self.target.checked_sub(1);
        let window = number.and_then(|number| self.windows.get_mut(number));
        let bytes = window.map_or(&mut self.bytes, |window| &mut window.bytes);
        // It doubles as it grows, but never beyond what is wanted: a reserve would double what many of them take.
        let free = bytes.capacity().saturating_sub(bytes.len());
        if piece.len() > free {
            let doubled = bytes.len().min(missing);
            bytes.reserve_exact(doubled.max(piece.len()));
        }
        bytes.extend_from_slice(piece);
    }

    /// There is no more of it.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The whole as JSON text, where it looks like JSON; `None` where it is longer than that can be.
    #[must_use]
    pub fn json(&self) -> Option<Option<&[u8]>> {
        self.is_json()
            .then(|| (self.bytes.len() <= MAX_JSON_BYTES).then_some(&*self.bytes))
    }

    fn is_json(&self) -> bool {
        self.is_json || self.bytes.trim_ascii_start().starts_with(b"{")
    }

    /// How many bytes can be read at most. What a reader can do without, it does not wait for beyond that.
    fn reach(&self) -> u64 {
        if self.ended {
            let there = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
            self.limits.most.min(there)
        } else {
            self.limits.most
        }
    }

    /// What the header of the image tells.
    ///
    /// # Errors
    /// Why it is no image.
    pub fn image(&self) -> Result<ImageMetadata, ImageError> {
        let read = self.read.or_else(|| self.look().1);
        let read = read.unwrap_or_else(|| header::read(&self.bytes, self.reach()));
        let header = read.map_err(|stop| match stop {
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
            confidence: confidence(header.is_certain).into(),
            source: "image-header".into(),
        })
    }
}

fn length(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn offset(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        first: 16,
        most: 100,
    };

    /// An image of which the segments before its size take `padding` bytes.
    fn jpeg(padding: u16) -> Vec<u8> {
        let mut bytes = b"\xff\xd8\xff\xe2".to_vec();
        bytes.extend((padding - 2).to_be_bytes());
        bytes.resize(usize::from(padding) + 2, 0);
        bytes.extend(b"\xff\xc0\0\x0b\x08\0\x03\0\x04\x01\x01\x11\0\xff\xda");
        bytes
    }

    /// How many bytes there are each time that more are wanted, and the outcome.
    fn fed(bytes: &[u8], piece: usize) -> (Vec<usize>, BodyPrefix) {
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
    fn no_more_is_wanted_than_the_header_takes() {
        let (lengths, prefix) = fed(&jpeg(60), 8);
        // The first 16, then as far as the segment goes, and from there on at least twice as much.
        assert_eq!(lengths, [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 77]);
        assert!(prefix.image().is_ok());
        let mut long = jpeg(10);
        long.resize(1_000, 7);
        assert_eq!(fed(&long, 32).0, [0]);
    }

    #[test]
    fn what_is_told_does_not_depend_on_how_the_body_was_cut() {
        // A GIF whose frames are told where its end is within what is read.
        let mut gif = b"GIF89a\x04\0\x03\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
        for _ in 0..3 {
            gif.extend(b"\x2c\0\0\0\0\x04\0\x03\0\0\x02\x02\x44\x01\0");
        }
        gif.push(0x3b);
        let whole = fed(&gif, 1).1.image().unwrap();
        for piece in [5, 16, 17, 40, 1_000] {
            assert_eq!(fed(&gif, piece).1.image().unwrap(), whole, "{piece}");
        }
    }

    #[test]
    fn what_cannot_be_had_ends_the_reading() {
        let (lengths, prefix) = fed(&jpeg(300), 8);
        assert_eq!(lengths, [0, 8], "it says at once how far it goes");
        assert_eq!(prefix.image(), Err(ImageError::HeaderTooLong));
        let cut = fed(&jpeg(60)[..40], 8).1;
        assert_eq!(cut.image(), Err(ImageError::Truncated));
    }

    #[test]
    fn a_size_that_an_unseen_orientation_may_turn_is_told_with_less_confidence() {
        let announced =
            b"RIFF\xff\x20\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x03\0\0\x02\0\0VP8L\x88\x13\0\0";
        let image = fed(&[&announced[..], &[0; 60]].concat(), 50)
            .1
            .image()
            .unwrap();
        assert_eq!(
            (image.dimensions.width(), &*image.confidence),
            (4, "medium")
        );
        assert_eq!(fed(&jpeg(60), 50).1.image().unwrap().confidence, "high");
    }

    /// The ranges in which an object is read, and the outcome.
    fn opened(bytes: &[u8]) -> (Vec<(u64, u64)>, BodyPrefix) {
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

    /// The width, and whether it is certain.
    fn told(prefix: &BodyPrefix) -> Result<(u32, bool), ImageError> {
        let image = prefix.image()?;
        Ok((image.dimensions.width(), image.confidence == "high"))
    }

    /// A TIFF file of 4 by 3 pixels, whose directory is behind them, and the depths of whose samples are `before` it.
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
    fn a_far_directory_of_an_object_is_read_where_it_is() {
        let depth = |prefix: &BodyPrefix| prefix.image().unwrap().traits.bit_depth.map(u8::from);
        for (file, expected) in [
            // The values are in the same window, or in one of their own.
            (tiff(5_000, 10), vec![(0, 64), (4_984, 64)]),
            (tiff(5_000, 900), vec![(0, 64), (4_984, 64), (4_084, 64)]),
        ] {
            let (ranges, prefix) = opened(&file);
            assert_eq!(ranges, expected);
            assert_eq!((told(&prefix), depth(&prefix)), (Ok((4, true)), Some(8)));
            let forward = fed(&file, 8).1;
            assert_eq!(forward.image(), Err(ImageError::HeaderTooLong));
        }
        // A near one is read on to.
        assert_eq!(opened(&tiff(80, 10)).0, [(0, 64), (64, 64)]);
    }

    #[test]
    fn boxes_behind_the_pixels_of_an_object_are_read_where_they_are() {
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
        let (ranges, prefix) = opened(&file.concat());
        assert_eq!(told(&prefix), Ok((4, true)));
        assert_eq!(ranges[..2], [(0, 64), (512, 64)]);
        assert!(ranges.len() <= 3, "{ranges:?}");
        assert_eq!(
            fed(&file.concat(), 8).1.image(),
            Err(ImageError::HeaderTooLong)
        );
    }

    #[test]
    fn an_orientation_behind_the_pixels_of_an_object_is_read() {
        let mut file = b"RIFF\x12\x01\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x03\0\0\x02\0\0".to_vec();
        file.extend(b"VP8L\xc8\0\0\0");
        file.resize(file.len() + 200, 0);
        file.extend(
            b"EXIF\x1a\0\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
        );
        let (ranges, prefix) = opened(&file);
        assert_eq!(told(&prefix), Ok((3, true)), "{ranges:?}");
        assert_eq!(told(&fed(&file, 8).1), Ok((4, false)));
        // Without it, the size stands.
        file.truncate(200);
        assert_eq!(told(&opened(&file).1), Ok((4, false)));
    }

    #[test]
    fn an_object_is_read_in_two_other_places_at_most_and_within_the_limits() {
        let boxes = |length: u8, number: usize| {
            let mut file = b"\0\0\0\x10ftypavif\0\0\0\0".to_vec();
            for _ in 0..number {
                file.extend([&[0, 0, 0, length][..], b"free"].concat());
                file.resize(file.len() + usize::from(length) - 8, 0);
            }
            opened(&file)
        };
        let (ranges, prefix) = boxes(200, 20);
        assert_eq!(ranges, [(0, 64), (204, 64), (404, 64)]);
        assert_eq!(prefix.image(), Err(ImageError::HeaderTooLong));
        // Near places are read on to, up to the limit.
        let (ranges, prefix) = boxes(90, 20);
        assert_eq!(ranges, [(0, 64), (64, 64), (184, 64), (248, 128)]);
        assert_eq!(prefix.image(), Err(ImageError::HeaderTooLong));
        // The directory would be behind the end.
        let cut = opened(&tiff(200, 10)[..100]);
        assert_eq!(cut.0, [(0, 64)]);
        assert_eq!(cut.1.image(), Err(ImageError::Truncated));
        assert_eq!(opened(b"").1.image(), Err(ImageError::Empty));
    }

    #[test]
    fn a_size_that_is_known_stands_if_the_file_ends_before_its_pixels() {
        let file = jpeg(60);
        let before_pixels = &file[..file.len() - 2];
        let image = fed(before_pixels, 8).1.image().unwrap();
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
    fn what_was_decoded_without_a_content_encoding_is_an_svg_or_nothing() {
        let decoded = |bytes: &[u8], is_declared| {
            let mut prefix = BodyPrefix::new(LIMITS, None).decoded(is_declared);
            prefix.push(bytes);
            prefix.end();
            told(&prefix)
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
            told(&BodyPrefix::whole(LIMITS, None, gzip)),
            Err(ImageError::Gzip)
        );
    }

    #[test]
    fn json_is_read_to_its_end_or_given_up() {
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
        // An image is one whatever it says, unless it says that it is JSON.
        assert_eq!(
            BodyPrefix::whole(LIMITS, Some("text/html"), &jpeg(9)).json(),
            None
        );
        assert!(BodyPrefix::whole(LIMITS, None, b" {}").json().is_some());
    }
}
