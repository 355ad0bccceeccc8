//! The metric of the tiny pictures that placeholders are made from.

use super::{Family, Read, series};

pub(super) const PICTURES: Family = Family {
    name: "pictures_total",
    help: "Tiny pictures requested for placeholders, by result. Each costs a transformation.",
    series: &[
        series(
            &["pictures", "made"],
            r#"result="made""#,
            Read::Counter(|now| now.metrics.pictures.made.get()),
        ),
        series(
            &["pictures", "refused"],
            r#"result="refused""#,
            Read::Counter(|now| now.metrics.pictures.refused.get()),
        ),
        series(
            &["pictures", "failed"],
            r#"result="failed""#,
            Read::Counter(|now| now.metrics.pictures.failed.get()),
        ),
    ],
};
