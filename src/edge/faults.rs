//! Routes that break the Worker on purpose, in test builds only.

/// `/__test/panic` panics, as a bug of ours would.
#[allow(clippy::panic)]
pub(super) fn break_if_asked(path: &str) {
    if path == "/__test/panic" {
        panic!("asked to");
    }
}
