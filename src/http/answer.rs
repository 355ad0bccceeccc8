//! A finished answer, not yet a runtime's response.

use std::borrow::Cow;
use std::rc::Rc;

use crate::entry::Entry;

/// What the headers of most answers fit in.
const HEADERS_CAPACITY: usize = 12;

/// What the lines of most answers fit in, in bytes.
const LINES_CAPACITY: usize = 1_024;

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
            headers: Vec::with_capacity(HEADERS_CAPACITY),
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

    /// The answer as text, in lines: its head, the name and the value of each header that is not
    /// in the head, and the body, which is empty where there is none.
    ///
    /// The head is the status and the headers whose values are constants, between tabs. There are
    /// few of them, so that whoever makes a response of the text can keep what it made of a head.
    /// Neither a header nor JSON has a tab or a line break.
    #[must_use]
    pub fn lines(&self) -> String {
        let mut lines = String::with_capacity(LINES_CAPACITY);
        lines.push_str(&self.status.to_string());
        for (name, value) in &self.headers {
            if let Cow::Borrowed(value) = value {
                lines.extend(["\t", name, "\t", value]);
            }
        }
        for (name, value) in &self.headers {
            if let Cow::Owned(value) = value {
                lines.extend(["\n", name, "\n", value]);
            }
        }
        lines.extend(["\n", self.text().unwrap_or_default()]);
        lines
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
