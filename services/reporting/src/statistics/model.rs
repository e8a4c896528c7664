//! The rows that events make. Texts are empty where a record has nothing; what has no last day lasts to infinity.

use chrono::{Datelike, NaiveDate};
use registrar_domain::Period;
use registrar_events::{
    ApplyError, Event,
    contracts::{
        personnel::{PrimaryEmployment, StaffStatistics},
        students::{Enrolment, StudentStatistics},
    },
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    copies::fields,
    headcounts::model::{Dimension, Subject},
};

/// The row of a member of staff, counted in each primary employment on its days and nowhere else: who also teaches at
/// another school is not counted there (rules 4.3, S3-056, S3-057).
///
/// # Errors
/// [`ApplyError::Poison`] when the event is not what the contract says.
pub fn staff(event: &Event) -> Result<Map<String, Value>, ApplyError> {
    let staff: StaffStatistics = event.decode()?;
    let birth_year = year("birth_date", &staff.birth_date)?;
    let present = staff.employments.last();
    let mut employments = Vec::new();
    for (place, employment) in staff.employments.iter().enumerate() {
        let unit = uuid("unit_id", &employment.unit_id)?;
        let from = date("started_on", &employment.started_on)?;
        let to = employment.ended_on.as_deref().map(|text| date("ended_on", text)).transpose()?;
        let ended = event.ended && place + 1 == staff.employments.len();
        if let Some(days) = counted(from, to, ended) {
            employments.push(json!({
                "unit_id": unit, "education_level": text(employment.education_level.as_ref()), "dimensions": dimensions(&staff, employment, &birth_year),
                "from_date": days.from(), "to_date": last_day(&days),
            }));
        }
    }
    Ok(fields(json!({
        "unit_id": present.map(|employment| uuid("unit_id", &employment.unit_id)).transpose()?,
        "education_level": present.map(|employment| text(employment.education_level.as_ref())).unwrap_or_default(),
        "identity_status": staff.identity_status, "missing": staff.missing, "ended": event.ended, "employments": employments,
    })))
}

/// By what somebody is counted in an employment, in the order of the subject's dimensions.
fn dimensions<'a>(staff: &'a StaffStatistics, employment: &'a PrimaryEmployment, birth_year: &'a str) -> Vec<&'a str> {
    let value = |dimension: &Dimension| match dimension {
        Dimension::Gender => &staff.gender,
        Dimension::AgeBand => birth_year,
        Dimension::EthnicGroup => text(staff.ethnic_group.as_ref()),
        Dimension::PolicyCategory => text(staff.policy_category.as_ref()),
        Dimension::PositionGroup => &employment.position_group,
        Dimension::Position => &employment.position,
        Dimension::ContractForm => text(employment.contract_form.as_ref()),
        Dimension::Qualification => text(staff.qualification.as_ref()),
        Dimension::TrainingStandard => text(staff.training_standard.as_ref()),
        Dimension::Unit | Dimension::EducationLevel | Dimension::Grade => "",
    };
    Subject::Staff.dimensions().iter().map(value).collect()
}

/// The row of an enrolment.
///
/// # Errors
/// [`ApplyError::Poison`] when the event is not what the contract says.
pub fn enrolment(event: &Event) -> Result<Map<String, Value>, ApplyError> {
    let enrolment: Enrolment = event.decode()?;
    let from = date("enrolled_on", &enrolment.enrolled_on)?;
    let to = enrolment.ended_on.as_deref().map(|text| date("ended_on", text)).transpose()?;
    let days = counted(from, to, event.ended || enrolment.status == "ended");
    Ok(fields(json!({
        "student_id": uuid("student_id", &enrolment.student_id)?, "unit_id": uuid("unit_id", &enrolment.unit_id)?,
        "education_level": enrolment.education_level, "grade": enrolment.grade.unwrap_or_default(), "gender": enrolment.gender,
        "from_date": days.map(|days| days.from()), "to_date": days.map_or_else(|| "infinity".to_owned(), |days| last_day(&days)),
    })))
}

/// The row of a student, for all enrolments of theirs.
///
/// # Errors
/// [`ApplyError::Poison`] when the event is not what the contract says.
pub fn student(event: &Event) -> Result<Map<String, Value>, ApplyError> {
    let student: StudentStatistics = event.decode()?;
    Ok(fields(json!({
        "unit_id": uuid("unit_id", &student.unit_id)?, "education_level": student.education_level.unwrap_or_default(),
        "gender": student.gender, "birth_year": year("birth_date", &student.birth_date)?,
        "ethnic_group": student.ethnic_group.unwrap_or_default(), "policy_category": student.policy_category.unwrap_or_default(),
        "identity_status": student.identity_status, "missing": student.missing, "ended": event.ended || student.status == "ended",
    })))
}

/// What ended without a day was withdrawn, as if it had never been; so was what ended before it began.
fn counted(from: NaiveDate, to: Option<NaiveDate>, ended: bool) -> Option<Period> {
    if ended && to.is_none() { None } else { Period::new(from, to).ok() }
}

fn last_day(days: &Period) -> String {
    days.to().map_or_else(|| "infinity".to_owned(), |to| to.to_string())
}

fn text(value: Option<&String>) -> &str {
    value.map(String::as_str).unwrap_or_default()
}

fn uuid(field: &str, text: &str) -> Result<Uuid, ApplyError> {
    text.parse().map_err(|_| ApplyError::Poison(format!("{field} is not a UUID")))
}

fn date(field: &str, text: &str) -> Result<NaiveDate, ApplyError> {
    text.parse().map_err(|_| ApplyError::Poison(format!("{field} is not a date")))
}

