//! A finished answer, not yet a runtime's response.

use std::rc::Rc;

use super::headers::Headers;
use crate::entry::Entry;

/// Status, headers and body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
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
            headers: Headers::default(),
            body,
        }
    }

    /// A 200 that is good for this moment only.
    pub(super) fn uncached(content_type: &str, body: String) -> Self {
        Self::new(200, Body::Text(body))
            .with("Content-Type", content_type)
            .with("Cache-Control", "no-store")
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.headers.add(name, value.as_ref());
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

    /// The answer as text: the status, each name and value of a header, and the body, which is
    /// empty where there is none, each on a line.
    #[must_use]
    pub fn lines(&self) -> String {
        let (status, body) = (self.status.to_string(), self.text().unwrap_or_default());
        // Neither a header nor JSON has a line break.
        [&status, self.headers.text(), "\n", body].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_the_status_the_headers_and_the_body() {
        let answer = Answer::new(200, Body::Text("{}".into()))
            .with("Vary", "Origin")
            .with("Metadata-Age", 7.to_string());
        assert_eq!(answer.lines(), "200\nVary\nOrigin\nMetadata-Age\n7\n{}");
        assert_eq!(Answer::new(304, Body::Empty).lines(), "304\n");
        let headers: Vec<_> = answer.headers.iter().collect();
        assert_eq!(headers, [("Vary", "Origin"), ("Metadata-Age", "7")]);
        assert_eq!(answer.headers.get("vary"), Some("Origin"));
        assert_eq!(answer.headers.get("Origin"), None);
    }
}
