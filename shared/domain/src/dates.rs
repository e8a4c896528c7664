//! Periods of days, and which day it is where a tenant lives.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Viet Nam's offset from UTC in hours (no daylight saving time).
pub const VIET_NAM_OFFSET_HOURS: i8 = 7;

/// China's offset from UTC in hours (no daylight saving time).
pub const CHINA_OFFSET_HOURS: i8 = 8;

/// The date at the instant `now` in a zone `offset_hours` east of UTC: "today" for a tenant.
///
/// The clock is read by the caller. At the ends of chrono's calendar the UTC date is returned.
#[must_use]
pub fn local_date(now: DateTime<Utc>, offset_hours: i8) -> NaiveDate {
    now.checked_add_signed(TimeDelta::hours(i64::from(offset_hours))).unwrap_or(now).date_naive()
}

/// A period of whole days, both ends included; without an end it is still running.
///
/// As text an ISO 8601 interval: `2000-01-01/2025-06-30`, open `2025-07-01/..`. It begins no later than it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    from: NaiveDate,
    to: Option<NaiveDate>,
}

/// Why something is no [`Period`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// The last day lies before the first.
    #[error("the period ends on {to}, before it begins on {from}")]
    EndsBeforeItBegins {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        to: NaiveDate,
    },
    /// Not the form `YYYY-MM-DD/YYYY-MM-DD` or `YYYY-MM-DD/..`.
    #[error("must be an interval of dates such as 2000-01-01/2025-06-30 or 2025-07-01/..")]
    Format,
}

impl PeriodError {
    /// The stable code of the error, for the `code` of a problem's entry.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EndsBeforeItBegins { .. } => "ends_before_it_begins",
            Self::Format => "not_a_period",
        }
    }
}

impl Period {
    /// The period from one day to another, both included; without `to` it has no end.
    ///
    /// # Errors
    /// [`PeriodError::EndsBeforeItBegins`].
    pub fn new(from: NaiveDate, to: Option<NaiveDate>) -> Result<Self, PeriodError> {
        match to {
            Some(to) if to < from => Err(PeriodError::EndsBeforeItBegins { from, to }),
            _ => Ok(Self { from, to }),
        }
    }

    /// The period that begins on a day and has no end.
    #[must_use]
    pub const fn starting(from: NaiveDate) -> Self {
        Self { from, to: None }
    }

    /// The first day.
    #[must_use]
    pub const fn from(&self) -> NaiveDate {
        self.from
    }

    /// The last day, if there is one.
    #[must_use]
    pub const fn to(&self) -> Option<NaiveDate> {
        self.to
    }

    /// Whether the day lies in the period.
    #[must_use]
    pub fn contains(&self, date: NaiveDate) -> bool {
        self.from <= date && self.to.is_none_or(|to| date <= to)
    }

    /// Whether the two periods have a day in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.to.is_none_or(|to| other.from <= to) && other.to.is_none_or(|to| self.from <= to)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            Some(to) => write!(f, "{}/{to}", self.from),
            None => write!(f, "{}/..", self.from),
        }
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once('/').ok_or(PeriodError::Format)?;
        let to = if to == ".." { None } else { Some(calendar_date(to)?) };
        Self::new(calendar_date(from)?, to)
    }
}

fn calendar_date(text: &str) -> Result<NaiveDate, PeriodError> {
    parse_date(text).ok_or(PeriodError::Format)
}

/// A date of exactly the form `YYYY-MM-DD`, in the years 0001 to 9999 that every database and program agrees on.
#[must_use]
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let date: NaiveDate = text.parse().ok()?;
    (date.to_string() == text && (1..=9999).contains(&date.year())).then_some(date)
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for Period {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "A period of whole days (khoảng thời gian, 期间) as an ISO 8601 interval, both ends included; `..` for \
                 no end yet.",
            ))
            .pattern(Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}/([0-9]{4}-[0-9]{2}-[0-9]{2}|\.\.)$"))
            .examples(["2000-01-01/2025-06-30", "2025-07-01/.."])
            .into()
    }
}

impl ToSchema for Period {}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, Utc};
    use proptest::prelude::*;

    use super::{CHINA_OFFSET_HOURS, Period, PeriodError, VIET_NAM_OFFSET_HOURS, local_date};

    fn period(text: &str) -> Period {
        text.parse().unwrap()
    }

    #[test]
    fn text_form_round_trips() {
        for text in ["2000-01-01/2025-06-30", "2025-07-01/..", "2024-02-29/2024-02-29"] {
            assert_eq!(period(text).to_string(), text);
            let json = serde_json::to_string(&period(text)).unwrap();
            assert_eq!(serde_json::from_str::<Period>(&json).unwrap(), period(text));
        }
        for text in ["", "2025-07-01", "2025-07-01/", "../2025-07-01", "2025-7-1/..", "2025-02-29/..", "2025-07-01 / .."] {
            assert_eq!(text.parse::<Period>(), Err(PeriodError::Format), "{text}");
        }
        assert_eq!("2025-07-01/2025-06-30".parse::<Period>().unwrap_err().code(), "ends_before_it_begins");
    }

    #[test]
    fn districts_ended_on_the_last_of_june() {
        let (district, commune) = (period("2000-01-01/2025-06-30"), period("2025-07-01/.."));
        let last = NaiveDate::from_ymd_opt(2025, 6, 30).unwrap();
        assert!(district.contains(last) && !commune.contains(last));
        let first = last.succ_opt().unwrap();
        assert!(!district.contains(first) && commune.contains(first));
        assert!(!district.overlaps(&commune) && !commune.overlaps(&district));
        assert!(district.overlaps(&period("2025-06-30/..")));
    }

    #[test]
    fn today_is_a_matter_of_zone() {
        let now: DateTime<Utc> = "2025-06-30T16:30:00Z".parse().unwrap();
        assert_eq!(local_date(now, VIET_NAM_OFFSET_HOURS).to_string(), "2025-06-30");
        assert_eq!(local_date(now, CHINA_OFFSET_HOURS).to_string(), "2025-07-01");
        assert_eq!(local_date(DateTime::<Utc>::MAX_UTC, 8), DateTime::<Utc>::MAX_UTC.date_naive());
    }

    prop_compose! {
        fn any_period()(start in 0i32..60, length in prop::option::of(0u64..30)) -> Period {
            let from = NaiveDate::from_num_days_from_ce_opt(739_000 + start).unwrap();
            Period::new(from, length.map(|days| from + chrono::Days::new(days))).unwrap()
        }
    }

    proptest! {
        #[test]
        fn overlap_is_a_common_day(a in any_period(), b in any_period()) {
            let common = (738_990..739_200)
                .filter_map(NaiveDate::from_num_days_from_ce_opt)
                .any(|day| a.contains(day) && b.contains(day));
            prop_assert_eq!(a.overlaps(&b), common);
            prop_assert_eq!(b.overlaps(&a), common);
        }
    }
}
