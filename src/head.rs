//! The beginning of what the origin has: as much of it as is of use.

use crate::image_header::{self, Header, Limits, NoImage, Stop};
use crate::metadata::{ImageMetadata, confidence};

/// Longest JSON that is read, in bytes. Real answers of the resizer have about a hundred.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

/// What most JSON answers fit in, in bytes.
const TYPICAL_JSON_BYTES: u64 = 1_024;

/// The beginning of a body or an object. Whoever reads asks it after each piece whether it
/// [wants more](Self::wants_more), and lets go of the rest as soon as it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    bytes: Vec<u8>,
    limits: Limits,
    /// Whether it says of itself that it is JSON.
    is_json: bool,
    /// How much is worth having before it is looked at.
    wanted: usize,
    /// What the wanted bytes say, once they were looked at: they are not read again.
    read: Option<Result<Header, Stop>>,
    /// Whether this is all there is.
    ended: bool,
}

impl Head {
    /// Nothing yet, of what has this `Content-Type`.
    #[must_use]
    pub fn new(limits: Limits, content_type: Option<&str>) -> Self {
        let is_json = content_type.is_some_and(|content_type| {
            let name = content_type.split(';').next().unwrap_or_default().trim();
            name.eq_ignore_ascii_case("application/json")
        });
        Self {
            bytes: Vec::new(),
            limits,
            is_json,
            wanted: if is_json {
                MAX_JSON_BYTES.saturating_add(1)
            } else {
                length(limits.first)
            },
            read: None,
            ended: false,
        }
    }

    /// All of it at once.
    #[must_use]
    pub fn whole(limits: Limits, content_type: Option<&str>, bytes: &[u8]) -> Self {
        let mut head = Self::new(limits, content_type);
        head.push(bytes);
        head.end();
        head
    }

    /// Whether it has to be longer to tell something.
    pub fn wants_more(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if self.read.is_none() && self.bytes.len() >= self.wanted && !self.is_json() {
            (self.wanted, self.read) = self.look();
        }
        self.bytes.len() < self.wanted
    }

    /// How many bytes the header takes, and what they say, if these are there. Pieces may have brought more, but the
    /// result must not depend on how the body was cut. Each look is at twice as much as the one before at least, so that
    /// all of them together are linear in what is read at last.
    fn look(&self) -> (usize, Option<Result<Header, Stop>>) {
        let most = length(self.limits.most);
        let mut wanted = self.wanted;
        while let Some(bytes) = self.bytes.get(..wanted) {
            match image_header::read(bytes, self.limits.most) {
                Err(Stop::Further(to)) if wanted < length(to) && length(to) <= most => {
                    // A header that goes on for long is asked for in few pieces.
                    wanted = length(to).max(wanted.saturating_mul(2).min(most));
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
        self.wanted > length(self.first_bytes()) && self.bytes.len() >= length(self.first_bytes())
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes are wanted next.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.bytes.len())
    }

    /// Adds the next piece, of which as much is kept as can ever be of use.
    pub fn push(&mut self, piece: &[u8]) {
        let most = length(self.limits.most).max(MAX_JSON_BYTES.saturating_add(1));
        let room = most.saturating_sub(self.bytes.len());
        let piece = piece.get(..room).unwrap_or(piece);
        // It doubles as it grows, but never beyond what is wanted: a reserve would double what many of them take.
        let free = self.bytes.capacity().saturating_sub(self.bytes.len());
        if piece.len() > free {
            let doubled = self.bytes.len().min(self.missing());
            self.bytes.reserve_exact(doubled.max(piece.len()));
        }
        self.bytes.extend_from_slice(piece);
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
    pub fn image(&self) -> Result<ImageMetadata, NoImage> {
        let read = self.read.or_else(|| self.look().1);
        let read = read.unwrap_or_else(|| image_header::read(&self.bytes, self.reach()));
        let header = read.map_err(|stop| match stop {
            Stop::Refused(reason) => reason,
            Stop::Further(_) if self.ended => NoImage::Truncated,
            Stop::Further(_) => NoImage::HeaderTooLong,
        })?;
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
    fn fed(bytes: &[u8], piece: usize) -> (Vec<usize>, Head) {
        let mut head = Head::new(LIMITS, None);
        let mut lengths = Vec::new();
        let mut pieces = bytes.chunks(piece);
        while head.wants_more() {
            lengths.push(head.len());
            match pieces.next() {
                Some(piece) => head.push(piece),
                None => head.end(),
            }
        }
        (lengths, head)
    }

    #[test]
    fn no_more_is_wanted_than_the_header_takes() {
        let (lengths, head) = fed(&jpeg(60), 8);
        // The first 16, then as far as the segment goes, and from there on at least twice as much.
        assert_eq!(lengths, [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 77]);
        assert!(head.image().is_ok());
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
        let (lengths, head) = fed(&jpeg(300), 8);
        assert_eq!(lengths, [0, 8], "it says at once how far it goes");
        assert_eq!(head.image(), Err(NoImage::HeaderTooLong));
        let cut = fed(&jpeg(60)[..40], 8).1;
        assert_eq!(cut.image(), Err(NoImage::Truncated));
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
        let mut head = Head::new(LIMITS, None);
        head.push(before_pixels);
        assert!(head.wants_more());
    }

    #[test]
    fn json_is_read_to_its_end_or_given_up() {
        let mut head = Head::new(LIMITS, Some("Application/JSON; charset=utf-8"));
        head.push(b"[1");
        assert!(head.wants_more());
        head.push(b"]");
        head.end();
        assert_eq!(head.json(), Some(Some(&b"[1]"[..])));
        let mut long = Head::new(LIMITS, Some("application/json"));
        long.push(&vec![b' '; MAX_JSON_BYTES + 10]);
        assert!(!long.wants_more());
        assert_eq!((long.json(), long.len()), (Some(None), MAX_JSON_BYTES + 1));
        // An image is one whatever it says, unless it says that it is JSON.
        assert_eq!(
            Head::whole(LIMITS, Some("text/html"), &jpeg(9)).json(),
            None
        );
        assert!(Head::whole(LIMITS, None, b" {}").json().is_some());
    }
}
