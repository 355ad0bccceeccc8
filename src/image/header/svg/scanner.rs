//! A scanner for XML up to the end of the root's start tag (<https://www.w3.org/TR/xml/>).

use super::super::error::ImageError;
use super::super::outcome::{Missing, Stop};
use super::super::steps;

/// Markup that begins with `<`.
pub(super) enum Markup {
    /// A comment or a processing instruction, which has been skipped.
    Skipped,
    /// A declaration; the scanner is after its `<!`.
    Declaration,
    /// A tag; the scanner is after its `<`.
    Tag,
}

/// A part of a declaration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a [u8]),
    /// A string, without its quotes.
    Literal(&'a [u8]),
}

const SPACE: &[u8] = b" \t\r\n";

/// The name and value of an attribute, with references as written.
type Attribute<'a> = (&'a [u8], &'a [u8]);

/// Reads a text from beginning to end. Methods return [`Stop::NeedMore`] if the text ends too early.
pub(super) struct Scanner<'a> {
    rest: &'a [u8],
    /// The error at the end of the text.
    end: Stop,
}

impl<'a> Scanner<'a> {
    /// Creates a scanner of a text that ends at offset `length` of the file.
    pub(super) fn new(text: &'a [u8], length: usize) -> Self {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        Self {
            rest: text,
            end: Stop::NeedMore(Missing::new(length, length.saturating_add(1))),
        }
    }

    /// Reads the start of the next markup. Returns the error `otherwise` if the text is not markup.
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

    /// Reads the next part of a declaration. Returns `None` after the declaration.
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

    /// Reads the next attribute of a tag. Returns `None` at the end of the tag.
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

    /// Reads a string in quotes, in which the byte `forbidden` is malformed.
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

    /// Reads the bytes before the first one of `ends`, which is not consumed.
    fn until(&mut self, ends: &[u8]) -> Result<&'a [u8], Stop> {
        let length = self.rest.iter().position(|byte| {
            steps::add(1);
            // `contains` would call `memchr` for each byte.
            ends.iter().any(|end| end == byte)
        });
        let (before, rest) = length
            .and_then(|length| self.rest.split_at_checked(length))
            .ok_or(self.end)?;
        self.rest = rest;
        Ok(before)
    }

    pub(super) fn consume(&mut self, text: &[u8], otherwise: ImageError) -> Result<(), Stop> {
        match self.rest.strip_prefix(text) {
            Some(rest) => self.rest = rest,
            None if text.starts_with(self.rest) => return Err(self.end),
            None => return Err(otherwise.into()),
        }
        Ok(())
    }

    /// Skips white space. Returns `true` if there was any.
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
