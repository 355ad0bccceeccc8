//! The `Content-Encoding` of an image, after RFC 9110, section 8.4.

/// How the bytes of an image are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentEncoding {
    /// Not at all.
    Identity,
    /// By gzip, once.
    Gzip,
    /// By Brotli, once.
    Brotli,
    /// By Zstandard, once.
    Zstd,
    /// By another encoding.
    Other,
    /// By more than one encoding.
    Several,
}

const NAMES: [(&str, ContentEncoding); 7] = [
    ("", ContentEncoding::Identity),
    ("identity", ContentEncoding::Identity),
    ("aws-chunked", ContentEncoding::Identity),
    ("gzip", ContentEncoding::Gzip),
    ("x-gzip", ContentEncoding::Gzip),
    ("br", ContentEncoding::Brotli),
    ("zstd", ContentEncoding::Zstd),
];

impl ContentEncoding {
    /// Reads a header. `aws-chunked` says how an upload was framed; some clients leave it with the object.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let mut encoding = Self::Identity;
        let is_between = |byte: &u8| *byte == b',' || byte.is_ascii_whitespace();
        for name in header.as_bytes().split(is_between) {
            let mut known = NAMES.iter();
            let known = known.find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
            let next = known.map_or(Self::Other, |(_, encoding)| *encoding);
            if encoding == Self::Identity {
                encoding = next;
            } else if next != Self::Identity {
                encoding = Self::Several;
            }
        }
        encoding
    }

    /// A name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Other => "neither gzip, br nor zstd",
            Self::Several => "more than one",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_one_name_beside_those_that_say_nothing() {
        for (header, encoding) in [
            ("", ContentEncoding::Identity),
            (" ", ContentEncoding::Identity),
            ("Identity, aws-chunked,", ContentEncoding::Identity),
            ("gzip", ContentEncoding::Gzip),
            ("GZip ", ContentEncoding::Gzip),
            ("x-gzip", ContentEncoding::Gzip),
            ("gzip,aws-chunked", ContentEncoding::Gzip),
            ("br", ContentEncoding::Brotli),
            ("ZSTD", ContentEncoding::Zstd),
            ("deflate", ContentEncoding::Other),
            ("utf-8", ContentEncoding::Other),
            ("gzip, br", ContentEncoding::Several),
            ("gzip,gzip", ContentEncoding::Several),
        ] {
            assert_eq!(ContentEncoding::parse(header), encoding, "{header}");
        }
    }
}
