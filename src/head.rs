//! The beginning of what the origin has: as much of it as is of use.

use crate::image_header::{self, Limits, NoImage, Stop};
use crate::metadata::ImageMetadata;

/// Longest JSON that is read, in bytes. Real answers of the resizer have about a hundred.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

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
        let there = self.bytes.len();
        if there >= self.wanted && !self.is_json() {
            match image_header::read(&self.bytes, self.limits.most) {
                // A header that goes on for long is asked for in few pieces.
                Err(Stop::Further(to)) if to <= self.limits.most => {
                    let twice = there.saturating_mul(2).min(length(self.limits.most));
                    self.wanted = length(to).max(twice);
                }
                _ => return false,
            }
        }
        there < self.wanted
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
        self.bytes
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
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

    /// What the header of the image tells.
    ///
    /// # Errors
    /// Why it is no image.
    pub fn image(&self) -> Result<ImageMetadata, NoImage> {
        let header =
            image_header::read(&self.bytes, self.limits.most).map_err(|stop| match stop {
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
            confidence: if header.is_certain { "high" } else { "medium" }.into(),
            source: "image-header".into(),
        })
    }
}

fn length(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
