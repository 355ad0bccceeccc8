//! The messages: their JSON, and what they ask for.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::text::json::strings;

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// An object of an R2 bucket was written or deleted
    /// (<https://developers.cloudflare.com/r2/buckets/event-notifications/#message-format>).
    Object {
        /// The name of the bucket.
        bucket: String,
        /// The key, which is decoded text.
        key: String,
        is_deleted: bool,
    },
    /// Images are to be purged or warmed.
    Paths {
        /// Raw paths, each with an optional query. A purge also takes folders, such as `gallery/*`.
        paths: Vec<String>,
        action: PathAction,
    },
}

/// What is to be done with paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathAction {
    /// Remove them from the caches.
    Purge,
    /// Store them in KV, unless it has them.
    Warm,
}

/// The actions of R2 after which the object is to be read.
const WRITES: [&str; 3] = ["PutObject", "CopyObject", "CompleteMultipartUpload"];

/// The actions of R2 after which it is gone.
const DELETIONS: [&str; 2] = ["DeleteObject", "LifecycleDeletion"];

impl Message {
    /// Reads the body of a message with at most `limit` paths.
    pub(super) fn parse(body: &Value, limit: usize) -> Result<Self, MessageError> {
        let action = body.get("action").and_then(Value::as_str);
        let action = action.ok_or(MessageError::NoAction)?;
        match action {
            "purge" => paths(body, limit, PathAction::Purge),
            "warm" => paths(body, limit, PathAction::Warm),
            _ if WRITES.contains(&action) => object(body, false),
            _ if DELETIONS.contains(&action) => object(body, true),
            _ => Err(MessageError::UnknownAction),
        }
    }
}

fn paths(body: &Value, limit: usize, action: PathAction) -> Result<Message, MessageError> {
    let paths = body.get("paths").and_then(strings);
    let paths = paths.filter(|paths| (1..=limit).contains(&paths.len()));
    let paths = paths.ok_or(MessageError::Paths)?;
    Ok(Message::Paths { paths, action })
}

fn object(body: &Value, is_deleted: bool) -> Result<Message, MessageError> {
    let bucket = body.get("bucket").and_then(Value::as_str);
    let key = body
        .get("object")
        .and_then(|object| object.get("key"))
        .and_then(Value::as_str);
    match (bucket, key) {
        (Some(bucket), Some(key)) => Ok(Message::Object {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            is_deleted,
        }),
        _ => Err(MessageError::Object),
    }
}

/// Returns the message by which a purge repeats itself. `paths` are raw paths.
#[must_use]
pub fn repeated_purge(path: &str) -> String {
    #[derive(Serialize)]
    struct Purge<'a> {
        paths: [&'a str; 1],
        action: &'static str,
    }
    let message = Purge {
        paths: [path],
        action: "purge",
    };
    // A struct of strings always serializes.
    serde_json::to_string(&message).unwrap_or_default()
}

/// Why a message is malformed. It is acknowledged, because it would be malformed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageError {
    NoAction,
    UnknownAction,
    Paths,
    Object,
    /// A key or a path that no image can have.
    InvalidPath,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAction => "not an object with an action",
            Self::UnknownAction => "unknown action",
            Self::Paths => "paths missing, malformed, or more than batchLimit",
            Self::Object => "bucket or object.key missing or malformed",
            Self::InvalidPath => "path or key that no image can have",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_of_r2_is_a_write_or_a_deletion_of_an_object() {
        for (action, is_deleted) in [
            ("PutObject", false),
            ("CopyObject", false),
            ("CompleteMultipartUpload", false),
            ("DeleteObject", true),
            ("LifecycleDeletion", true),
        ] {
            let body = json!({
                "account": "0123", "action": action, "bucket": "images",
                "object": { "key": "a b/%20.jpg", "size": 7, "eTag": "0123abc" },
                "eventTime": "2026-05-24T19:36:44.379Z",
            });
            let expected = Message::Object {
                bucket: "images".into(),
                key: "a b/%20.jpg".into(),
                is_deleted,
            };
            assert_eq!(Message::parse(&body, 1), Ok(expected), "{action}");
        }
    }

    #[test]
    fn paths_are_purged_or_warmed() {
        for (name, action) in [("purge", PathAction::Purge), ("warm", PathAction::Warm)] {
            let body = json!({ "paths": ["a.jpg", "b.jpg?v=3"], "action": name });
            let expected = Message::Paths {
                paths: vec!["a.jpg".into(), "b.jpg?v=3".into()],
                action,
            };
            assert_eq!(Message::parse(&body, 2), Ok(expected));
        }
    }

    #[test]
    fn a_repeated_purge_is_a_message_that_is_accepted() {
        let body: Value = serde_json::from_str(&repeated_purge("a\"/*")).unwrap();
        let expected = Message::Paths {
            paths: vec!["a\"/*".into()],
            action: PathAction::Purge,
        };
        assert_eq!(Message::parse(&body, 1), Ok(expected));
    }

    #[test]
    fn a_malformed_message_is_an_error_with_the_reason() {
        for (body, error) in [
            (json!(null), MessageError::NoAction),
            (json!("purge"), MessageError::NoAction),
            (json!({ "action": 7 }), MessageError::NoAction),
            (json!({ "action": "Purge" }), MessageError::UnknownAction),
            (json!({ "action": "purge" }), MessageError::Paths),
            (
                json!({ "action": "purge", "paths": [] }),
                MessageError::Paths,
            ),
            (
                json!({ "action": "purge", "paths": "a" }),
                MessageError::Paths,
            ),
            (
                json!({ "action": "warm", "paths": ["a", 7] }),
                MessageError::Paths,
            ),
            (
                json!({ "action": "warm", "paths": ["a", "b", "c"] }),
                MessageError::Paths,
            ),
            (json!({ "action": "PutObject" }), MessageError::Object),
            (
                json!({ "action": "PutObject", "bucket": "a", "object": {} }),
                MessageError::Object,
            ),
            (
                json!({ "action": "PutObject", "object": { "key": "a" } }),
                MessageError::Object,
            ),
        ] {
            assert_eq!(Message::parse(&body, 2), Err(error), "{body}");
        }
    }
}
