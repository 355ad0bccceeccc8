//! Base64 with padding (RFC 4648, section 4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = usize::try_from(bits >> shift & 63).unwrap_or_default();
            let digit = ALPHABET.get(digit).filter(|_| place <= group.len());
            text.push(digit.copied().unwrap_or(b'=').into());
        }
    }
    text
}

/// Decodes text. Returns `None` if it is not what [`encode`] returns for any bytes.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    let mut bytes = Vec::with_capacity(groups.len().saturating_mul(3));
    for group in groups {
        let digits = group.iter().take_while(|digit| **digit != b'=');
        let mut bits = 0_u32;
        let mut count = 0_usize;
        for digit in digits {
            let value = ALPHABET.iter().position(|known| known == digit)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
            count = count.saturating_add(1);
        }
        let [_, decoded @ ..] = match count {
            2 => bits << 12,
            3 => bits << 6,
            4 => bits,
            _ => return None,
        }
        .to_be_bytes();
        bytes.extend(decoded.iter().take(count.saturating_sub(1)));
    }
    // The text of these bytes is another one if padding is in the middle, or unused bits are set.
    (rest.is_empty() && encode(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_encoded() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()));
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all));
    }

    #[test]
    fn anything_else_is_not_decoded() {
        for text in [
            "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "=", "====", "Z===", "Zm9v=", "Zm 9v",
            "Zm-_", "é===", "Zm9v\n",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
