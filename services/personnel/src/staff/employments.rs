//! Where somebody worked before, and where else they work: dated, so that a move never erases the past (rules 4.3).
//!
//! A person has one primary employment at a time, and statistics count heads there; any number of secondary ones
//! (dạy liên trường, thỉnh giảng; S3-056, S3-057) are kept beside it.

use chrono::{Days, NaiveDate};
use registrar_codes::fields::ContractForm;
use registrar_domain::{EducationLevel, Period, UnitId};
use registrar_store::{Json, StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{model::StaffInput, position::Position};

/// An employment besides the present primary one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Employment {
    /// The unit.
    pub unit_id: UnitId,
    /// What they work as there.
    pub position: Position,
    /// The education level they work for there.
    pub education_level: Option<EducationLevel>,
    /// Contract form; left out for a secondary employment, it is a visiting one (thỉnh giảng).
    pub contract_form: Option<ContractForm>,
    /// The first day.
    pub started_on: NaiveDate,
    /// The last day; a former employment has one.
    pub ended_on: Option<NaiveDate>,
    /// Why it ended.
    #[schema(min_length = 1, max_length = 500)]
    pub end_reason: Option<String>,
}

impl Employment {
    fn period(&self, pointer: &str) -> StoreResult<Period> {
        Period::new(self.started_on, self.ended_on).map_err(|error| invalid(format!("{pointer}/ended_on"), error.code(), error.to_string()))
    }
}

fn invalid(pointer: String, code: &'static str, detail: impl Into<String>) -> StoreError {
    StoreError::Invalid { pointer, code, detail: detail.into() }
}

/// Former employments of a record.
const MOST: usize = 50;

/// The rules between employments: former ones are over before the next begins, secondary ones are elsewhere.
///
/// # Errors
/// [`StoreError::Invalid`] naming the field.
pub fn check(input: &StaffInput) -> StoreResult<()> {
    // A move adds one to those that were sent.
    if input.former_employments.0.len() > MOST {
        return Err(invalid("/former_employments".into(), "too_many", "a record has at most 50 former employments"));
    }
    let present = Period::new(input.started_on, input.ended_on).map_err(|error| invalid("/ended_on".into(), error.code(), error.to_string()))?;
    let mut primary = vec![present];
    for (place, former) in input.former_employments.0.iter().enumerate() {
        let pointer = format!("/former_employments/{place}");
        if former.ended_on.is_none() {
            return Err(invalid(format!("{pointer}/ended_on"), "required", "a former employment has a last day"));
        }
        let period = former.period(&pointer)?;
        if primary.iter().any(|other| other.overlaps(&period)) {
            return Err(invalid(pointer, "overlaps", "another primary employment has days in common with it: one person has one at a time"));
        }
        primary.push(period);
    }
    for (place, secondary) in input.secondary_employments.0.iter().enumerate() {
        let pointer = format!("/secondary_employments/{place}");
        let period = secondary.period(&pointer)?;
        if secondary.unit_id == input.unit_id && period.overlaps(&present) {
            return Err(invalid(format!("{pointer}/unit_id"), "not_elsewhere", "the primary employment is at this unit"));
        }
        let again =
            input.secondary_employments.0.iter().take(place).any(|other| other.unit_id == secondary.unit_id && other.period(&pointer).is_ok_and(|days| days.overlaps(&period)));
        if again {
            return Err(invalid(pointer, "overlaps", "another secondary employment at this unit has days in common with it"));
        }
    }
    Ok(())
}

/// Keeps the employment that a change replaces. A later first day together with another unit or position, or after an
/// end, is a new employment: the one before becomes a former one until the day before. Without a later first day the
/// change is a correction and nothing is kept but its history.
pub fn succeed(before: &StaffInput, input: &mut StaffInput) {
    let elsewhere = before.unit_id != input.unit_id || before.position != input.position;
    let returns = before.ended_on.is_some_and(|ended| input.started_on > ended);
    if input.started_on <= before.started_on || !(elsewhere || returns) {
        return;
    }
    let eve = input.started_on.checked_sub_days(Days::new(1)).unwrap_or(before.started_on);
    let last = before.ended_on.map_or(eve, |ended| ended.min(eve));
    let reason = if before.unit_id == input.unit_id { "another position" } else { "moved to another unit" };
    input.former_employments.0.push(Employment {
        unit_id: before.unit_id,
        position: before.position,
        education_level: before.education_level,
        contract_form: before.terms.contract_form.clone(),
        started_on: before.started_on,
        ended_on: Some(last),
        end_reason: before.end_reason.clone().or_else(|| Some(reason.to_owned())),
    });
}

