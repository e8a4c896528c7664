//! A staff record and the rules that need nothing else.

use chrono::{Datelike, NaiveDate};
use compact_str::CompactString;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_codes::identifier::Identifier;
use registrar_domain::{Code, EducationLevel, EmailAddress, Finding, Gender, IdentityStatus, PersonName, PersonalNumber, PhoneNumber, UnitId};
use registrar_store::{Json, StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    details::{StaffPersonal, StaffSensitive, StaffTeaching, StaffTerms, StaffTraining},
    employments::{self, Employment},
    position::Position,
};
use crate::schema::staff;

registrar_domain::text_enum! {
    /// Where a record is in its life.
    StaffStatus {
        /// Works.
        Active = "active",
        /// Away for a time (nghỉ phép dài hạn, thai sản, biệt phái).
        OnLeave = "on_leave",
        /// Left; `ended_on` and `end_reason` say when and why.
        Ended = "ended",
    }
}

/// What is entered of a staff record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffInput {
    /// Staff code (số hiệu cán bộ, 教职工号; S0-014), unique in the tenant.
    pub code: Code,
    /// Full name (họ và tên, 姓名; S0-013, S1-009).
    pub full_name: PersonName,
    /// Date of birth (ngày sinh; S1-011).
    pub birth_date: NaiveDate,
    /// Gender (giới tính; S1-013).
    pub gender: Gender,
    /// Personal number (số định danh cá nhân, 身份证号; S1-010), unique in the tenant. Its gender and birth year must agree with the record's.
    pub personal_number: Option<PersonalNumber>,
    /// Mobile phone (điện thoại; S1-020).
    pub phone: Option<PhoneNumber>,
    /// E-mail (S1-021).
    pub email: Option<EmailAddress>,
    /// What they work as (S1-030).
    pub position: Position,
    /// The education level they work for; left out where a unit has one level or none.
    pub education_level: Option<EducationLevel>,
    /// The unit they belong to.
    pub unit_id: UnitId,
    /// First day of work in the unit (S1-026).
    pub started_on: NaiveDate,
    /// Where the record is in its life.
    pub status: StaffStatus,
    /// Last day of work; with `status` ended, and only then.
    pub ended_on: Option<NaiveDate>,
    /// Why it ended; with `status` ended, and only then.
    #[schema(min_length = 1, max_length = 500)]
    pub end_reason: Option<String>,
    /// Whether the personal number agrees with the national population database (S2-006). It becomes unverified again
    /// when name, birth date, gender or number change.
    #[serde(default = "unverified")]
    pub identity_status: IdentityStatus,
    /// When that was checked; with any status but unverified, and only then.
    pub identity_checked_on: Option<NaiveDate>,
    /// Who somebody is.
    #[serde(default)]
    pub personal: StaffPersonal,
    /// What the law calls sensitive.
    #[serde(default)]
    pub sensitive: StaffSensitive,
    /// On what terms somebody works.
    #[serde(default)]
    pub terms: StaffTerms,
    /// What somebody has learnt.
    #[serde(default)]
    #[schema(value_type = StaffTraining)]
    pub training: Json<StaffTraining>,
    /// What somebody teaches.
    #[serde(default)]
    pub teaching: StaffTeaching,
    /// The primary employments before the present one. A change that names another unit or position with a later
    /// `started_on` adds the present one here by itself.
    #[serde(default)]
    #[schema(value_type = Vec<Employment>, max_items = 50)]
    pub former_employments: Json<Vec<Employment>>,
    /// Employments at other units beside the primary one (dạy liên trường, thỉnh giảng; 兼任; S3-056, S3-057). Heads are
    /// counted at the primary one; these units see the record too.
    #[serde(default)]
    #[schema(value_type = Vec<Employment>, max_items = 50)]
    pub secondary_employments: Json<Vec<Employment>>,
}

fn unverified() -> IdentityStatus {
    IdentityStatus::Unverified
}

