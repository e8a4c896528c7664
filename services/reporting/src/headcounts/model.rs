//! What is counted, by what, and the fact that an event makes.

use chrono::NaiveDate;
use registrar_domain::Period;
use registrar_events::{
    ApplyError, Event,
    contracts::{personnel::Staff, students::Enrolment},
};
use uuid::Uuid;

registrar_domain::text_enum! {
    /// Who is counted.
    Subject {
        /// Staff records (cán bộ quản lý, giáo viên, nhân viên; 教职工), each in its own unit only: who also teaches
        /// elsewhere is not counted there (S3-056).
        Staff = "staff",
        /// Enrolments in classes (học sinh, 学生).
        Students = "students",
    }
}

registrar_domain::text_enum! {
    /// What a headcount is divided by.
    Dimension {
        /// The units below the one asked for, each with everything below it (đơn vị, 单位).
        Unit = "unit",
        /// The education level (cấp học, 学段).
        EducationLevel = "education_level",
        /// The gender (giới tính, 性别).
        Gender = "gender",
        /// The grade of students (khối lớp, 年级).
        Grade = "grade",
        /// The group of a staff position: managers, teachers, employees (CBQL, GV, NV; S2-005).
        PositionGroup = "position_group",
    }
}

impl Subject {
    /// The service whose events keep the figures, and the aggregate.
    #[must_use]
    pub const fn aggregate(self) -> &'static str {
        match self {
            Subject::Staff => "personnel.staff",
            Subject::Students => "students.enrolment",
        }
    }

    /// Whether this subject has the dimension.
    #[must_use]
    pub const fn has(self, dimension: Dimension) -> bool {
        match dimension {
            Dimension::Grade => matches!(self, Subject::Students),
            Dimension::PositionGroup => matches!(self, Subject::Staff),
            Dimension::Unit | Dimension::EducationLevel | Dimension::Gender => true,
        }
    }
}

/// The first day of a record of which none is told: it counts on every day before its last.
pub const EVER: NaiveDate = match NaiveDate::from_ymd_opt(1, 1, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// Where one record is counted, and when. Texts are empty where the record has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// In which unit; it need not have arrived yet.
    pub unit: Uuid,
    /// Under which education level.
    pub education_level: String,
    /// Under which gender.
    pub gender: String,
    /// Of staff: the group of the position; of students: the grade.
    pub category: String,
    /// From which day to which; on no day when absent.
    pub counted: Option<Period>,
}

/// The fact of a staff record. Who is on leave is counted, whoever ended is until the last day.
///
/// # Errors
/// [`ApplyError::Poison`] when the event is not what the contract says.
pub fn staff(event: &Event) -> Result<Fact, ApplyError> {
    let staff: Staff = event.decode()?;
    let from = staff.started_on.as_deref().map_or(Ok(EVER), |text| date("started_on", text))?;
    let to = staff.ended_on.as_deref().map(|text| date("ended_on", text)).transpose()?;
    Ok(Fact {
        unit: unit(&staff.unit_id)?,
        education_level: staff.education_level.unwrap_or_default(),
        gender: staff.gender,
        category: staff.position_group.unwrap_or_default(),
        counted: counted(from, to, event.ended || staff.status == "ended"),
    })
}

/// The fact of an enrolment.
///
/// # Errors
/// [`ApplyError::Poison`] when the event is not what the contract says.
pub fn enrolment(event: &Event) -> Result<Fact, ApplyError> {
    let enrolment: Enrolment = event.decode()?;
    let from = date("enrolled_on", &enrolment.enrolled_on)?;
    let to = enrolment.ended_on.as_deref().map(|text| date("ended_on", text)).transpose()?;
    Ok(Fact {
        unit: unit(&enrolment.unit_id)?,
        education_level: enrolment.education_level,
        gender: enrolment.gender,
        category: enrolment.grade.unwrap_or_default(),
        counted: counted(from, to, event.ended || enrolment.status == "ended"),
    })
}

