//! Maps the runtime's errors of a fetch to those of an origin.

use wasm_bindgen::JsValue;
use web_sys::AbortSignal;

use super::js_value::{is_subrequest_limit, message};
use crate::origin::error::{ConnectionFault, ErrorKind, OriginError, OriginFault};

/// Prefix of the runtime's message if the host name has no address or the TLS handshake failed. If a connection is
/// refused or lost, the message is "Network connection lost.".
const INTERNAL_ERROR: &str = "internal error";

/// Returns the error of a response that is missing or incomplete. `otherwise` is the fault of a connection that failed
/// for no other known reason.
pub(super) fn fault(
    deadline: &AbortSignal,
    thrown: &JsValue,
    otherwise: ConnectionFault,
) -> OriginFault {
    if deadline.aborted() {
        return ErrorKind::OriginTimeout.into();
    }
    let message = message(thrown);
    if is_subrequest_limit(&message) {
        return OriginFault {
            error: ErrorKind::SubrequestLimit.into(),
            message: Some(message),
        };
    }
    let connection = if message.starts_with(INTERNAL_ERROR) {
        ConnectionFault::Dns
    } else {
        otherwise
    };
    OriginFault {
        error: OriginError {
            connection: Some(connection),
            ..ErrorKind::OriginUnreachable.into()
        },
        message: Some(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn a_connection_that_fails_after_the_deadline_is_a_timeout() {
        let aborted = AbortSignal::abort();
        let lost = js_sys::Error::new("Network connection lost.").into();
        let fault_with = |signal| fault(signal, &lost, ConnectionFault::Broken);
        assert_eq!(fault_with(&aborted).error.kind, ErrorKind::OriginTimeout);
        let in_time = fault_with(&AbortSignal::timeout_with_u32(60_000));
        assert_eq!(in_time.error.kind, ErrorKind::OriginUnreachable);
        assert_eq!(in_time.error.reason(), Some("broken"));
        assert_eq!(in_time.message.as_deref(), Some("Network connection lost."));
    }
}
