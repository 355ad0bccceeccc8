//! A finished answer, not yet a runtime's response.

use std::borrow::Cow;
use std::rc::Rc;

use super::headers::Headers;
use crate::cache::entry::Entry;

/// Status, headers and body.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// What follows them. The runtime drops it where the request was a `HEAD`.
    pub body: Body,
    /// Whether the same image was asked for within the same second, so that the same answer is likely to be given again.
    pub is_repeated: bool,
}

/// The body of an answer.
#[derive(Debug, Clone)]
pub enum Body {
    /// None.
    Empty,
    /// The encoded answer that an entry of L1 holds.
    Entry(Rc<Entry>),
    /// Any other text.
    Text(String),
}

impl Response {
    /// An answer without headers of its own.
    #[must_use]
    pub fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            headers: Headers::default(),
            body,
            is_repeated: false,
        }
    }

    /// A 200 that is good for this moment only.
    pub(super) fn uncached(content_type: &'static str, body: String) -> Self {
        Self::new(200, Body::Text(body))
            .with("Content-Type", content_type)
            .with("Cache-Control", "no-store")
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Empty => None,
            Body::Entry(entry) => Some(&entry.body),
            Body::Text(text) => Some(text),
        }
    }
}
