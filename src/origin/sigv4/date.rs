//! Formats a time as Signature Version 4 does, without a calendar library.

/// The last millisecond of the year 9999: a year has four digits.
const LAST_MS: u64 = 253_402_300_799_999;

/// Days from 0000-03-01, where the calendar below begins, to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

/// Days of 400 years, after which the calendar repeats.
const DAYS_PER_ERA: u64 = 146_097;

/// A time in UTC, in both forms that a signature has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timestamp {
    /// `20130524`
    pub(super) day: String,
    /// `20130524T000000Z`
    pub(super) second: String,
}

impl Timestamp {
    /// Formats milliseconds since 1970. A time after the year 9999 is that year's last second.
    pub(super) fn from_ms(ms: u64) -> Self {
        let seconds = ms.min(LAST_MS) / 1_000;
        let (year, month, day) = civil(seconds / 86_400);
        let day = format!("{year:04}{month:02}{day:02}");
        let (hour, minute) = (seconds / 3_600 % 24, seconds / 60 % 60);
        let second = format!("{day}T{hour:02}{minute:02}{:02}Z", seconds % 60);
        Self { day, second }
    }
}

/// Returns the year, month and day of a number of days since 1970.
///
/// Years begin in March, so that a leap day is the last day of its year:
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(DAYS_BEFORE_1970);
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    // Without the leap days before it, each year of the era has 365 days.
    let year_of_era = day_of_era
        .saturating_sub(day_of_era / 1_460)
        .saturating_add(day_of_era / 36_524)
        .saturating_sub(day_of_era / 146_096)
        / 365;
    let first_day = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era / 4)
        .saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(first_day);
    // Five months from March on have 153 days, and so do the next five.
    let month_from_march = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let first_of_month = month_from_march.saturating_mul(153).saturating_add(2) / 5;
    let day = day_of_year.saturating_sub(first_of_month).saturating_add(1);
    let is_next_year = month_from_march >= 10;
    let month = if is_next_year {
        month_from_march.saturating_sub(9)
    } else {
        month_from_march.saturating_add(3)
    };
    let year = era
        .saturating_mul(400)
        .saturating_add(year_of_era)
        .saturating_add(u64::from(is_next_year));
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_have_their_dates() {
        for (seconds, expected) in [
            (0, "19700101T000000Z"),
            (86_399, "19700101T235959Z"),
            (68_169_599, "19720228T235959Z"),
            (68_169_600, "19720229T000000Z"),
            (946_684_800, "20000101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_799, "20000229T235959Z"),
            (951_868_800, "20000301T000000Z"),
            (1_369_353_600, "20130524T000000Z"),
            (1_709_164_800, "20240229T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
            (4_107_542_399, "21000228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
            (13_574_563_200, "24000229T000000Z"),
        ] {
            let timestamp = Timestamp::from_ms(seconds * 1_000 + 999);
            assert_eq!(timestamp.second, expected);
            assert_eq!(timestamp.day, expected[..8]);
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_day_before() {
        let is_leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..DAYS_PER_ERA {
            assert_eq!(civil(days), (year, month, day));
            let last = match month {
                2 => 28 + u64::from(is_leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > last {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (2370, 1, 1));
    }

    #[test]
    fn a_time_beyond_four_digit_years_is_the_last_second_of_9999() {
        for ms in [LAST_MS, LAST_MS + 1, u64::MAX] {
            assert_eq!(Timestamp::from_ms(ms).second, "99991231T235959Z");
        }
    }
}
