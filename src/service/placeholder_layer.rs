//! Makes the placeholders that the settings ask for, after the metadata was fetched.
//!
//! The picture is requested after the metadata and not beside it: by then the platform's cache has the original, which the origin
//! would otherwise be asked for twice.

use super::picture::{PictureSource, is_of_resizer};
use super::ports::Ports;
use super::state::OptimizedMetadataService;
use crate::image::metadata::{Format, ImageMetadata};
use crate::image::placeholder::{PlaceholderKinds, Placeholders};
use crate::origin::endpoint::Endpoint;
use crate::path::ImagePath;
use crate::placeholder;
use crate::telemetry::event::Event;

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Returns `true` if a later fetch may add placeholders to `metadata`. Without the Images binding, only the resizer does.
    pub(super) fn awaits_placeholders(&self, metadata: &ImageMetadata) -> bool {
        let is_made = self.config.images_binding.is_some() || is_of_resizer(metadata);
        is_made && metadata.placeholders.lacks(self.config.placeholders)
    }

    /// Returns the placeholders of the image at `path`, which is at `below` an endpoint. `before` is what was known of the image: it has
    /// them if the file is the same, or counts if they fail for now. Takes at most `placeholderTimeoutMs`.
    pub(super) async fn placeholders<P: Ports<Signal = S>>(
        &self,
        path: &ImagePath,
        (endpoint, below): (&Endpoint, &ImagePath),
        before: Option<&ImageMetadata>,
        metadata: &ImageMetadata,
        ports: &P,
    ) -> Placeholders {
        let kinds = self.config.placeholders;
        if let Some(known) = known(before, metadata, kinds) {
            return known.clone();
        }
        let has_images_binding = self.config.images_binding.is_some();
        let now_ms = ports.now_ms();
        let source = PictureSource::of(endpoint, below, metadata, has_images_binding, now_ms);
        let Some(source) = source else {
            // Without the binding, the record does not say that the image can have none: the binding may be added.
            let is_certain = has_images_binding || metadata.format == Some(Format::Svg);
            return if is_certain {
                Placeholders::impossible(kinds)
            } else {
                Placeholders::default()
            };
        };
        let timeout_ms = self.config.placeholder_timeout_ms;
        let fault = match ports.picture(source, timeout_ms).await {
            Ok(pixels) => {
                self.metrics.pictures.made.increment();
                return placeholder::of(&pixels, kinds);
            }
            Err(fault) => fault,
        };
        let is_for_now = fault.is_for_now();
        let event = Event::PlaceholderFailure {
            path: &path.encoded(),
            cause: &fault.to_string(),
            is_for_now,
        };
        self.log(&event, ports);
        if is_for_now {
            self.metrics.pictures.failed.increment();
            let same = before.filter(|before| is_same_file(before, metadata));
            same.map(|before| before.placeholders.clone())
                .unwrap_or_default()
        } else {
            self.metrics.pictures.refused.increment();
            Placeholders::impossible(kinds)
        }
    }
}

/// Returns the placeholders of the same file, by its entity tag. Each picture from the Images binding costs a transformation.
fn known<'a>(
    before: Option<&'a ImageMetadata>,
    now: &ImageMetadata,
    kinds: PlaceholderKinds,
) -> Option<&'a Placeholders> {
    let before = before.filter(|before| now.etag.is_some() && before.etag == now.etag)?;
    // Why an image has none may have changed, even if the file has not.
    Some(&before.placeholders).filter(|known| known.any_made() && !known.lacks(kinds))
}

/// Returns `true` if the file has not changed, as far as the metadata tells. The resizer returns no entity tag.
fn is_same_file(before: &ImageMetadata, now: &ImageMetadata) -> bool {
    let has_tag = before.etag.is_some() || now.etag.is_some();
    before.etag == now.etag
        && (has_tag || now.file_size.is_some())
        && (before.file_size, before.dimensions, before.format)
            == (now.file_size, now.dimensions, now.format)
}
