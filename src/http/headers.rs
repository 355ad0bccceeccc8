//! The headers of an answer, in the form in which they cross over to the runtime.

/// What the headers of most answers fit in, in bytes.
const CAPACITY: usize = 512;

/// Names in the usual case, and values in ASCII, of which none has a line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers(String);

impl Headers {
    /// Adds a header.
    pub fn add(&mut self, name: &str, value: &str) {
        for part in ["\n", name, "\n", value] {
            self.0.push_str(part);
        }
    }

    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut parts = self.0.split('\n').skip(1);
        std::iter::from_fn(move || parts.next().zip(parts.next()))
    }

    /// Each name and each value behind a line break.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self(String::with_capacity(CAPACITY))
    }
}
