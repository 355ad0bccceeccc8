//! The tiny picture that the placeholders of an image are made from: where it comes from, and why there is none.

use std::fmt;

use crate::image::metadata::Format;
use crate::image::metadata::ImageMetadata;
use crate::origin::endpoint::{Endpoint, Place, Probe};
use crate::origin::error::{ErrorKind, OriginError, OriginFault};
use crate::origin::request::OriginRequest;
use crate::path::ImagePath;
use crate::placeholder::png::PngError;

/// The largest file that the Images binding takes, in bytes
/// (<https://developers.cloudflare.com/images/get-started/limits/>).
const MAX_FILE_BYTES: u64 = 20 * 1024 * 1024;

/// What makes a picture of an image.
pub enum PictureSource<'a> {
    /// The resizer, on the way from the image's URL.
    Resizer(OriginRequest<'a>),
    /// The Images binding, from the file at a URL or a service.
    File(OriginRequest<'a>),
    /// The Images binding, from an object of the bucket that is bound under this name.
    Object(&'a str, &'a str),
}

impl<'a> PictureSource<'a> {
    /// Returns what makes a picture of the image at `path` below `endpoint`. Returns `None` if nothing does.
    pub(super) fn of(
        endpoint: &'a Endpoint,
        path: &'a ImagePath,
        metadata: &ImageMetadata,
        has_images_binding: bool,
        now_ms: u64,
    ) -> Option<Self> {
        // Neither draws it.
        if metadata.format == Some(Format::Svg) {
            return None;
        }
        if endpoint.probe.uses_resizer() && is_of_resizer(metadata) {
            return Some(Self::Resizer(endpoint.request(path, now_ms)));
        }
        let is_too_large = metadata
            .file_size
            .is_some_and(|bytes| bytes > MAX_FILE_BYTES);
        if !has_images_binding || is_too_large {
            return None;
        }
        Some(match &endpoint.place {
            Place::Bucket(binding) => Self::Object(binding, path.as_str()),
            Place::Url(_) | Place::Service(_) => Self::File(OriginRequest {
                probe: Probe::Header,
                ..endpoint.request(path, now_ms)
            }),
        })
    }
}

/// Returns `true` if the resizer returned the metadata, and so may make a picture.
pub(super) fn is_of_resizer(metadata: &ImageMetadata) -> bool {
    metadata.source == "format-json"
}

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PictureFault {
    /// It was refused, or did not come in time.
    Refused(OriginFault),
    /// It is not a PNG, or one that is not read.
    Unreadable(PngError),
}

impl PictureFault {
    /// Returns `true` if a later attempt may succeed. Otherwise the image can have no picture.
    #[must_use]
    pub fn is_for_now(&self) -> bool {
        match self {
            Self::Unreadable(_) => false,
            Self::Refused(fault) => {
                let OriginError {
                    kind,
                    origin_status,
                    ..
                } = fault.error;
                let is_refusal = kind == ErrorKind::OriginFailed
                    && origin_status.is_some_and(|status| status < 500);
                fault.error.is_transient() && !is_refusal
            }
        }
    }
}

impl From<OriginFault> for PictureFault {
    fn from(fault: OriginFault) -> Self {
        Self::Refused(fault)
    }
}

impl From<PngError> for PictureFault {
    fn from(error: PngError) -> Self {
        Self::Unreadable(error)
    }
}

impl fmt::Display for PictureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "{error}"),
            Self::Refused(OriginFault { error, message }) => match (message, error.origin_status) {
                (Some(message), _) => f.write_str(message),
                (None, Some(status)) => write!(f, "status {status}"),
                (None, None) => f.write_str(error.reason().unwrap_or("refused")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::image::metadata::{Dimensions, Traits};
    use crate::image::placeholder::Placeholders;
    use serde_json::{Value, json};

    /// Returns what makes a picture of an image that was reported in this format, size and by this source.
    fn source(
        settings: &Value,
        format: Format,
        bytes: u64,
        source: &'static str,
    ) -> Option<String> {
        let config = Config::from_json(settings).unwrap();
        let endpoint = config.origins.endpoints().next().unwrap();
        let path = ImagePath::from_raw("a%20b").unwrap();
        let metadata = ImageMetadata {
            dimensions: Dimensions::new(1, 1).unwrap(),
            format: Some(format),
            file_size: Some(bytes),
            etag: None,
            traits: Traits::default(),
            placeholders: Placeholders::default(),
            confidence: "high".into(),
            source: source.into(),
        };
        let has_binding = config.images_binding.is_some();
        let source = PictureSource::of(endpoint, &path, &metadata, has_binding, 0)?;
        Some(match source {
            PictureSource::Resizer(request) => format!("resizer {}", request.url),
            PictureSource::File(request) => {
                assert!(!request.probe.uses_resizer());
                format!("file {}", request.url)
            }
            PictureSource::Object(bucket, key) => format!("object {bucket} {key}"),
        })
    }

    #[test]
    fn the_resizer_makes_a_picture_if_it_reported_the_metadata() {
        let plain = json!({ "originUrl": "https://images.test" });
        let bound = json!({ "originUrl": "https://images.test", "imagesBinding": "RESIZER" });
        let by_resizer = Some("resizer https://images.test/a%20b".to_owned());
        let by_binding = Some("file https://images.test/a%20b".to_owned());
        for settings in [&plain, &bound] {
            let reported = source(settings, Format::Jpeg, u64::MAX, "format-json");
            assert_eq!(reported, by_resizer);
        }
        // The resizer returned the image itself: it does not resize.
        assert_eq!(source(&plain, Format::Jpeg, 1, "image-header"), None);
        assert_eq!(source(&bound, Format::Jpeg, 1, "image-header"), by_binding);
    }

    #[test]
    fn the_images_binding_takes_files_of_up_to_20_mib() {
        let bucket = json!({ "originBucket": "IMAGES", "imagesBinding": "RESIZER" });
        let of = |bytes| source(&bucket, Format::Jpeg, bytes, "image-header");
        assert_eq!(of(20 << 20).as_deref(), Some("object IMAGES a b"));
        assert_eq!(of((20 << 20) + 1), None);
    }

    #[test]
    fn nothing_makes_a_picture_of_an_svg() {
        for settings in [
            json!({ "originUrl": "https://images.test", "imagesBinding": "RESIZER" }),
            json!({ "originBucket": "IMAGES", "imagesBinding": "RESIZER" }),
        ] {
            for reported_by in ["format-json", "image-header"] {
                assert_eq!(source(&settings, Format::Svg, 1, reported_by), None);
            }
        }
    }

    #[test]
    fn the_text_of_a_fault_is_the_runtimes_message_or_the_status_or_the_kind() {
        let fault = |kind: ErrorKind, status, message: Option<&str>| {
            let error = OriginError {
                origin_status: status,
                ..kind.into()
            };
            let message = message.map(str::to_owned);
            PictureFault::Refused(OriginFault { error, message }).to_string()
        };
        let lost = Some("Network connection lost.");
        assert_eq!(
            fault(ErrorKind::OriginUnreachable, None, lost),
            "Network connection lost."
        );
        assert_eq!(
            fault(ErrorKind::OriginFailed, Some(500), None),
            "status 500"
        );
        assert_eq!(fault(ErrorKind::OriginTimeout, None, None), "timeout");
        assert_eq!(fault(ErrorKind::NotFound, None, None), "refused");
        assert_eq!(
            PictureFault::from(PngError::TooLarge).to_string(),
            "too large"
        );
    }
}
