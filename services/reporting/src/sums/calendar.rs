//! From the headcount of one day to that of another, by few sums.

use chrono::{Datelike, NaiveDate};

/// The days of `headcount_sums`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// From here on changes are kept by day and month; the first of a month. Figures of days before are counted anew.
    pub opening: NaiveDate,
    /// The day for which whole headcounts are kept.
    pub today: NaiveDate,
}

/// Sums that are added up, or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// "today", "month" or "day".
    pub name: &'static str,
    /// The first day, or the first of the first month; none for today.
    pub first: Option<NaiveDate>,
    /// The last day, or the first of the last month; none for today.
    pub last: Option<NaiveDate>,
    /// 1 or -1.
    pub sign: i32,
}

/// For how many years back headcounts are ready: as long as plans of a term of office look back.
const YEARS: i32 = 5;

const TODAY: Span = Span { name: "today", first: None, last: None, sign: 1 };

fn month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

impl Calendar {
    /// The days to keep on a day: this year and the [`YEARS`] before.
    #[must_use]
    pub fn on(today: NaiveDate) -> Self {
        Calendar { opening: NaiveDate::from_ymd_opt(today.year() - YEARS, 1, 1).unwrap_or(today), today }
    }

    /// What adds up to the headcount of a day; none before the opening.
    ///
    /// Changes are sums since the opening: months before that of the day, then days. The headcount of another day is that
    /// of today with the changes until that day instead of those until today.
    #[must_use]
    pub fn spans(&self, on: NaiveDate) -> Option<Vec<Span>> {
        if on < self.opening {
            return None;
        }
        if on == self.today {
            return Some(vec![TODAY]);
        }
        let (now, then) = (month(self.today), month(on));
        let span = |name, first, last, sign| Span { name, first: Some(first), last: Some(last), sign };
        let mut spans = vec![TODAY, span("day", then, on, 1), span("day", now, self.today, -1)];
        // The months between: a month's sum is kept under its first day.
        if let (true, Some(last)) = (now < then, then.pred_opt()) {
            spans.push(span("month", now, last, 1));
        } else if let (true, Some(last)) = (then < now, now.pred_opt()) {
            spans.push(span("month", then, last, -1));
        }
        Some(spans)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(number: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 1, 1).unwrap().checked_add_days(chrono::Days::new(number)).unwrap()
    }

    proptest! {
        #[test]
        fn spans_add_up_to_the_changes_until_a_day(changes in prop::collection::vec(0_u64..800, 0..40), today in 0_u64..800, on in 0_u64..800) {
            let calendar = Calendar { opening: day(0), today: day(today) };
            let sum = |span: &Span| {
                let within = |date: NaiveDate| span.first.is_none_or(|first| first <= date) && span.last.is_none_or(|last| date <= last);
                let counted = changes.iter().filter(|change| match span.name {
                    "today" => **change <= today,
                    "month" => within(month(day(**change))),
                    _ => within(day(**change)),
                });
                i64::try_from(counted.count()).unwrap() * i64::from(span.sign)
            };
            let found: i64 = calendar.spans(day(on)).unwrap().iter().map(sum).sum();
            prop_assert_eq!(found, i64::try_from(changes.iter().filter(|change| **change <= on).count()).unwrap());
        }
    }

    #[test]
    fn five_years_back_are_kept_and_before_that_nothing_is() {
        let calendar = Calendar::on(NaiveDate::from_ymd_opt(2029, 9, 15).unwrap());
        assert_eq!(calendar.opening, day(0));
        assert_eq!(calendar.spans(NaiveDate::from_ymd_opt(2023, 12, 31).unwrap()), None);
        assert_eq!(calendar.spans(calendar.today), Some(vec![TODAY]));
        assert!(calendar.spans(calendar.opening).is_some());
    }
}
