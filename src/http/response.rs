//! Responses, independent of a runtime.

use std::borrow::Cow;
use std::rc::Rc;

use super::headers::Headers;
use crate::cache::entry::Entry;

/// A response: status, headers and body.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, without those that the runtime adds.
    pub headers: Headers,
    /// The body. The runtime drops it if the request was a `HEAD`.
    pub body: Body,
    /// Is `true` if the image was already requested in the same second, so the same response is likely to be sent
    /// again.
    pub is_repeated: bool,
}

/// The body of a response.
#[derive(Debug, Clone)]
pub enum Body {
    /// No body.
    Empty,
    /// The JSON of an entry of L1, shared instead of copied.
    Entry(Rc<Entry>),
    /// Any other text.
    Text(String),
}

impl Response {
    /// Returns a response without headers.
    #[must_use]
    pub fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            headers: Headers::default(),
            body,
            is_repeated: false,
        }
    }

    /// Returns a 200 that must not be cached.
    pub(super) fn uncached(content_type: &'static str, body: String) -> Self {
        Self::new(200, Body::Text(body))
            .with("Content-Type", content_type)
            .with("Cache-Control", "no-store")
    }

    /// Adds a header: see [`Headers::add`].
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Empty => None,
            Body::Entry(entry) => Some(&entry.body),
            Body::Text(text) => Some(text),
        }
    }
}
