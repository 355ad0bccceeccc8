//! The `Content-Encoding` of an image (RFC 9110, section 8.4).

/// How the bytes of an image are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentEncoding {
    /// Not encoded.
    Identity,
    /// Encoded once, with gzip.
    Gzip,
    /// Encoded once, with Brotli.
    Brotli,
    /// Encoded once, with Zstandard.
    Zstd,
    /// Encoded once, in any other way.
    Other,
    /// Encoded more than once.
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
    /// Reads the value of a `Content-Encoding` header. `aws-chunked` is the framing of an upload, which some clients
    /// leave in the metadata of the object: it counts as no encoding.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let mut encoding = Self::Identity;
        let is_separator = |byte: &u8| *byte == b',' || byte.is_ascii_whitespace();
        for name in header.as_bytes().split(is_separator) {
            let mut names = NAMES.iter();
            let found = names.find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
            let next = found.map_or(Self::Other, |(_, encoding)| *encoding);
            if encoding == Self::Identity {
                encoding = next;
            } else if next != Self::Identity {
                encoding = Self::Several;
            }
        }
        encoding
    }

    /// Returns the name for error messages.
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
    fn identity_and_aws_chunked_are_ignored_and_two_other_encodings_are_several() {
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