/// What ended without a day was withdrawn, as if it had never been; so was what ended before it began.
fn counted(from: NaiveDate, to: Option<NaiveDate>, ended: bool) -> Option<Period> {
    if ended && to.is_none() { None } else { Period::new(from, to).ok() }
}

fn unit(text: &str) -> Result<Uuid, ApplyError> {
    text.parse().map_err(|_| ApplyError::Poison("unit_id is not a UUID".to_owned()))
}

fn date(field: &str, text: &str) -> Result<NaiveDate, ApplyError> {
    text.parse().map_err(|_| ApplyError::Poison(format!("{field} is not a date")))
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

    fn member() -> Staff {
        Staff {
            gender: "female".into(),
            position_group: Some("teacher".into()),
            education_level: Some("TH".into()),
            unit_id: UNIT.to_string(),
            status: "active".into(),
            started_on: Some("2020-08-15".into()),
            ..Staff::default()
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn counted_of(staff_record: Staff, ended: bool) -> Option<Period> {
        staff(&event("personnel.staff", ended, staff_record.encode_to_vec())).unwrap().counted
    }

    #[test]
    fn a_member_of_staff_is_counted_from_the_first_day_to_the_last_one() {
        let fact = staff(&event("personnel.staff", false, member().encode_to_vec())).unwrap();
        assert_eq!((fact.unit, fact.education_level.as_str(), fact.gender.as_str(), fact.category.as_str()), (UNIT, "TH", "female", "teacher"));
        assert_eq!(fact.counted, Some(Period::starting(day("2020-08-15"))));
        let left = Staff { status: "ended".into(), ended_on: Some("2025-06-30".into()), ..member() };
        assert_eq!(counted_of(left, true), Period::new(day("2020-08-15"), Some(day("2025-06-30"))).ok());
        let on_leave = Staff { status: "on_leave".into(), ..member() };
        assert_eq!(counted_of(on_leave, false), Some(Period::starting(day("2020-08-15"))));
        assert_eq!(counted_of(Staff { started_on: None, ..member() }, false), Some(Period::starting(EVER)));
    }

    #[test]
    fn what_was_withdrawn_or_ended_before_it_began_is_counted_on_no_day() {
        assert_eq!(counted_of(Staff { status: "ended".into(), ..member() }, true), None);
        assert_eq!(counted_of(member(), true), None);
        assert_eq!(counted_of(Staff { ended_on: Some("2020-08-14".into()), ..member() }, true), None);
    }

    #[test]
    fn an_enrolment_is_counted_under_its_grade() {
        let enrolment = Enrolment {
            unit_id: UNIT.to_string(),
            education_level: "THCS".into(),
            grade: Some("6".into()),
            gender: "male".into(),
            enrolled_on: "2025-09-05".into(),
            status: "active".into(),
            ..Enrolment::default()
        };
        let fact = super::enrolment(&event("students.enrolment", false, enrolment.encode_to_vec())).unwrap();
        assert_eq!((fact.education_level.as_str(), fact.category.as_str(), fact.counted), ("THCS", "6", Some(Period::starting(day("2025-09-05")))));
        let preschool = Enrolment { grade: None, ended_on: Some("2025-09-05".into()), ..enrolment };
        let fact = super::enrolment(&event("students.enrolment", false, preschool.encode_to_vec())).unwrap();
        assert_eq!((fact.category.as_str(), fact.counted), ("", Period::new(day("2025-09-05"), Some(day("2025-09-05"))).ok()));
    }

    #[test]
    fn what_is_not_the_contract_is_poison() {
        for spoilt in [Staff { unit_id: "5".into(), ..member() }, Staff { started_on: Some("15/08/2020".into()), ..member() }, Staff { ended_on: Some(String::new()), ..member() }]
        {
            assert!(matches!(staff(&event("personnel.staff", false, spoilt.encode_to_vec())), Err(ApplyError::Poison(_))));
        }
        assert!(matches!(enrolment(&event("students.enrolment", false, Enrolment::default().encode_to_vec())), Err(ApplyError::Poison(_))));
    }
}
