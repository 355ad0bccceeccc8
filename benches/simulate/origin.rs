//! The origin, which gives the same response for every image.

use optimized_metadata::head::Head;
use optimized_metadata::image_header::Limits;
use optimized_metadata::origin::Reply;

/// The origin's response for any image.
pub fn reply(limits: Limits) -> Reply {
    let body =
        r#"{"original":{"width":1600,"height":1067,"format":"image/jpeg","file_size":28011}}"#;
    Reply {
        status: 200,
        head: Some(Head::whole(limits, None, body.as_bytes())),
        ..Reply::default()
    }
}
