//! What a row of a student file means for a student's enrolments: nothing, a change of one, or a new one that may end
//! the open one. No I/O.

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use crate::enrolments::model::{EnrolmentRecord, overlap};

/// An enrolment the student has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: Uuid,
    /// Its version.
    pub version: i64,
    /// Its class.
    pub class_id: Uuid,
    /// Its school year.
    pub school_year_id: Uuid,
    /// The first day.
    pub enrolled_on: NaiveDate,
    /// The last day.
    pub ended_on: Option<NaiveDate>,
}

impl From<EnrolmentRecord> for Held {
    fn from(row: EnrolmentRecord) -> Self {
        let columns = row.columns;
        Held {
            id: row.id,
            version: row.version,
            class_id: columns.class_id,
            school_year_id: row.copied.school_year_id,
            enrolled_on: columns.enrolled_on,
            ended_on: columns.ended_on,
        }
    }
}

/// The enrolment that a row describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its class.
    pub class_id: Uuid,
    /// Its school year.
    pub school_year_id: Uuid,
    /// The first day.
    pub enrolled_on: NaiveDate,
    /// The last day.
    pub ended_on: Option<NaiveDate>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is as the row says; or it has ended since, which a file without a last day does not know.
    Nothing,
    /// This enrolment gets the row's days.
    Change(Held),
    /// A new one; the open one, if any, ends on this day for this reason.
    Begin(Option<(Held, NaiveDate, &'static str)>),
}

/// Why a row is refused: column, code, sentence.
pub type Refused = (&'static str, &'static str, &'static str);

/// Decides on a row.
///
/// # Errors
/// [`Refused`] when the student is in another class then.
pub fn decide(held: &[Held], wanted: &Wanted) -> Result<Step, Refused> {
    let free_but = |except: &[Uuid]| {
        let clash = |other: &&Held| !except.contains(&other.id) && overlap((other.enrolled_on, other.ended_on), (wanted.enrolled_on, wanted.ended_on));
        if held.iter().any(|other| clash(&other)) { Err(("enrolled_on", "overlaps", "the student was in another class on one of these days")) } else { Ok(()) }
    };
    if let Some(same) = held.iter().find(|other| other.class_id == wanted.class_id && other.enrolled_on == wanted.enrolled_on) {
        if wanted.ended_on.is_none() || wanted.ended_on == same.ended_on {
            return Ok(Step::Nothing);
        }
        return free_but(&[same.id]).map(|()| Step::Change(same.clone()));
    }
    let Some(open) = held.iter().find(|other| other.ended_on.is_none()) else {
        return free_but(&[]).map(|()| Step::Begin(None));
    };
    if open.class_id == wanted.class_id {
        return free_but(&[open.id]).map(|()| Step::Change(open.clone()));
    }
    if wanted.enrolled_on > open.enrolled_on {
        let reason = if open.school_year_id == wanted.school_year_id { "transferred" } else { "next_school_year" };
        let last = wanted.enrolled_on.checked_sub_days(Days::new(1)).unwrap_or(open.enrolled_on);
        return free_but(&[open.id]).map(|()| Step::Begin(Some((open.clone(), last, reason))));
    }
    if open.school_year_id == wanted.school_year_id {
        return Err(("class_name", "already_enrolled", "the student is in another class of this school year since that day or before; a transfer is later"));
    }
    free_but(&[]).map(|()| Step::Begin(None))
}

/// The class the student is in after the step, given the one before.
#[must_use]
pub fn class_after(step: &Step, wanted: &Wanted, before: Option<Uuid>) -> Option<Uuid> {
    match step {
        Step::Nothing => before,
        Step::Change(changed) if changed.ended_on.is_none() => wanted.ended_on.is_none().then_some(wanted.class_id),
        Step::Change(_) => before,
        Step::Begin(_) if wanted.ended_on.is_none() => Some(wanted.class_id),
        Step::Begin(Some(_)) => None,
        Step::Begin(None) => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(0xa);
    const B: Uuid = Uuid::from_u128(0xb);

    fn held(class_id: Uuid, year: u128, from: &str, to: &str) -> Held {
        Held { id: Uuid::from_u128(7), version: 1, class_id, school_year_id: Uuid::from_u128(year), enrolled_on: from.parse().unwrap(), ended_on: to.parse().ok() }
    }

    fn wanted(class_id: Uuid, year: u128, from: &str, to: &str) -> Wanted {
        Wanted { class_id, school_year_id: Uuid::from_u128(year), enrolled_on: from.parse().unwrap(), ended_on: to.parse().ok() }
    }

    #[test]
    fn the_same_row_again_changes_nothing_even_after_a_transfer() {
        let row = wanted(A, 1, "2025-09-05", "");
        assert_eq!(decide(&[], &row), Ok(Step::Begin(None)));
        assert_eq!(decide(&[held(A, 1, "2025-09-05", "")], &row), Ok(Step::Nothing));
        let moved = [held(A, 1, "2025-09-05", "2025-10-01"), held(B, 1, "2025-10-02", "")];
        assert_eq!(decide(&moved, &row), Ok(Step::Nothing));
        assert_eq!(class_after(&Step::Nothing, &row, Some(B)), Some(B));
    }

    #[test]
    fn another_class_of_the_school_year_is_a_transfer_only_when_it_is_later() {
        let before = held(A, 1, "2025-09-05", "");
        let later = wanted(B, 1, "2025-10-02", "");
        let step = decide(std::slice::from_ref(&before), &later).unwrap();
        assert_eq!(step, Step::Begin(Some((before.clone(), "2025-10-01".parse().unwrap(), "transferred"))));
        assert_eq!(class_after(&step, &later, Some(A)), Some(B));
        let refused = decide(&[before], &wanted(B, 1, "2025-09-05", "")).unwrap_err();
        assert_eq!((refused.0, refused.1), ("class_name", "already_enrolled"));
    }

    #[test]
    fn the_next_school_year_ends_the_one_before_and_a_past_one_is_added_beside_it() {
        let now = held(A, 2, "2025-09-05", "");
        let next = decide(std::slice::from_ref(&now), &wanted(B, 3, "2026-09-05", "")).unwrap();
        assert!(matches!(next, Step::Begin(Some((_, _, "next_school_year")))));
        let past = wanted(B, 1, "2024-09-05", "2025-05-31");
        assert_eq!(decide(std::slice::from_ref(&now), &past), Ok(Step::Begin(None)));
        assert_eq!(class_after(&Step::Begin(None), &past, Some(A)), Some(A));
        assert_eq!(decide(std::slice::from_ref(&now), &wanted(B, 1, "2024-09-05", "2025-09-05")).unwrap_err().1, "overlaps");
        assert_eq!(decide(&[now], &wanted(B, 1, "2024-09-05", "")).unwrap_err().1, "overlaps");
    }

    #[test]
    fn a_row_ends_or_redates_the_enrolment_in_its_class() {
        let now = held(A, 1, "2025-09-05", "");
        let ended = wanted(A, 1, "2025-09-05", "2025-09-12");
        let step = decide(std::slice::from_ref(&now), &ended).unwrap();
        assert_eq!(step, Step::Change(now.clone()));
        assert_eq!(class_after(&step, &ended, Some(A)), None);
        let redated = wanted(A, 1, "2025-09-08", "");
        assert_eq!(decide(std::slice::from_ref(&now), &redated), Ok(Step::Change(now.clone())));
        assert_eq!(class_after(&Step::Change(now), &redated, Some(A)), Some(A));
    }
}
