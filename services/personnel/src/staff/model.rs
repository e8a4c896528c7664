//! A staff record and the rules that need nothing else.

use chrono::NaiveDate;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use registrar_domain::{Code, EducationLevel, EmailAddress, Finding, Gender, PersonName, PersonalNumber, PhoneNumber, UnitId};
use registrar_store::{StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::schema::staff;

registrar_domain::text_enum! {
    /// What somebody works as (công việc, chức vụ; 岗位; S1-030, S1-031).
    Position {
        /// Head teacher (hiệu trưởng, 校长).
        HeadTeacher = "head_teacher",
        /// Deputy head teacher (phó hiệu trưởng, 副校长).
        DeputyHeadTeacher = "deputy_head_teacher",
        /// Teacher (giáo viên, 教师).
        Teacher = "teacher",
        /// Leader of the Young Pioneers (tổng phụ trách Đội, 少先队辅导员).
        PioneerLeader = "pioneer_leader",
        /// Clerk (văn thư, 文员).
        Clerk = "clerk",
        /// IT officer (cán bộ tin học, 信息技术人员; S0-010).
        ItOfficer = "it_officer",
        /// Accountant (kế toán, 会计).
        Accountant = "accountant",
        /// Librarian (thư viện, 图书管理员).
        Librarian = "librarian",
        /// Laboratory and equipment officer (thiết bị thí nghiệm, 实验员).
        LaboratoryOfficer = "laboratory_officer",
        /// School nurse (y tế học đường, 校医).
        Nurse = "nurse",
        /// Cook or carer (cấp dưỡng, bảo mẫu; 炊事员).
        Carer = "carer",
        /// Guard (bảo vệ, 保安).
        Guard = "guard",
        /// Officer of a managing unit (chuyên viên, 教育行政人员).
        Officer = "officer",
        /// Anything else.
        Other = "other",
    }
}

registrar_domain::text_enum! {
    /// The groups that statistics count (CBQL, GV, NV; S2-005).
    PositionGroup {
        /// Managers (cán bộ quản lý).
        Manager = "manager",
        /// Teachers (giáo viên).
        Teacher = "teacher",
        /// Employees (nhân viên).
        Employee = "employee",
    }
}

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

impl Position {
    /// The group it is counted in (S2-005).
    #[must_use]
    pub fn group(self) -> PositionGroup {
        match self {
            Position::HeadTeacher | Position::DeputyHeadTeacher => PositionGroup::Manager,
            Position::Teacher | Position::PioneerLeader => PositionGroup::Teacher,
            _ => PositionGroup::Employee,
        }
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
        match self.findings().into_iter().find(Finding::is_error) {
            Some(finding) => refuse("personal_number", finding.code(), "contradicts gender or birth date"),
            None => Ok(()),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        self.personal_number.as_ref().map(|number| number.check(Some(self.gender), Some(self.birth_date))).unwrap_or_default()
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
        }
    }
}

/// The columns that an input fills.
#[derive(Clone, Debug, PartialEq, Insertable, AsChangeset, Queryable, Selectable)]
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
}

impl StaffColumns {
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
