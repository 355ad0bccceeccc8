//! Splits the query of a URL into names and values.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Returns the decoded name-value pairs of `query`, which has no leading `?`.
///
/// The encoding is that of HTML forms: `+` is a space, and `%` with two hexadecimal digits is a byte of UTF-8. A name
/// without `=` has an empty value.
///
/// Each pair that cannot be decoded is a separate error, so that callers can ignore the error of an unknown parameter.
pub fn pairs(query: &str) -> impl Iterator<Item = Result<(String, String), QueryError>> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => Ok((name, value)),
                (name, _) => Err(QueryError {
                    parameter: name.unwrap_or_else(|| encoded_name(pair)),
                }),
            }
        })
}

fn encoded_name(pair: &str) -> String {
    pair.split('=').next().unwrap_or_default().to_owned()
}

/// Returns `None` if a `%` is not followed by two hexadecimal digits, or the bytes are not UTF-8.
fn decode(text: &str) -> Option<String> {
    // The crate leaves a broken escape unchanged.
    let is_escape = |rest: &str| {
        let digits = rest.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.count() == 2
    };
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().ok();
    decoded.map(Cow::into_owned)
}

/// A parameter that is not percent-encoded UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// The name of the parameter. If the name itself cannot be decoded, it is as the client sent it.
    pub parameter: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(query: &str) -> Vec<(String, String)> {
        pairs(query).map(Result::unwrap).collect()
    }

    #[test]
    fn names_and_values_are_decoded_once() {
        for (query, name, value) in [
            ("aspect=16:9", "aspect", "16:9"),
            ("aspect=16%3A9", "aspect", "16:9"),
            ("focal=0.5%2c0.3", "focal", "0.5,0.3"),
            ("%61spect=1", "aspect", "1"),
            ("a=b+c", "a", "b c"),
            ("a=b%2Bc", "a", "b+c"),
            ("a=%2541", "a", "%41"),
            ("a=b=c", "a", "b=c"),
            ("a=", "a", ""),
            ("a", "a", ""),
            ("=b", "", "b"),
            ("a=Gr%C3%B6%C3%9Fe", "a", "Größe"),
        ] {
            assert_eq!(decoded(query), [(name.into(), value.into())], "{query}");
        }
    }

    #[test]
    fn the_order_is_kept_and_empty_pairs_are_skipped() {
        assert_eq!(decoded(""), []);
        assert_eq!(decoded("&&"), []);
        let names: Vec<_> = decoded("b=1&&a=2&b=3&").into_iter().collect();
        assert_eq!(
            names,
            [("b", "1"), ("a", "2"), ("b", "3")].map(|(name, value)| (name.into(), value.into()))
        );
    }

    #[test]
    fn a_broken_pair_is_named_and_does_not_affect_the_others() {
        for (query, parameter) in [
            ("focal=%", "focal"),
            ("focal=0%2", "focal"),
            ("focal=%zz", "focal"),
            ("focal=%+1", "focal"),
            ("focal=%%41", "focal"),
            ("focal=%ff", "focal"),
            ("focal=%C3", "focal"),
            ("%66ocal=%C3%", "focal"),
            ("fo%zzcal=1", "fo%zzcal"),
        ] {
            let with_neighbours = format!("a=1&{query}&b=2");
            let pairs: Vec<_> = pairs(&with_neighbours).collect();
            assert_eq!(pairs[0], Ok(("a".into(), "1".into())));
            let error = pairs[1].clone().unwrap_err();
            assert_eq!(error.parameter, parameter, "{query}");
            assert_eq!(error.parameter, parameter);
            assert_eq!(pairs[2], Ok(("b".into(), "2".into())));
        }
    }
}
