//! What a row of a file means for a student's enrolments: nothing, a change of one, or a new one that may end the open
//! one. No I/O.

use chrono::{Days, NaiveDate};
use registrar_store::StoreResult;
use uuid::Uuid;

use super::{
    ending::{EndCells, Ending, Seat},
    model::{EnrolmentRecord, overlap},
};

/// An enrolment the student has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: Uuid,
    /// Its version.
    pub version: i64,
    /// Its class.
    pub class_id: Uuid,
    /// Where its class was.
    pub seat: Seat,
    /// The first day.
    pub enrolled_on: NaiveDate,
    /// How it ended.
    pub ending: Ending,
}

impl Held {
    /// Its days.
    #[must_use]
    pub fn days(&self) -> (NaiveDate, Option<NaiveDate>) {
        (self.enrolled_on, self.ending.ended_on)
    }
}

impl From<EnrolmentRecord> for Held {
    fn from(row: EnrolmentRecord) -> Self {
        let columns = row.columns;
        Held { id: row.id, version: row.version, class_id: columns.class_id, seat: Seat::from(&row.copied), enrolled_on: columns.enrolled_on, ending: columns.ending }
    }
}

/// The enrolment that a row describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its class.
    pub class_id: Uuid,
    /// Where its class is.
    pub seat: Seat,
    /// The first day.
    pub enrolled_on: NaiveDate,
    /// What the row says of its end.
    pub end: EndCells,
}

