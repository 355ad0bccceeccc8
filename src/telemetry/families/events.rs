//! The metrics of the queue's messages.

use super::{Family, Read, series};
use crate::telemetry::metrics::{EventAction, EventOutcome};

pub(super) const EVENTS: Family = Family {
    name: "events_total",
    help: "Messages of the queue, by what they ask for and what was done.",
    series: &[
        series(
            &["events", "write", "done"],
            r#"action="write",outcome="done""#,
            Read::Counter(|now| {
                now.metrics
                    .events(EventAction::Write, EventOutcome::Done)
                    .get()
            }),
        ),
        series(
            &["events", "write", "retried"],
            r#"action="write",outcome="retried""#,
            Read::Counter(|now| {
                now.metrics
                    .events(EventAction::Write, EventOutcome::Retried)
                    .get()
            }),
        ),
        series(
            &["events", "delete", "done"],
            r#"action="delete",outcome="done""#,
            Read::Counter(|now| {
                now.metrics
                    .events(EventAction::Delete, EventOutcome::Done)
                    .get()
            }),
        ),
        series(
            &["events", "delete", "retried"],
            r#"action="delete",outcome="retried""#,
            Read::Counter(|now| {
                now.metrics
                    .events(EventAction::Delete, EventOutcome::Retried)
                    .get()
            }),
        ),
        series(
            &["events", "purge", "done"],
            r#"action="purge",outcome="done""#,
            Read::Counter(|now| {
                now.metrics
                    .events(EventAction::Purge, EventOutcome::Done)
                    .get()
            }),
        ),
        series(
            &["events", "purge", "retried"],
            r#"action="purge",outcome="retried""#,
            Read::Counter(|now| {
                now.metrics
                    .events(EventAction::Purge, EventOutcome::Retried)
                    .get()
            }),
        ),
        series(
            &["events", "warm", "done"],
            r#"action="warm",outcome="done""#,
            Read::Counter(|now| {
                now.metrics
                    .events(EventAction::Warm, EventOutcome::Done)
                    .get()
            }),
        ),
        series(
            &["events", "warm", "retried"],
            r#"action="warm",outcome="retried""#,
            Read::Counter(|now| {
                now.metrics
                    .events(EventAction::Warm, EventOutcome::Retried)
                    .get()
            }),
        ),
        series(
            &["events", "malformed"],
            r#"action="unknown",outcome="malformed""#,
            Read::Counter(|now| {
                now.metrics
                    .events(EventAction::Unknown, EventOutcome::Malformed)
                    .get()
            }),
        ),
    ],
};

pub(super) const AGES: Family = Family {
    name: "event_age_seconds",
    help: "Age of a message of the queue when it was delivered.",
    series: &[series(
        &["eventAgesS"],
        "",
        Read::Histogram(|now| &now.metrics.event_ages, 1),
    )],
};
