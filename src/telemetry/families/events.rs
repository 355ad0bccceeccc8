//! The metrics of the queue's messages.

use super::{Family, Read, series};
use crate::telemetry::metrics::{EventAction, EventOutcome};

/// Declares the series of messages with one action and outcome.
macro_rules! event {
    ($action_name:literal $action:ident $outcome_name:literal $outcome:ident) => {
        series(
            &["events", $action_name, $outcome_name],
            concat!(
                "action=\"",
                $action_name,
                "\",outcome=\"",
                $outcome_name,
                "\""
            ),
            Read::Counter(|now| {
                let metrics = &now.metrics;
                metrics
                    .events(EventAction::$action, EventOutcome::$outcome)
                    .get()
            }),
        )
    };
}

pub(super) const EVENTS: Family = Family {
    name: "events_total",
    help: "Messages of the queue, by what they ask for and what was done.",
    series: &[
        event!("write" Write "done" Done),
        event!("write" Write "retried" Retried),
        event!("delete" Delete "done" Done),
        event!("delete" Delete "retried" Retried),
        event!("purge" Purge "done" Done),
        event!("purge" Purge "retried" Retried),
        event!("warm" Warm "done" Done),
        event!("warm" Warm "retried" Retried),
        series(
            &["events", "malformed"],
            r#"action="unknown",outcome="malformed""#,
            Read::Counter(|now| {
                let metrics = &now.metrics;
                metrics
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
