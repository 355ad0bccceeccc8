//! XML up to the end of the root's start tag (<https://www.w3.org/TR/xml/>).

use super::doctype::Doctype;
use super::{ImageError, Missing, Stop, steps};

/// What `<` begins.
pub(super) enum Markup {
    /// A comment or a processing instruction, which is skipped.
    Skipped,
    /// A declaration, behind its `<!`.
    Declaration,
    /// A tag, behind its `<`.
    Tag,
}

/// A part of a declaration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a [u8]),
    /// Without its quotes.
    Literal(&'a [u8]),
}

/// White space.
const SPACE: &[u8] = b" \t\r\n";

/// The name of an attribute and its value, as they are written.
type Attribute<'a> = (&'a [u8], &'a [u8]);

/// The text that is still to be read. Every method stops with [`Stop::NeedMore`] if the text ends too soon.
pub(super) struct Scanner<'a> {
    rest: &'a [u8],
    end: Stop,
}

impl<'a> Scanner<'a> {
    /// `length` is that of the text in the file, in bytes.
    pub(super) fn new(text: &'a [u8], length: usize) -> Self {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        Self {
            rest: text,
            end: Stop::NeedMore(Missing::new(length, length.saturating_add(1))),
        }
    }

    /// Moves to the name of the root.
    pub(super) fn prolog(&mut self) -> Result<Doctype<'a>, Stop> {
        let mut doctype = Doctype::default();
        loop {
            self.skip_space();
            match self.markup(ImageError::Unknown)? {
                Markup::Skipped => {}
                Markup::Declaration => {
                    self.consume(b"DOCTYPE", ImageError::Unknown)?;
                    doctype.read(self)?;
                }
                Markup::Tag => return Ok(doctype),
            }
        }
    }

    pub(super) fn markup(&mut self, otherwise: ImageError) -> Result<Markup, Stop> {
        self.consume(b"<", otherwise)?;
        match self.rest {
            [] | [b'!'] | [b'!', b'-'] => return Err(self.end),
            [b'?', rest @ ..] => {
                self.rest = rest;
                self.skip_past(b"?>")?;
            }
            [b'!', b'-', b'-', rest @ ..] => {
                self.rest = rest;
                self.skip_past(b"--")?;
                self.consume(b">", otherwise)?;
            }
            [b'!', rest @ ..] => {
                self.rest = rest;
                return Ok(Markup::Declaration);
            }
            _ => return Ok(Markup::Tag),
        }
        Ok(Markup::Skipped)
    }

    /// The next part of a declaration, or `None` at its end.
    pub(super) fn token(&mut self) -> Result<Option<Token<'a>>, Stop> {
        self.skip_space();
        match self.rest {
            [b'>', rest @ ..] => {
                self.rest = rest;
                Ok(None)
            }
            [quote @ (b'"' | b'\''), ..] => {
                let literal = self.quoted(*quote)?;
                Ok(Some(Token::Literal(literal)))
            }
            _ => self.until(b" \t\r\n>\"'").map(Token::Word).map(Some),
        }
    }

    /// The next attribute of a tag, or `None` behind the tag.
    pub(super) fn attribute(&mut self) -> Result<Option<Attribute<'a>>, Stop> {
        let is_separate = self.skip_space();
        match self.rest {
            [b'>', ..] => return Ok(None),
            [b'/', ..] => {
                self.consume(b"/>", ImageError::Malformed)?;
                return Ok(None);
            }
            _ => {}
        }
        let name = self.name()?;
        if name.is_empty() || !is_separate {
            return Err(ImageError::Malformed.into());
        }
        self.skip_space();
        self.consume(b"=", ImageError::Malformed)?;
        self.skip_space();
        let value = self.quoted(b'<')?;
        Ok(Some((name, value)))
    }

    pub(super) fn name(&mut self) -> Result<&'a [u8], Stop> {
        self.until(b" \t\r\n=>/<\"'")
    }

    /// What is between two quotes, without `forbidden`.
    fn quoted(&mut self, forbidden: u8) -> Result<&'a [u8], Stop> {
        let quote = self.byte()?;
        if !matches!(quote, b'"' | b'\'') {
            return Err(ImageError::Malformed.into());
        }
        let value = self.until(&[quote, forbidden])?;
        self.consume(&[quote], ImageError::Malformed)?;
        Ok(value)
    }

    pub(super) fn peek(&self) -> Result<u8, Stop> {
        self.rest.first().copied().ok_or(self.end)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Stop> {
        let byte = self.peek()?;
        steps::add(1);
        self.rest = self.rest.get(1..).unwrap_or_default();
        Ok(byte)
    }

    /// The bytes before the first one that is in `ends`, which remains.
    fn until(&mut self, ends: &[u8]) -> Result<&'a [u8], Stop> {
        let length = self.rest.iter().position(|byte| {
            steps::add(1);
            // Not `contains`, which calls a search of memory for each byte.
            ends.iter().any(|end| end == byte)
        });
        let (before, rest) = length
            .and_then(|length| self.rest.split_at_checked(length))
            .ok_or(self.end)?;
        self.rest = rest;
        Ok(before)
    }

    fn consume(&mut self, text: &[u8], otherwise: ImageError) -> Result<(), Stop> {
        match self.rest.strip_prefix(text) {
            Some(rest) => self.rest = rest,
            None if text.starts_with(self.rest) => return Err(self.end),
            None => return Err(otherwise.into()),
        }
        Ok(())
    }

    /// Returns whether there was any.
    pub(super) fn skip_space(&mut self) -> bool {
        let is_text = |byte: &u8| SPACE.iter().all(|space| space != byte);
        let length = self.rest.iter().position(is_text);
        let length = length.unwrap_or(self.rest.len());
        steps::add(length);
        self.rest = self.rest.get(length..).unwrap_or_default();
        length > 0
    }

    pub(super) fn skip_past(&mut self, end: &[u8]) -> Result<(), Stop> {
        let found = self.rest.windows(end.len()).position(|part| {
            steps::add(1);
            part.first() == end.first() && part == end
        });
        let after = found.ok_or(self.end)?.saturating_add(end.len());
        self.rest = self.rest.get(after..).unwrap_or_default();
        Ok(())
    }
}
