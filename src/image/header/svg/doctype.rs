//! The document type declaration of an SVG: entities, and defaults of attributes.

use std::borrow::Cow;

use super::super::error::ImageError;
use super::super::outcome::Stop;
use super::super::steps;
use super::scanner::{Markup, Scanner, Token};

/// Maximum number of references to entities in one value.
const MAX_REFERENCES: u8 = 4;

/// Maximum length of an entity's name, and of its text as written, in bytes. The namespace of SVG has 26.
const MAX_ENTITY_BYTES: usize = 32;

/// Maximum length of a value with references, in bytes after they are replaced.
const MAX_VALUE_BYTES: usize = 64;

/// The declarations inside the document. External ones are not loaded.
#[derive(Default)]
pub(super) struct Doctype<'a> {
    /// The first 16 entities.
    entities: [Option<Entity<'a>>; 16],
    /// `true` after a reference to a parameter entity, which can declare anything.
    is_open: bool,
    /// `true` if an attribute that the size depends on may have a default.
    pub(super) may_set_size: bool,
}

struct Entity<'a> {
    name: &'a [u8],
    /// The text as written, or `None` if it is unknown.
    text: Option<&'a [u8]>,
}

impl<'a> Doctype<'a> {
    /// Reads the text before the root. The scanner is then at the name of the root.
    pub(super) fn read_prolog(scanner: &mut Scanner<'a>) -> Result<Self, Stop> {
        let mut doctype = Self::default();
        loop {
            scanner.skip_space();
            match scanner.markup(ImageError::Unknown)? {
                Markup::Skipped => {}
                Markup::Declaration => {
                    scanner.consume(b"DOCTYPE", ImageError::Unknown)?;
                    doctype.read(scanner)?;
                }
                Markup::Tag => return Ok(doctype),
            }
        }
    }

    /// Reads the rest of `<!DOCTYPE …>`.
    fn read(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Stop> {
        loop {
            match scanner.byte()? {
                b'>' => return Ok(()),
                b'[' => self.subset(scanner)?,
                quote @ (b'"' | b'\'') => scanner.skip_past(&[quote])?,
                _ => {}
            }
        }
    }

    fn subset(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Stop> {
        loop {
            scanner.skip_space();
            match scanner.peek()? {
                b']' => return scanner.byte().map(|_| ()),
                b'%' => {
                    self.is_open = true;
                    self.may_set_size = true;
                    scanner.skip_past(b";")?;
                }
                _ => match scanner.markup(ImageError::Malformed)? {
                    Markup::Skipped => {}
                    Markup::Declaration => self.declaration(scanner)?,
                    Markup::Tag => return Err(ImageError::Malformed.into()),
                },
            }
        }
    }

    fn declaration(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Stop> {
        let mut first = [None; 3];
        let mut names_size = false;
        let mut free = first.iter_mut();
        while let Some(token) = scanner.token()? {
            names_size |= matches!(token, Token::Word(b"width" | b"height" | b"viewBox"));
            if let Some(slot) = free.next() {
                *slot = Some(token);
            }
        }
        let [Some(Token::Word(kind)), name, text] = first else {
            return Err(ImageError::Malformed.into());
        };
        match (kind, name, text) {
            (b"ATTLIST", ..) => self.may_set_size |= names_size,
            // The first declaration of a name counts. A parameter entity is stored as `%`, which no reference can name.
            (b"ENTITY", Some(Token::Word(name)), text) => {
                let text = match text {
                    Some(Token::Literal(text)) if !self.is_open => Some(text),
                    _ => None,
                };
                if let Some(slot) = self.entities.iter_mut().find(|slot| slot.is_none()) {
                    *slot = Some(Entity { name, text });
                }
            }
            (b"ELEMENT" | b"NOTATION", ..) => {}
            _ => return Err(ImageError::Malformed.into()),
        }
        Ok(())
    }

    /// Returns the value of an attribute with its references replaced, or `None` if one cannot be replaced or cannot be
    /// part of a size.
    pub(super) fn resolve<'v>(&self, value: &'v [u8]) -> Option<Cow<'v, [u8]>> {
        let Some(first) = value.iter().position(|byte| *byte == b'&') else {
            steps::add(value.len());
            return Some(value.into());
        };
        steps::add(first);
        let (before, references) = value.split_at_checked(first)?;
        if first > MAX_VALUE_BYTES {
            return None;
        }
        let mut resolved = before.to_vec();
        self.replace(references, &mut resolved, MAX_REFERENCES)?;
        Some(resolved.into())
    }

    /// Appends `text` to `resolved`, with references replaced. References to entities inside entities are not replaced,
    /// because viewers differ in them.
    fn replace(&self, text: &[u8], resolved: &mut Vec<u8>, mut references: u8) -> Option<()> {
        let mut rest = text;
        while let [byte, after @ ..] = rest {
            steps::add(1);
            let byte = if *byte == b'&' {
                let end = after.iter().position(|byte| *byte == b';')?;
                steps::add(end);
                let (name, after) = after.split_at_checked(end)?;
                rest = after.get(1..)?;
                match name {
                    [b'#', b'x', digits @ ..] => character(digits, 16)?,
                    [b'#', digits @ ..] => character(digits, 10)?,
                    b"lt" | b"gt" | b"amp" | b"quot" | b"apos" => return None,
                    _ => {
                        references = references.checked_sub(1)?;
                        self.replace(self.text(name)?, resolved, 0)?;
                        continue;
                    }
                }
            } else {
                rest = after;
                *byte
            };
            if resolved.len() >= MAX_VALUE_BYTES {
                return None;
            }
            resolved.push(byte);
        }
        Some(())
    }

    fn text(&self, name: &[u8]) -> Option<&'a [u8]> {
        if name.len() > MAX_ENTITY_BYTES {
            return None;
        }
        let mut entities = self.entities.iter().flatten();
        let entity = entities.find(|entity| {
            steps::add(1);
            entity.name == name
        })?;
        entity.text.filter(|text| text.len() <= MAX_ENTITY_BYTES)
    }
}

/// Returns the ASCII character with this number. `None` if it could be read as markup, or is not text.
fn character(digits: &[u8], base: u32) -> Option<u8> {
    steps::add(digits.len());
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        let digit = char::from(*digit).to_digit(base)?;
        number.checked_mul(base)?.checked_add(digit)
    })?;
    let byte = u8::try_from(number).ok()?;
    let is_allowed = byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    (is_allowed && !matches!(byte, b'&' | b'<' | 0x0c)).then_some(byte)
}