impl Wanted {
    fn days(&self) -> (NaiveDate, Option<NaiveDate>) {
        (self.enrolled_on, self.end.ended_on)
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is as the row says; or it has ended since, which a file without a last day does not know.
    Nothing,
    /// This enrolment gets the row's first day and this end.
    Change(Held, Ending),
    /// A new one with this end; the open one, if any, ends so.
    Begin(Option<(Held, Ending)>, Ending),
}

impl Step {
    /// The rules of the end that the step writes.
    ///
    /// # Errors
    /// [`registrar_store::StoreError::Invalid`] naming the field.
    pub fn check(&self, wanted: &Wanted, today: NaiveDate) -> StoreResult<()> {
        match self {
            Step::Nothing => Ok(()),
            Step::Change(held, ending) => ending.check(wanted.enrolled_on, held.ending.end_kind, today),
            Step::Begin(_, ending) => ending.check(wanted.enrolled_on, None, today),
        }
    }
}

/// Why a row is refused: column, code, sentence.
pub type Refused = (&'static str, &'static str, &'static str);

/// Decides on a row.
///
/// # Errors
/// [`Refused`] when the student is in another class then.
pub fn decide(held: &[Held], wanted: &Wanted) -> Result<Step, Refused> {
    let free_but = |except: &[Uuid]| {
        let clash = |other: &&Held| !except.contains(&other.id) && overlap(other.days(), wanted.days());
        if held.iter().any(|other| clash(&other)) { Err(("enrolled_on", "overlaps", "the student was in another class on one of these days")) } else { Ok(()) }
    };
    if let Some(same) = held.iter().find(|other| other.class_id == wanted.class_id && other.enrolled_on == wanted.enrolled_on) {
        let ending = wanted.end.onto(&same.ending);
        if ending == same.ending {
            return Ok(Step::Nothing);
        }
        return free_but(&[same.id]).map(|()| Step::Change(same.clone(), ending));
    }
    let ending = wanted.end.onto(&Ending::default());
    let open = held.iter().find(|other| other.ending.ended_on.is_none());
    // What was over before the open one began is the past, whatever class it was in.
    let Some(open) = open.filter(|open| overlap(open.days(), wanted.days())) else {
        return free_but(&[]).map(|()| Step::Begin(None, ending));
    };
    if open.class_id == wanted.class_id {
        return free_but(&[open.id]).map(|()| Step::Change(open.clone(), ending));
    }
    if wanted.enrolled_on > open.enrolled_on {
        let last = wanted.enrolled_on.checked_sub_days(Days::new(1)).unwrap_or(open.enrolled_on);
        let ended = Ending::followed(last, (open.seat, wanted.seat), None);
        return free_but(&[open.id]).map(|()| Step::Begin(Some((open.clone(), ended)), ending));
    }
    if open.seat.school_year_id == wanted.seat.school_year_id {
        return Err(("class_name", "already_enrolled", "the student is in another class of this school year since that day or before; a transfer is later"));
    }
    free_but(&[]).map(|()| Step::Begin(None, ending))
}

/// The class the student is in after the step, given the one before.
#[must_use]
pub fn class_after(step: &Step, wanted: &Wanted, before: Option<Uuid>) -> Option<Uuid> {
    match step {
        Step::Change(changed, ending) if changed.ending.ended_on.is_none() => ending.ended_on.is_none().then_some(wanted.class_id),
        Step::Nothing | Step::Change(..) => before,
        Step::Begin(_, ending) if ending.ended_on.is_none() => Some(wanted.class_id),
        Step::Begin(Some(_), _) => None,
        Step::Begin(None, _) => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrolments::ending::EnrolmentEnd;

    const A: Uuid = Uuid::from_u128(0xa);
    const B: Uuid = Uuid::from_u128(0xb);

    /// A class of the grade that the school year is numbered after.
    fn seat(year: i16) -> Seat {
        Seat { unit_id: Uuid::nil(), school_year_id: Uuid::from_u128(u128::from(year.unsigned_abs())), education_level: None, grade: Some(year) }
    }

    fn ended(to: &str, kind: EnrolmentEnd) -> Ending {
        Ending { ended_on: to.parse().ok(), end_kind: Some(kind), ..Ending::default() }
    }

    fn held(class_id: Uuid, year: i16, from: &str, ending: Ending) -> Held {
        Held { id: Uuid::from_u128(7), version: 1, class_id, seat: seat(year), enrolled_on: from.parse().unwrap(), ending }
    }

    fn wanted(class_id: Uuid, year: i16, from: &str, to: &str) -> Wanted {
        let kind = to.parse::<NaiveDate>().ok().map(|_| EnrolmentEnd::Left);
        let end = EndCells { ended_on: to.parse().ok(), end_kind: Some(kind), ..EndCells::default() };
        Wanted { class_id, seat: seat(year), enrolled_on: from.parse().unwrap(), end }
    }

    #[test]
    fn the_same_row_again_changes_nothing_even_after_a_transfer() {
        let row = wanted(A, 1, "2025-09-05", "");
        assert_eq!(decide(&[], &row), Ok(Step::Begin(None, Ending::default())));
        assert_eq!(decide(&[held(A, 1, "2025-09-05", Ending::default())], &row), Ok(Step::Nothing));
        let moved = [held(A, 1, "2025-09-05", ended("2025-10-01", EnrolmentEnd::ClassMove)), held(B, 1, "2025-10-02", Ending::default())];
        assert_eq!(decide(&moved, &row), Ok(Step::Nothing));
        assert_eq!(class_after(&Step::Nothing, &row, Some(B)), Some(B));
    }

    #[test]
    fn another_class_of_the_school_year_is_a_transfer_only_when_it_is_later() {
        let before = held(A, 1, "2025-09-05", Ending::default());
        let later = wanted(B, 1, "2025-10-02", "");
        let step = decide(std::slice::from_ref(&before), &later).unwrap();
        assert_eq!(step, Step::Begin(Some((before.clone(), ended("2025-10-01", EnrolmentEnd::ClassMove))), Ending::default()));
        assert_eq!(class_after(&step, &later, Some(A)), Some(B));
        let refused = decide(std::slice::from_ref(&before), &wanted(B, 1, "2025-09-05", "")).unwrap_err();
        assert_eq!((refused.0, refused.1), ("class_name", "already_enrolled"));
        // What was over before is the past, also of the same class.
        for class in [A, B] {
            let past = wanted(class, 1, "2025-08-01", "2025-09-04");
            assert_eq!(decide(std::slice::from_ref(&before), &past), Ok(Step::Begin(None, ended("2025-09-04", EnrolmentEnd::Left))));
        }
    }

    #[test]
    fn the_next_school_year_ends_the_one_before_and_a_past_one_is_added_beside_it() {
        let now = held(A, 2, "2025-09-05", Ending::default());
        let next = decide(std::slice::from_ref(&now), &wanted(B, 3, "2026-09-05", "")).unwrap();
        assert!(matches!(next, Step::Begin(Some((_, ending)), _) if ending == ended("2026-09-04", EnrolmentEnd::Promoted)));
        let past = wanted(B, 1, "2024-09-05", "2025-05-31");
        let step = decide(std::slice::from_ref(&now), &past).unwrap();
        assert_eq!(step, Step::Begin(None, ended("2025-05-31", EnrolmentEnd::Left)));
        assert_eq!(class_after(&step, &past, Some(A)), Some(A));
        assert_eq!(decide(std::slice::from_ref(&now), &wanted(B, 1, "2024-09-05", "2025-09-05")).unwrap_err().1, "overlaps");
        assert_eq!(decide(&[now], &wanted(B, 1, "2024-09-05", "")).unwrap_err().1, "overlaps");
    }

    #[test]
    fn a_row_ends_or_redates_the_enrolment_in_its_class() {
        let now = held(A, 1, "2025-09-05", Ending::default());
        let over = wanted(A, 1, "2025-09-05", "2025-09-12");
        let step = decide(std::slice::from_ref(&now), &over).unwrap();
        assert_eq!(step, Step::Change(now.clone(), ended("2025-09-12", EnrolmentEnd::Left)));
        assert_eq!(class_after(&step, &over, Some(A)), None);
        let redated = wanted(A, 1, "2025-09-08", "");
        let step = decide(std::slice::from_ref(&now), &redated).unwrap();
        assert_eq!(step, Step::Change(now, Ending::default()));
        assert_eq!(class_after(&step, &redated, Some(A)), Some(A));
    }

    #[test]
    fn another_kind_of_end_is_a_change_and_none_is_refused() {
        let over = held(A, 1, "2025-09-05", ended("2025-09-12", EnrolmentEnd::Unknown));
        let left = wanted(A, 1, "2025-09-05", "2025-09-12");
        assert_eq!(decide(std::slice::from_ref(&over), &left), Ok(Step::Change(over.clone(), ended("2025-09-12", EnrolmentEnd::Left))));
        let silent = Wanted { end: EndCells { ended_on: over.ending.ended_on, ..EndCells::default() }, ..left };
        assert_eq!(decide(std::slice::from_ref(&over), &silent), Ok(Step::Nothing), "a file without the column says nothing of it");
        let step = decide(&[], &silent).unwrap();
        assert!(step.check(&silent, "2025-09-15".parse().unwrap()).is_err());
    }
}
