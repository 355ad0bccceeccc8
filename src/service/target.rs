//! The image of one look-up, and what the look-up may use.

use std::rc::Rc;

use super::batch_scope::BatchScope;
use crate::path::ImagePath;

/// Passed from the look-up to the layers.
#[derive(Debug)]
pub(super) struct Target<'a, P> {
    pub(super) path: &'a ImagePath,
    /// The cache key of `path`.
    pub(super) key: &'a Rc<str>,
    /// The batch that the look-up is part of.
    pub(super) batch: Option<&'a BatchScope>,
    /// The request is charged for the fetch already, or is not to be charged.
    pub(super) is_admitted: bool,
    /// The runtime, as the request sees it.
    pub(super) ports: &'a P,
}

// `derive` would require `P: Copy`, though only a reference to it is copied.
impl<P> Clone for Target<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P> Copy for Target<'_, P> {}