/// Secondary employments with their usual contract form, where none was given: visiting (thỉnh giảng; S3-056, S3-057).
#[must_use]
pub fn completed(employments: &Json<Vec<Employment>>) -> Json<Vec<Employment>> {
    let mut employments = employments.clone();
    for employment in &mut employments.0 {
        if employment.contract_form.is_none() {
            employment.contract_form = ContractForm::parse(VISITING).ok();
        }
    }
    employments
}

/// The contract form of those who teach at other schools than their own.
const VISITING: &str = "vn-contract-form/1/5";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staff::model::tests::input;

    fn on(day: &str) -> NaiveDate {
        day.parse().unwrap()
    }

    fn at(unit: u128, from: &str, to: &str) -> Employment {
        let unit_id = uuid::Uuid::from_u128(unit).into();
        Employment { unit_id, position: Position::Teacher, education_level: None, contract_form: None, started_on: on(from), ended_on: to.parse().ok(), end_reason: None }
    }

    fn code(input: &StaffInput) -> &'static str {
        match check(input) {
            Err(StoreError::Invalid { code, .. }) => code,
            _ => "",
        }
    }

    #[test]
    fn a_move_with_a_later_first_day_keeps_the_employment_before() {
        // S3-056: one primary employment at a time; the past stays.
        let before = input();
        let mut moved = StaffInput { unit_id: uuid::Uuid::from_u128(9).into(), started_on: on("2024-08-15"), ..input() };
        succeed(&before, &mut moved);
        let former = &moved.former_employments.0[0];
        assert_eq!((former.unit_id, former.started_on, former.ended_on), (before.unit_id, before.started_on, Some(on("2024-08-14"))));
        assert_eq!(code(&moved), "");
        let mut corrected = StaffInput { unit_id: uuid::Uuid::from_u128(9).into(), ..input() };
        succeed(&before, &mut corrected);
        assert!(corrected.former_employments.0.is_empty(), "the same first day: the unit was wrong");
        let mut later = StaffInput { started_on: on("2024-08-15"), ..input() };
        succeed(&before, &mut later);
        assert!(later.former_employments.0.is_empty(), "the same place: the day was wrong");
    }

    #[test]
    fn who_comes_back_has_worked_here_before() {
        let before = StaffInput { ended_on: Some(on("2020-05-31")), end_reason: Some("nghỉ việc".into()), ..input() };
        let mut back = StaffInput { started_on: on("2024-08-15"), ..input() };
        succeed(&before, &mut back);
        assert_eq!((back.former_employments.0[0].ended_on, back.former_employments.0[0].end_reason.as_deref()), (Some(on("2020-05-31")), Some("nghỉ việc")));
    }

    #[test]
    fn one_primary_employment_at_a_time_and_secondary_ones_elsewhere() {
        let with = |former: Vec<Employment>, secondary: Vec<Employment>| StaffInput { former_employments: Json(former), secondary_employments: Json(secondary), ..input() };
        assert_eq!(code(&with(vec![at(7, "2001-01-01", "2005-01-01")], vec![at(7, "2020-01-01", ""), at(8, "2020-01-01", "")])), "");
        assert_eq!(code(&with(vec![at(7, "2001-01-01", "2019-01-01")], vec![])), "overlaps");
        assert_eq!(code(&with(vec![at(7, "2001-01-01", "")], vec![])), "required");
        assert_eq!(code(&with(vec![at(7, "2001-01-01", "2001-01-01"); MOST + 1], vec![])), "too_many");
        assert_eq!(code(&with(vec![], vec![at(1, "2020-01-01", "")])), "not_elsewhere");
        assert_eq!(code(&with(vec![], vec![at(7, "2020-01-01", ""), at(7, "2021-01-01", "")])), "overlaps");
    }

    #[test]
    fn teaching_at_another_school_is_visiting() {
        // S3-056, S3-057: the other schools enter cross-school and college teachers as visiting.
        let employments = completed(&Json(vec![at(7, "2020-01-01", "")]));
        assert_eq!(employments.0[0].contract_form.as_ref().unwrap().entry().unwrap().names.0[0], "Thỉnh giảng");
    }
}
