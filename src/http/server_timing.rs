//! `Server-Timing` (W3C): the phases that a request waited for, in milliseconds.

use std::borrow::Cow;

use crate::lookup::Timing;

pub(super) fn of(timing: &Timing) -> Cow<'static, str> {
    // Workers stop the clock between I/O, so a memory look-up takes 0 ms.
    if *timing == Timing::default() {
        return "memory;dur=0, total;dur=0".into();
    }
    let mut phases = vec!["memory;dur=0".to_owned()];
    phases.extend(timing.kv_ms.map(|ms| format!("kv;dur={ms}")));
    phases.extend(timing.origin_ms.map(|ms| format!("origin;dur={ms}")));
    phases.push(format!("total;dur={}", timing.total_ms));
    phases.join(", ").into()
}
