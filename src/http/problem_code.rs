//! Error codes, each with its status and title.

/// Declares [`ProblemCode`] and [`ProblemCode::ALL`] from one table, so that neither can miss a code.
macro_rules! problem_codes {
    ($($variant:ident = $status:literal $name:literal $title:literal)*) => {
        /// The code of an error. Codes are published: `docs/http-api.md` lists all of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)] // the titles describe them
        pub enum ProblemCode {
            $($variant,)*
        }

        impl ProblemCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the HTTP status.
            #[must_use]
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                }
            }

            /// Returns the published name, in kebab-case.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            pub(super) fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

problem_codes! {
    InvalidBatch = 400 "invalid-batch" "Invalid batch"
    InvalidParameter = 400 "invalid-parameter" "Invalid parameter"
    InvalidPath = 400 "invalid-path" "Invalid path"
    Unauthorized = 401 "unauthorized" "Unauthorized"
    Forbidden = 403 "forbidden" "Forbidden"
    ForbiddenByOrigin = 403 "forbidden-by-origin" "Forbidden by the origin"
    NoRoute = 404 "no-route" "Not found"
    NotFound = 404 "not-found" "Image not found"
    MethodNotAllowed = 405 "method-not-allowed" "Method not allowed"
    RequestTimeout = 408 "request-timeout" "Request timeout"
    BatchTooLarge = 413 "batch-too-large" "Batch too large"
    SourceTooLarge = 413 "source-too-large" "Image too large"
    NotAnImage = 415 "not-an-image" "Not an image"
    RateLimited = 429 "rate-limited" "Too many requests"
    ConfigurationError = 500 "configuration-error" "Configuration error"
    InvalidOriginAnswer = 502 "invalid-origin-answer" "Invalid origin answer"
    OriginError = 502 "origin-error" "Origin error"
    OriginUnreachable = 502 "origin-unreachable" "Origin unreachable"
    RedirectRefused = 502 "redirect-refused" "Redirect refused"
    OriginOverloaded = 503 "origin-overloaded" "Origin overloaded"
    Overloaded = 503 "overloaded" "Overloaded"
    PurgeFailed = 503 "purge-failed" "Purge failed"
    SubrequestLimit = 503 "subrequest-limit" "Subrequest limit"
    OriginTimeout = 504 "origin-timeout" "Origin timeout"
}