fn year(field: &str, text: &str) -> Result<String, ApplyError> {
    Ok(date(field, text)?.year().to_string())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use prost::Message;

    use super::*;

    const UNIT: Uuid = Uuid::from_u128(5);

    fn event(aggregate: &str, ended: bool, payload: Vec<u8>) -> Event {
        Event {
            aggregate: aggregate.to_owned(),
            id: Uuid::from_u128(1),
            tenant_id: Uuid::from_u128(2),
            epoch: 1,
            version: 1,
            ended,
            occurred_at: DateTime::UNIX_EPOCH,
            payload,
            traceparent: None,
            resync: false,
        }
    }

    fn employment(unit: u128, from: &str, to: Option<&str>) -> PrimaryEmployment {
        PrimaryEmployment {
            unit_id: Uuid::from_u128(unit).to_string(),
            education_level: Some("TH".into()),
            position: "teacher".into(),
            position_group: "teacher".into(),
            contract_form: Some("vn-contract-form/1/1".into()),
            started_on: from.into(),
            ended_on: to.map(str::to_owned),
        }
    }

    fn member(employments: Vec<PrimaryEmployment>) -> StaffStatistics {
        StaffStatistics {
            gender: "female".into(),
            birth_date: "1990-04-30".into(),
            ethnic_group: Some("vn-ethnic/2008/01".into()),
            identity_status: "verified".into(),
            missing: vec!["phone".into()],
            employments,
            ..StaffStatistics::default()
        }
    }

    fn row_of(member: &StaffStatistics, ended: bool) -> Map<String, Value> {
        staff(&event("personnel.staff_statistics", ended, member.encode_to_vec())).unwrap()
    }

    #[test]
    fn staff_counts_in_each_primary_employment_on_its_days() {
        let row = row_of(&member(vec![employment(5, "2012-09-01", Some("2020-08-14")), employment(6, "2020-08-15", None)]), false);
        let dimensions = json!(["female", "teacher", "1990", "vn-ethnic/2008/01", "", "teacher", "vn-contract-form/1/1", "", ""]);
        assert_eq!(
            row["employments"],
            json!([
                {"unit_id": UNIT, "education_level": "TH", "dimensions": dimensions, "from_date": "2012-09-01", "to_date": "2020-08-14"},
                {"unit_id": Uuid::from_u128(6), "education_level": "TH", "dimensions": dimensions, "from_date": "2020-08-15", "to_date": "infinity"},
            ])
        );
        assert_eq!((&row["unit_id"], &row["missing"], &row["ended"]), (&json!(Uuid::from_u128(6)), &json!(["phone"]), &json!(false)));
    }

    #[test]
    fn what_was_withdrawn_or_ended_before_it_began_is_counted_on_no_day() {
        let counted = |employments, ended| row_of(&member(employments), ended)["employments"].as_array().unwrap().len();
        assert_eq!(counted(vec![employment(5, "2012-09-01", Some("2020-08-14")), employment(6, "2020-08-15", None)], true), 1);
        assert_eq!(counted(vec![employment(5, "2020-08-15", Some("2020-08-14"))], false), 0);
        assert_eq!(counted(vec![employment(5, "2020-08-15", Some("2020-08-15"))], true), 1);
        assert_eq!((counted(Vec::new(), false), row_of(&member(Vec::new()), false)["unit_id"].clone()), (0, Value::Null));
    }

    #[test]
    fn an_enrolment_is_counted_under_its_grade() {
        let enrolment = Enrolment {
            student_id: Uuid::from_u128(7).to_string(),
            unit_id: UNIT.to_string(),
            education_level: "THCS".into(),
            grade: Some("6".into()),
            gender: "male".into(),
            enrolled_on: "2025-09-05".into(),
            status: "active".into(),
            ..Enrolment::default()
        };
        let row = |enrolment: &Enrolment| super::enrolment(&event("students.enrolment", false, enrolment.encode_to_vec())).unwrap();
        let found = row(&enrolment);
        assert_eq!((&found["grade"], &found["from_date"], &found["to_date"]), (&json!("6"), &json!("2025-09-05"), &json!("infinity")));
        let preschool = Enrolment { grade: None, ended_on: Some("2025-09-05".into()), ..enrolment.clone() };
        assert_eq!((&row(&preschool)["grade"], &row(&preschool)["to_date"]), (&json!(""), &json!("2025-09-05")));
        let withdrawn = Enrolment { status: "ended".into(), ..enrolment };
        assert_eq!(row(&withdrawn)["from_date"], Value::Null);
    }

    #[test]
    fn what_is_not_the_contract_is_poison() {
        let started = |started_on: &str| employment(5, started_on, None);
        for spoilt in [
            StaffStatistics { birth_date: "1990".into(), ..member(Vec::new()) },
            member(vec![PrimaryEmployment { unit_id: "5".into(), ..started("2020-08-15") }]),
            member(vec![started("15/08/2020")]),
            member(vec![PrimaryEmployment { ended_on: Some(String::new()), ..started("2020-08-15") }]),
        ] {
            assert!(matches!(staff(&event("personnel.staff_statistics", false, spoilt.encode_to_vec())), Err(ApplyError::Poison(_))));
        }
        assert!(matches!(enrolment(&event("students.enrolment", false, Enrolment::default().encode_to_vec())), Err(ApplyError::Poison(_))));
        assert!(matches!(student(&event("students.student_statistics", false, StudentStatistics::default().encode_to_vec())), Err(ApplyError::Poison(_))));
    }
}
