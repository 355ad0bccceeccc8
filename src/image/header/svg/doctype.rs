//! The document type: entities, and defaults of attributes.

use std::borrow::Cow;

use super::scanner::{Markup, Scanner, Token};
use super::{ImageError, Stop, steps};

/// References to entities that are resolved in one value.
const MAX_REFERENCES: u8 = 4;

/// Longest name of an entity that is resolved, and longest text as it is written, in bytes. The namespace of SVG has 26.
const MAX_ENTITY_BYTES: usize = 32;

/// Longest value that has references, in bytes after they are replaced.
const MAX_VALUE_BYTES: usize = 64;

/// The declarations inside the document: nothing else is loaded.
#[derive(Default)]
pub(super) struct Doctype<'a> {
    /// The first ones.
    entities: [Option<Entity<'a>>; 16],
    /// Whether a parameter entity is referred to, which can declare anything.
    is_open: bool,
    /// Whether an attribute that the size depends on can have a default.
    pub(super) may_set_size: bool,
}

struct Entity<'a> {
    name: &'a [u8],
    /// As it is written. `None` is a text that is not known.
    text: Option<&'a [u8]>,
}

impl<'a> Doctype<'a> {
    /// Reads the rest of `<!DOCTYPE …>`.
    pub(super) fn read(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Stop> {
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
            // The first declaration of a name counts. A parameter entity is stored as `%`, which nothing can refer to.
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

    /// The value of an attribute with its references replaced. `None` if one of them cannot be, or is of no use in a size.
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

    /// Entities may not refer to others: viewers differ in what they make of them.
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

/// A character of ASCII by its number, but none that would be read again as markup.
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
