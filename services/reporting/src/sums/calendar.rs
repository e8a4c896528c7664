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
    /// "today", "year", "month" or "day".
    pub name: &'static str,
    /// The first day, or the first of the first month or of the year; none for today.
    pub first: Option<NaiveDate>,
    /// The last day, or the first of the last month or of the year; none for today.
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

/// How many months it is from one day to another, whichever is first.
fn months(from: NaiveDate, to: NaiveDate) -> u32 {
    (12 * (to.year() - from.year()) + to.month0().cast_signed() - from.month0().cast_signed()).unsigned_abs()
}

impl Calendar {
    /// The days to keep on a day: this year and the [`YEARS`] before.
    #[must_use]
    pub fn on(today: NaiveDate) -> Self {
        Calendar { opening: NaiveDate::from_ymd_opt(today.year() - YEARS, 1, 1).unwrap_or(today), today }
    }

    /// What adds up to the headcount of a day; none before the opening. `anchored` when the years' beginnings are kept too.
    ///
    /// It is the headcount of today, or that with which the nearest year began, and the changes between. Changes are sums
    /// since the opening: months before that of the day, then days.
    #[must_use]
    pub fn spans(&self, on: NaiveDate, anchored: bool) -> Option<Vec<Span>> {
        if on < self.opening {
            return None;
        }
        if on == self.today {
            return Some(vec![TODAY]);
        }
        let (now, then) = (month(self.today), month(on));
        let span = |name, first, last, sign| Span { name, first: Some(first), last: Some(last), sign };
        let (mut spans, since) = match self.nearest_year(on).filter(|year| anchored && months(*year, on) < months(self.today, on)) {
            Some(year) => (vec![span("year", year, year, 1)], year),
            None => (vec![TODAY, span("day", now, self.today, -1)], now),
        };
        spans.push(span("day", then, on, 1));
        // The months between: a month's sum is kept under its first day.
        if let (true, Some(last)) = (since < then, then.pred_opt()) {
            spans.push(span("month", since, last, 1));
        } else if let (true, Some(last)) = (then < since, since.pred_opt()) {
            spans.push(span("month", then, last, -1));
        }
        Some(spans)
    }

    /// The beginning of a year that is nearest to a day, of those that are kept.
    fn nearest_year(&self, on: NaiveDate) -> Option<NaiveDate> {
        let years = [on.year(), on.year() + 1].into_iter().filter_map(|year| NaiveDate::from_ymd_opt(year, 1, 1));
        years.filter(|year| (self.opening..=self.today).contains(year)).min_by_key(|year| months(*year, on))
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
        fn spans_add_up_to_the_changes_until_a_day(
            changes in prop::collection::vec(0_u64..1200, 0..40), today in 0_u64..1200, on in 0_u64..1200, anchored: bool
        ) {
            let calendar = Calendar { opening: day(0), today: day(today) };
            let sum = |span: &Span| {
                let within = |date: NaiveDate| span.first.is_none_or(|first| first <= date) && span.last.is_none_or(|last| date <= last);
                let counted = changes.iter().filter(|change| match span.name {
                    "today" => **change <= today,
                    // It began with what had changed before.
                    "year" => span.first == span.last && span.first.is_some_and(|year| day(**change) < year),
                    "month" => within(month(day(**change))),
                    _ => within(day(**change)),
                });
                i64::try_from(counted.count()).unwrap() * i64::from(span.sign)
            };
            let found: i64 = calendar.spans(day(on), anchored).unwrap().iter().map(sum).sum();
            prop_assert_eq!(found, i64::try_from(changes.iter().filter(|change| **change <= on).count()).unwrap());
        }
    }

    #[test]
    fn five_years_back_are_kept_and_before_that_nothing_is() {
        let calendar = Calendar::on(NaiveDate::from_ymd_opt(2029, 9, 15).unwrap());
        assert_eq!(calendar.opening, day(0));
        assert_eq!(calendar.spans(NaiveDate::from_ymd_opt(2023, 12, 31).unwrap(), true), None);
        assert_eq!(calendar.spans(calendar.today, true), Some(vec![TODAY]));
        assert!(calendar.spans(calendar.opening, false).is_some());
    }

    #[test]
    fn with_the_years_beginnings_no_day_is_more_than_half_a_year_away() {
        let calendar = Calendar::on(NaiveDate::from_ymd_opt(2029, 9, 15).unwrap());
        let months_of = |spans: Vec<Span>| spans.iter().filter(|span| span.name == "month").map(|span| months(span.first.unwrap(), span.last.unwrap()) + 1).sum::<u32>();
        for on in (0..2084).map(day) {
            assert!(months_of(calendar.spans(on, true).unwrap()) <= 6, "{on}");
        }
        assert_eq!(months_of(calendar.spans(day(0), false).unwrap()), 68);
    }
}