impl StaffInput {
    /// The rules between fields.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] naming the field.
    pub fn check(&self, today: NaiveDate) -> StoreResult<()> {
        let refuse = |field: &str, code: &'static str, detail: &str| Err(StoreError::Invalid { pointer: format!("/{field}"), code, detail: detail.to_owned() });
        if self.birth_date >= self.started_on {
            return refuse("birth_date", "not_before", "is not before started_on");
        }
        if self.birth_date > today {
            return refuse("birth_date", "future", "is in the future");
        }
        if (self.status == StaffStatus::Ended) != self.ended_on.is_some() {
            return refuse("ended_on", "only_when_ended", "goes with the status ended");
        }
        if self.ended_on.is_some() != self.end_reason.is_some() {
            return refuse("end_reason", "only_when_ended", "goes with ended_on");
        }
        if self.ended_on.is_some_and(|ended| ended < self.started_on) {
            return refuse("ended_on", "not_after", "is before started_on");
        }
        if (self.identity_status == IdentityStatus::Unverified) != self.identity_checked_on.is_none() {
            return refuse("identity_checked_on", "only_when_checked", "goes with the statuses verified and mismatch");
        }
        if self.identity_checked_on.is_some_and(|checked| checked > today) {
            return refuse("identity_checked_on", "future", "is in the future");
        }
        if self.terms.recruited_on.is_some_and(|recruited| recruited <= self.birth_date) {
            return refuse("terms/recruited_on", "not_after", "is not after birth_date");
        }
        if self.training.0.graduation_year.is_some_and(|year| i32::from(year) <= self.birth_date.year()) {
            return refuse("training/graduation_year", "not_after", "is not after the year of birth");
        }
        if let Some((place, fault)) = Identifier::first_fault(&self.sensitive.identifiers.0) {
            return refuse(&format!("sensitive/identifiers/{place}/{}", fault.field), fault.code, fault.detail);
        }
        employments::check(self)?;
        match self.findings().into_iter().find(Finding::is_error) {
            Some(finding) => refuse("personal_number", finding.code(), "contradicts gender or birth date"),
            None => Ok(()),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        self.personal_number.as_ref().map(|number| number.check(Some(self.gender), Some(self.birth_date))).unwrap_or_default()
    }

    /// What follows from changing `before` into this: the employment it replaces is kept, and what was checked against
    /// the population database is unverified again when it is another name, birth date, gender or number.
    #[must_use]
    pub fn following(mut self, before: &StaffInput) -> Self {
        employments::succeed(before, &mut self);
        let checked = |input: &StaffInput| (input.full_name.clone(), input.birth_date, input.gender, input.personal_number.clone());
        let told = |input: &StaffInput| (input.identity_status, input.identity_checked_on);
        if checked(before) != checked(&self) && told(before) == told(&self) {
            (self.identity_status, self.identity_checked_on) = (IdentityStatus::Unverified, None);
        }
        self
    }

    /// What the table stores of this input.
    #[must_use]
    pub fn columns(&self) -> StaffColumns {
        StaffColumns {
            unit_id: self.unit_id.into(),
            code: self.code.to_string(),
            full_name: self.full_name.to_string(),
            name_search: self.full_name.search_key(),
            name_sort: self.full_name.sort_key(),
            birth_date: self.birth_date,
            gender: self.gender.as_str().to_owned(),
            personal_number: self.personal_number.as_ref().map(|number| number.as_str().to_owned()),
            phone: self.phone.as_ref().map(ToString::to_string),
            email: self.email.as_ref().map(ToString::to_string),
            position: self.position.as_str().to_owned(),
            education_level: self.education_level.map(|level| level.as_str().to_owned()),
            status: self.status.as_str().to_owned(),
            started_on: self.started_on,
            ended_on: self.ended_on,
            end_reason: self.end_reason.clone(),
            identity_status: self.identity_status,
            identity_checked_on: self.identity_checked_on,
            personal: self.personal.clone(),
            sensitive: self.sensitive.clone(),
            terms: self.terms.clone(),
            training: self.training.clone(),
            teaching: self.teaching.clone(),
            former_employments: self.former_employments.clone(),
            secondary_employments: employments::completed(&self.secondary_employments),
        }
    }
}

/// The columns that an input fills.
#[derive(Clone, Debug, PartialEq, Serialize, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = staff, treat_none_as_null = true)]
#[allow(missing_docs, reason = "as in StaffInput; name_search and name_sort derive from full_name")]
pub struct StaffColumns {
    pub unit_id: Uuid,
    pub code: String,
    pub full_name: String,
    pub name_search: String,
    pub name_sort: String,
    pub birth_date: NaiveDate,
    pub gender: String,
    pub personal_number: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub position: String,
    pub education_level: Option<String>,
    pub status: String,
    pub started_on: NaiveDate,
    pub ended_on: Option<NaiveDate>,
    pub end_reason: Option<String>,
    pub identity_status: IdentityStatus,
    pub identity_checked_on: Option<NaiveDate>,
    #[diesel(embed)]
    #[serde(flatten)]
    pub personal: StaffPersonal,
    #[diesel(embed)]
    #[serde(flatten)]
    pub sensitive: StaffSensitive,
    #[diesel(embed)]
    #[serde(flatten)]
    pub terms: StaffTerms,
    pub training: Json<StaffTraining>,
    #[diesel(embed)]
    #[serde(flatten)]
    pub teaching: StaffTeaching,
    pub former_employments: Json<Vec<Employment>>,
    pub secondary_employments: Json<Vec<Employment>>,
}

impl StaffColumns {
    /// The fields that schools are asked to fill in for everybody (S1-007) and that have no value here, by their names in
    /// requests. What concerns some people only, such as a priority category or a secondary subject, is not asked of all.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let (personal, sensitive, terms, training, teaching) = (&self.personal, &self.sensitive, &self.terms, &self.training.0, &self.teaching);
        let teaches = self.position == Position::Teacher.as_str();
        let asked = [
            ("personal_number", self.personal_number.is_some()),
            ("phone", self.phone.is_some()),
            ("email", self.email.is_some()),
            ("personal.photo", personal.photo.is_some()),
            ("personal.birth_place", personal.birth_place.is_some()),
            ("personal.nationality", personal.nationality.is_some()),
            ("personal.native_place", personal.native_place.is_some()),
            ("personal.permanent_address", personal.permanent_address.is_some()),
            ("personal.current_address", personal.current_address.is_some()),
            ("personal.marital_status", personal.marital_status.is_some()),
            ("sensitive.ethnic_group", sensitive.ethnic_group.is_some()),
            ("sensitive.religion", sensitive.religion.is_some()),
            ("terms.contract_form", terms.contract_form.is_some()),
            ("terms.contract_on", terms.contract_on.is_some()),
            ("terms.recruited_on", terms.recruited_on.is_some()),
            ("terms.assigned_work", terms.assigned_work.is_some()),
            ("terms.work", terms.work.is_some()),
            ("training.qualification", training.qualification.is_some()),
            ("training.training_field", training.training_field.is_some()),
            ("training.training_institution", training.training_institution.is_some()),
            ("training.training_form", training.training_form.is_some()),
            ("training.graduation_year", training.graduation_year.is_some()),
            ("training.training_standard", training.training_standard.is_some() || !teaches),
            ("training.teacher_grade", training.teacher_grade.is_some() || !teaches),
            ("training.it_level", training.it_level.is_some()),
            ("training.foreign_language", training.foreign_language.is_some()),
            ("teaching.main_subject", teaching.main_subject.is_some() || !teaches),
            ("teaching.subject_group", teaching.subject_group.is_some() || !teaches),
        ];
        asked.into_iter().filter(|(_, filled)| !filled).map(|(field, _)| field).collect()
    }

