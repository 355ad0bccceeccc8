//! What a batch of messages asks for, each image and folder once.

use std::collections::HashMap;

use super::message::{Message, MessageError, PathAction};
use crate::origin::endpoint::Place;
use crate::origin::routing::RoutingTable;
use crate::path::ImagePath;
use crate::path::purge_target::PurgeTarget;
use crate::path::query::split;
use crate::telemetry::metrics::EventAction;

/// What is to be done for one image of the batch.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) purges: bool,
    pub(super) reads: bool,
    pub(super) warms: bool,
}

/// An image, what is to be done for it, and the positions of the messages that ask for it.
pub(super) type Image = (ImagePath, Work, Vec<usize>);

/// A batch of messages as work: images and folders, each once, and the messages that need each.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) images: Vec<Image>,
    positions: HashMap<ImagePath, usize>,
    pub(super) folders: Vec<(Option<ImagePath>, Vec<usize>)>,
}

impl Plan {
    fn image(&mut self, path: ImagePath, message: usize, add: impl FnOnce(&mut Work)) {
        let next = self.images.len();
        let position = *self.positions.entry(path.clone()).or_insert(next);
        if position == next {
            self.images.push((path, Work::default(), Vec::new()));
        }
        if let Some((_, work, messages)) = self.images.get_mut(position) {
            add(work);
            messages.push(message);
        }
    }

    fn folder(&mut self, folder: Option<ImagePath>, message: usize) {
        match self.folders.iter_mut().find(|(known, _)| *known == folder) {
            Some((_, messages)) => messages.push(message),
            None => self.folders.push((folder, vec![message])),
        }
    }
}

/// Adds a message to the plan, under its position in the batch. Returns what it asks for.
pub(super) fn add(
    plan: &mut Plan,
    origins: &RoutingTable,
    index: usize,
    message: Message,
) -> Result<EventAction, MessageError> {
    match message {
        Message::Object {
            bucket,
            key,
            is_deleted,
        } => {
            for path in paths_of_object(origins, &bucket, &key)? {
                plan.image(path, index, |work| {
                    work.purges = true;
                    work.reads |= !is_deleted;
                });
            }
            Ok(if is_deleted {
                EventAction::Delete
            } else {
                EventAction::Write
            })
        }
        Message::Paths { paths, action } => {
            // All of them are checked before any is added.
            let targets: Vec<_> = paths
                .iter()
                .map(|raw| target(origins, raw, action))
                .collect();
            for target in targets.into_iter().collect::<Result<Vec<_>, _>>()? {
                match target {
                    PurgeTarget::Below(folder) => plan.folder(folder, index),
                    PurgeTarget::Image(path) => plan.image(path, index, |work| match action {
                        PathAction::Purge => work.purges = true,
                        PathAction::Warm => work.warms = true,
                    }),
                }
            }
            Ok(match action {
                PathAction::Purge => EventAction::Purge,
                PathAction::Warm => EventAction::Warm,
            })
        }
    }
}

/// Returns the image of an object under each prefix that its bucket is the origin of.
///
/// An origin without `bucketName` takes the events of every bucket that no other origin names.
fn paths_of_object(
    origins: &RoutingTable,
    bucket: &str,
    key: &str,
) -> Result<Vec<ImagePath>, MessageError> {
    let is_named = origins
        .endpoints()
        .any(|endpoint| endpoint.bucket_name.as_deref() == Some(bucket));
    let mut paths = Vec::new();
    for route in origins.routes() {
        let is_of_bucket = route.endpoints.iter().any(|endpoint| {
            let is_same = match &endpoint.bucket_name {
                Some(name) => name == bucket,
                None => !is_named,
            };
            is_same && matches!(endpoint.place, Place::Bucket(_))
        });
        if is_of_bucket {
            let separator = if route.prefix.is_empty() { "" } else { "/" };
            let path = [route.prefix.as_str(), separator, key].concat();
            let path = ImagePath::from_decoded(&path).map_err(|_| MessageError::InvalidPath)?;
            // A longer prefix may have another origin.
            if origins.route(path.as_str()) == Some(route) {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

fn target(
    origins: &RoutingTable,
    text: &str,
    action: PathAction,
) -> Result<PurgeTarget, MessageError> {
    let (raw, query) = split(text);
    let invalid = |_| MessageError::InvalidPath;
    let version = |path: &ImagePath| {
        let version = origins.version(path, query);
        version.map_err(|_| MessageError::InvalidPath)
    };
    match (PurgeTarget::parse(raw).map_err(invalid)?, action) {
        (PurgeTarget::Image(path), _) => Ok(PurgeTarget::Image(version(&path)?)),
        (below @ PurgeTarget::Below(_), PathAction::Purge) => Ok(below),
        // Without the wildcard's meaning, it is the name of an image.
        (PurgeTarget::Below(_), PathAction::Warm) => {
            let path = ImagePath::from_raw(raw).map_err(invalid)?;
            Ok(PurgeTarget::Image(version(&path)?))
        }
    }
}
