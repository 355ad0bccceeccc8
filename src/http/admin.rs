//! Authorization of admin requests: purges and metrics.

use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::problem_code::ProblemCode;
use super::request::Request;
use crate::service::OptimizedMetadataService;
use crate::service::ports::{Charge, Ports};

/// Checks the request's admin token.
///
/// # Errors
/// If the token is missing (401) or wrong (403), or if no token is set: then the routes do not exist (404).
pub(super) fn require(request: &Request<'_>) -> Result<(), Problem> {
    let token = request.bindings.admin_token.as_deref();
    authorize(request.authorization, token.ok_or_else(Problem::no_route)?)
}

/// As [`require`], and charges the client for a wrong token.
///
/// # Errors
/// As [`require`], and if the client has sent too many wrong tokens (429).
pub(super) async fn require_charged<P: Ports>(
    request: &Request<'_>,
    service: &OptimizedMetadataService<P::Signal>,
    ports: &P,
) -> Result<(), Problem> {
    let required = require(request);
    let is_wrong = matches!(&required, Err(problem) if problem.code == ProblemCode::Forbidden);
    if is_wrong && !service.admits(Charge::Admin, ports).await {
        return Err(Problem::too_many_wrong_tokens());
    }
    required
}

/// Checks an `Authorization` header against the token.
///
/// Both sides are hashed first. A comparison that stops at the first difference, or at the end of the shorter text,
/// would leak information about the token through its duration.
fn authorize(authorization: Option<&str>, token: &str) -> Result<(), Problem> {
    let presented = authorization
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, presented)| presented.trim())
        .ok_or_else(Problem::unauthorized)?;
    let (presented, expected) = (Sha256::digest(presented), Sha256::digest(token));
    let differing = presented
        .iter()
        .zip(expected.iter())
        .fold(0, |differing, (a, b)| differing | (a ^ b));
    if differing == 0 {
        Ok(())
    } else {
        Err(Problem::wrong_token())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_that_matches_is_authorized() {
        let status = |header| authorize(header, "right").map_err(|problem| problem.code.status());
        assert_eq!(status(Some("Bearer right")), Ok(()));
        assert_eq!(status(Some("bearer  right ")), Ok(()));
        for missing in [None, Some(""), Some("right"), Some("Basic right")] {
            assert_eq!(status(missing), Err(401), "{missing:?}");
        }
        for wrong in [
            "Bearer ",
            "Bearer wrong",
            "Bearer righ",
            "Bearer rightt",
            "Bearer RIGHT",
        ] {
            assert_eq!(status(Some(wrong)), Err(403), "{wrong}");
        }
    }
}