    /// The input that would lead to these columns.
    ///
    /// # Errors
    /// [`StoreError::State`] when a column holds what no input could have written.
    pub fn to_input(&self) -> StoreResult<StaffInput> {
        let broken = |_| StoreError::Broken("the stored record does not keep today's rules");
        Ok(StaffInput {
            code: Code::parse(&self.code).map_err(|_| broken(()))?,
            full_name: PersonName::parse(&self.full_name).map_err(|_| broken(()))?,
            birth_date: self.birth_date,
            gender: self.gender.parse().map_err(|_| broken(()))?,
            personal_number: self.personal_number.as_deref().map(PersonalNumber::parse).transpose().map_err(|_| broken(()))?,
            phone: self.phone.as_deref().map(PhoneNumber::parse).transpose().map_err(|_| broken(()))?,
            email: self.email.as_deref().map(EmailAddress::parse).transpose().map_err(|_| broken(()))?,
            position: Position::from_code(&self.position).map_err(|_| broken(()))?,
            education_level: self.education_level.as_deref().map(EducationLevel::from_code).transpose().map_err(|_| broken(()))?,
            unit_id: self.unit_id.into(),
            started_on: self.started_on,
            status: StaffStatus::from_code(&self.status).map_err(|_| broken(()))?,
            ended_on: self.ended_on,
            end_reason: self.end_reason.clone(),
            identity_status: self.identity_status,
            identity_checked_on: self.identity_checked_on,
            personal: self.personal.clone(),
            sensitive: self.sensitive.clone(),
            terms: self.terms.clone(),
            training: self.training.clone(),
            teaching: self.teaching.clone(),
            former_employments: self.former_employments.clone(),
            secondary_employments: self.secondary_employments.clone(),
        })
    }
}

