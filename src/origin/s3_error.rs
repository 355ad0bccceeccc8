//! Reads the error code from the XML body of an S3 error response.
//!
//! The status alone is not enough: S3 returns 403 for a missing object if the credentials may not list the bucket, and
//! for wrong credentials. Codes: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>.

use crate::origin::error::ErrorKind;

/// How much of a body is searched, in bytes. The code is the first element.
pub const MAX_BODY_BYTES: usize = 1_024;

/// The codes of S3 that say more than the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3ErrorCode {
    /// The credentials may not read the object. Without `s3:ListBucket`, also that the object does not exist.
    AccessDenied,
    /// The bucket has no such object.
    NoSuchKey,
    /// The time of the signature differs from S3's clock by more than 15 minutes.
    RequestTimeTooSkewed,
    /// The access key does not exist.
    InvalidAccessKeyId,
    /// The secret access key is wrong, or the request changed on its way.
    SignatureDoesNotMatch,
    /// The session token has expired.
    ExpiredToken,
    /// The session token is malformed or does not belong to the access key.
    InvalidToken,
    /// The region is wrong, or the access key is malformed.
    AuthorizationHeaderMalformed,
    /// The bucket does not exist: the URL is wrong, not the path of the image.
    NoSuchBucket,
}

impl S3ErrorCode {
    /// All codes.
    pub const ALL: [Self; 9] = [
        Self::AccessDenied,
        Self::NoSuchKey,
        Self::RequestTimeTooSkewed,
        Self::InvalidAccessKeyId,
        Self::SignatureDoesNotMatch,
        Self::ExpiredToken,
        Self::InvalidToken,
        Self::AuthorizationHeaderMalformed,
        Self::NoSuchBucket,
    ];

    /// The code as S3 writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDenied",
            Self::NoSuchKey => "NoSuchKey",
            Self::RequestTimeTooSkewed => "RequestTimeTooSkewed",
            Self::InvalidAccessKeyId => "InvalidAccessKeyId",
            Self::SignatureDoesNotMatch => "SignatureDoesNotMatch",
            Self::ExpiredToken => "ExpiredToken",
            Self::InvalidToken => "InvalidToken",
            Self::AuthorizationHeaderMalformed => "AuthorizationHeaderMalformed",
            Self::NoSuchBucket => "NoSuchBucket",
        }
    }

    /// Returns `true` if a response with `status` can have one of the codes. For an expired token the status is 400.
    #[must_use]
    pub fn may_be_in(status: u16) -> bool {
        matches!(status, 400 | 403 | 404)
    }

    /// Returns the kind of error.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::AccessDenied => ErrorKind::Forbidden,
            Self::NoSuchKey => ErrorKind::NotFound,
            Self::NoSuchBucket => ErrorKind::OriginFailed,
            Self::RequestTimeTooSkewed
            | Self::InvalidAccessKeyId
            | Self::SignatureDoesNotMatch
            | Self::ExpiredToken
            | Self::InvalidToken
            | Self::AuthorizationHeaderMalformed => ErrorKind::CredentialsRefused,
        }
    }

    /// Reads the code from the first [`MAX_BODY_BYTES`] of a body. Returns `None` if there is none, or another.
    ///
    /// No XML parser is needed: `<` in a value is `&lt;`, so no object key can contain an element.
    ///
    /// ```
    /// use optimized_metadata::origin::s3_error::S3ErrorCode;
    ///
    /// let body = b"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Key>cat.jpg</Key></Error>";
    /// assert_eq!(S3ErrorCode::from_body(body), Some(S3ErrorCode::NoSuchKey));
    /// ```
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        let start = body.get(..MAX_BODY_BYTES).unwrap_or(body);
        // The limit may cut a character, after the code.
        let text = start.utf8_chunks().next()?.valid();
        let (_, error) = text.split_once("<Error")?;
        let (_, code) = error.split_once("<Code>")?;
        let (code, _) = code.split_once("</Code>")?;
        let code = code.trim();
        Self::ALL.into_iter().find(|known| known.name() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_read() {
        for code in S3ErrorCode::ALL {
            let name = code.name();
            for body in [
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{name}</Code><Message>m</Message></Error>"
                ),
                format!(
                    "<Error xmlns=\"urn:x\">\n  <Message>é</Message>\n  <Code>\n{name}\n</Code></Error>"
                ),
                format!("<Error><Code>{name}</Code><Key>{}", "k".repeat(5_000)),
            ] {
                assert_eq!(S3ErrorCode::from_body(body.as_bytes()), Some(code));
            }
        }
    }

    #[test]
    fn anything_else_has_no_code() {
        let late = format!("<Error>{}<Code>NoSuchKey</Code>", " ".repeat(1_024));
        for body in [
            "",
            "NoSuchKey",
            "<Code>NoSuchKey</Code>",
            "<Error><Code>NoSuchKey",
            "<Error><Code>nosuchkey</Code></Error>",
            "<Error><Code>NoSuchUpload</Code></Error>",
            "<Error><Code></Code></Error>",
            "<Error><Key>&lt;Code&gt;NoSuchKey&lt;/Code&gt;</Key></Error>",
            "<html><code>NoSuchKey</code></html>",
            &late,
        ] {
            assert_eq!(S3ErrorCode::from_body(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_character_that_the_limit_cuts_does_no_harm() {
        for length in 990..1_030 {
            let body = format!("<Error><Code>NoSuchKey</Code><Key>{}é", "k".repeat(length));
            let code = S3ErrorCode::from_body(body.as_bytes());
            assert_eq!(code, Some(S3ErrorCode::NoSuchKey));
        }
        assert_eq!(S3ErrorCode::from_body(&[0xff; 2_048]), None);
    }
}
