//! What schools keep of their staff besides what identifies and places them, in the groups in which it is shown. Each
//! group is at once a part of a request, of a row and of an answer, so that a field is written down once.

use chrono::NaiveDate;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_codes::{
    fields::{
        Area, ContractForm, Country, EducationManagementLevel, EthnicGroup, ForeignLanguage, ForeignLanguageLevel, ItLevel, MaritalStatus, PolicyCategory, PoliticalTheoryLevel,
        Qualification, Religion, StaffTitle, StaffWork, StateAdministrationLevel, Subject, TeacherGrade, TrainingForm,
    },
    identifier::Identifier,
};
use registrar_domain::{ShortText, WebAddress};
use registrar_store::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::staff;

/// Who somebody is, as far as it is not sensitive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema, Insertable, AsChangeset, Queryable, Selectable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = staff, treat_none_as_null = true)]
pub struct StaffPersonal {
    /// Portrait photo (ảnh thẻ, 照片; S1-008): a link to it.
    pub photo: Option<WebAddress>,
    /// Place of birth (nơi sinh, 出生地; S1-012), as on the birth certificate.
    pub birth_place: Option<ShortText>,
    /// Nationality (quốc tịch, 国籍; S1-016).
    pub nationality: Option<Country>,
    /// Native place (quê quán, 籍贯; S1-017).
    pub native_place: Option<ShortText>,
    /// Permanent address (địa chỉ thường trú, 户籍地址; S1-018).
    pub permanent_address: Option<ShortText>,
    /// The area that the permanent address lies in; codes were given new meanings in 2025, so the version counts.
    pub permanent_area: Option<Area>,
    /// Current residence (nơi ở hiện nay, 现住址; S1-019).
    pub current_address: Option<ShortText>,
    /// The area that the current residence lies in.
    pub current_area: Option<Area>,
    /// Marital status (tình trạng hôn nhân, 婚姻状况; S1-022).
    pub marital_status: Option<MaritalStatus>,
}

/// What the law calls sensitive (NĐ 356/2025 Đ.4): shown with `sensitive=true` to those with the right to, and logged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema, Insertable, AsChangeset, Queryable, Selectable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = staff, treat_none_as_null = true)]
pub struct StaffSensitive {
    /// Ethnic group (dân tộc, 民族; S1-014).
    pub ethnic_group: Option<EthnicGroup>,
    /// Religion (tôn giáo, 宗教; S1-015).
    pub religion: Option<Religion>,
    /// Priority category of the family (diện ưu tiên gia đình; S1-023).
    pub family_priority: Option<PolicyCategory>,
    /// Own priority category (diện ưu tiên bản thân; S1-024).
    pub own_priority: Option<PolicyCategory>,
    /// Numbers by which others know the person (mã định danh Bộ GD&ĐT, CMND, hộ chiếu; 证件号码; rules 2.2), besides the personal number.
    #[serde(default)]
    #[schema(value_type = Vec<Identifier>, max_items = 20)]
    pub identifiers: Json<Vec<Identifier>>,
}

/// On what terms somebody works.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema, Insertable, AsChangeset, Queryable, Selectable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = staff, treat_none_as_null = true)]
pub struct StaffTerms {
    /// Contract form (hình thức hợp đồng, 合同形式; S1-027). Quota contracts (định mức khoán) count as under one year (S3-055).
    pub contract_form: Option<ContractForm>,
    /// Date of the contract (ngày hợp đồng; S1-025).
    pub contract_on: Option<NaiveDate>,
    /// Date of recruitment (ngày tuyển dụng; S1-026), not before the fifteenth birthday.
    pub recruited_on: Option<NaiveDate>,
    /// Assigned work (công việc được giao; S1-028).
    pub assigned_work: Option<ShortText>,
    /// Current work in the ministry's list (công việc hiện nay; S1-030).
    pub work: Option<StaffWork>,
    /// Concurrent position (chức vụ kiêm nhiệm, 兼任职务; S1-032).
    pub concurrent_title: Option<StaffTitle>,
}

registrar_domain::text_enum! {
    /// How somebody's qualification stands to what the law asks of their education level (trình độ chuẩn; S1-039, rules 4.1).
    TrainingStandard {
        /// Below it (dưới chuẩn).
        Below = "below",
        /// At it (đạt chuẩn).
        At = "at",
        /// Above it (trên chuẩn).
        Above = "above",
    }
}

/// What somebody has learnt (trình độ, 学历与资格).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffTraining {
    /// Highest qualification (nhóm trình độ chuyên môn, 学历; S1-033).
    pub qualification: Option<Qualification>,
    /// Field of training (ngành đào tạo; S1-034).
    pub training_field: Option<ShortText>,
    /// Specialisation (chuyên ngành đào tạo, 专业; S1-035).
    pub specialisation: Option<ShortText>,
    /// Training institution (nơi đào tạo, 毕业院校; S1-036).
    pub training_institution: Option<ShortText>,
    /// Form of training (hình thức đào tạo; S1-037).
    pub training_form: Option<TrainingForm>,
    /// Year of graduation (năm tốt nghiệp; S1-038), after the year of birth.
    #[schema(minimum = 1900, maximum = 2200)]
    pub graduation_year: Option<i16>,
    /// Qualification against the standard of the level (trình độ chuẩn; S1-039).
    pub training_standard: Option<TrainingStandard>,
    /// Level of political theory (trình độ lý luận chính trị; S1-040).
    pub political_theory: Option<PoliticalTheoryLevel>,
    /// Level of state administration (trình độ quản lý nhà nước; S1-041).
    pub state_administration: Option<StateAdministrationLevel>,
    /// Level of education management (trình độ quản lý giáo dục; S1-042).
    pub education_management: Option<EducationManagementLevel>,
    /// Main foreign language (ngoại ngữ chính; S1-043).
    pub foreign_language: Option<ForeignLanguage>,
    /// Level of the foreign language (trình độ ngoại ngữ; S1-044).
    pub foreign_language_level: Option<ForeignLanguageLevel>,
    /// Level of information technology (trình độ tin học; S1-045).
    pub it_level: Option<ItLevel>,
    /// Teacher grade (hạng giáo viên, 职称; S1-046): a code of professional title such as V.07.03.28.
    pub teacher_grade: Option<TeacherGrade>,
}

/// What somebody teaches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema, Insertable, AsChangeset, Queryable, Selectable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = staff, treat_none_as_null = true)]
pub struct StaffTeaching {
    /// Subject taught (nhiệm vụ, môn dạy; S1-047).
    pub main_subject: Option<Subject>,
    /// Secondary subject (môn dạy phụ; S1-048).
    pub secondary_subject: Option<Subject>,
    /// Subject group of the school (tổ bộ môn, 教研组; S1-049).
    pub subject_group: Option<ShortText>,
}