/// A stored staff record.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = staff, check_for_backend(diesel::pg::Pg))]
pub struct StaffRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// What was entered.
    #[diesel(embed)]
    pub columns: StaffColumns,
    /// Its version.
    pub version: i64,
    /// Its place in the change feed: the transaction.
    pub change_xid: i64,
    /// Its place in the change feed: within the transaction.
    pub change_sequence: Option<i64>,
    /// When it was last changed.
    pub changed_at: chrono::DateTime<chrono::Utc>,
}

/// What a list shows unless asked for more; the fields as in `Staff`. Texts as short as these need no memory of their own.
#[derive(Clone, Debug, Serialize, Queryable, Selectable)]
#[diesel(table_name = staff, check_for_backend(diesel::pg::Pg))]
#[allow(missing_docs, reason = "as in Staff")]
pub struct StaffSummary {
    pub id: Uuid,
    pub version: i64,
    pub code: CompactString,
    pub full_name: CompactString,
    pub gender: CompactString,
    pub position: CompactString,
    pub education_level: Option<CompactString>,
    pub unit_id: Uuid,
    pub status: CompactString,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn input() -> StaffInput {
        serde_json::from_value(serde_json::json!({
            "code": "GV001", "full_name": "Nguyễn Thị Hòa", "birth_date": "1990-05-20", "gender": "female", "position": "teacher",
            "unit_id": Uuid::from_u128(1), "started_on": "2015-08-15", "status": "active",
        }))
        .unwrap()
    }

    #[test]
    fn what_was_verified_is_unverified_again_when_it_changes() {
        // S2-006: the status belongs to the number that was checked.
        let verified = StaffInput { identity_status: IdentityStatus::Verified, identity_checked_on: "2025-06-01".parse().ok(), ..input() };
        let renamed = StaffInput { full_name: PersonName::parse("Nguyễn Thị Hoa").unwrap(), ..verified.clone() }.following(&verified);
        assert_eq!((renamed.identity_status, renamed.identity_checked_on), (IdentityStatus::Unverified, None));
        let moved = StaffInput { phone: PhoneNumber::parse("0905123456").ok(), ..verified.clone() }.following(&verified);
        assert_eq!(moved.identity_status, IdentityStatus::Verified);
    }

    #[test]
    fn dates_agree_with_each_other() {
        let today = "2025-09-15".parse().unwrap();
        let code = |input: StaffInput| match input.check(today) {
            Err(StoreError::Invalid { pointer, code, .. }) => format!("{pointer} {code}"),
            _ => String::new(),
        };
        assert_eq!(code(input()), "");
        let terms = StaffTerms { recruited_on: "1990-05-20".parse().ok(), ..StaffTerms::default() };
        assert_eq!(code(StaffInput { terms, ..input() }), "/terms/recruited_on not_after");
        let training = Json(StaffTraining { graduation_year: Some(1990), ..StaffTraining::default() });
        assert_eq!(code(StaffInput { training, ..input() }), "/training/graduation_year not_after");
        assert_eq!(code(StaffInput { identity_status: IdentityStatus::Verified, ..input() }), "/identity_checked_on only_when_checked");
        assert_eq!(code(StaffInput { identity_status: IdentityStatus::Mismatch, identity_checked_on: "2025-09-16".parse().ok(), ..input() }), "/identity_checked_on future");
    }
}
