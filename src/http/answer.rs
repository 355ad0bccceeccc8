//! A finished answer, not yet a runtime's response.

use std::borrow::Cow;
use std::rc::Rc;

use crate::entry::Entry;

/// Status, headers and body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Names in the usual case, values ASCII.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// What follows them. The runtime drops it where the request was a `HEAD`.
    pub body: Body,
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

impl Answer {
    /// An answer without headers of its own.
    #[must_use]
    pub fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| &**value)
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
