//! The origin, which gives the same response for every image.

use optimized_metadata::image::header::Limits;
use optimized_metadata::image::prefix::BodyPrefix;
use optimized_metadata::origin::response::OriginResponse;

/// The origin's response for any image.
pub fn response(limits: Limits) -> OriginResponse {
    let body =
        r#"{"original":{"width":1600,"height":1067,"format":"image/jpeg","file_size":28011}}"#;
    OriginResponse {
        status: 200,
        prefix: Some(BodyPrefix::whole(limits, None, body.as_bytes())),
        ..OriginResponse::default()
    }
}
