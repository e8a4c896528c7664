//! What schools keep of their students besides what identifies and places them, in the groups in which it is shown.
//! Each group is at once a part of a request, of a row and of an answer, so that a field is written down once.

use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_codes::{
    fields::{Area, Country, DisabilityKind, EthnicGroup, PolicyCategory, Religion},
    identifier::Identifier,
};
use registrar_domain::{Cohort, ShortText, WebAddress};
use registrar_store::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::students;

/// Who a student is, as far as it is not sensitive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema, Insertable, AsChangeset, Queryable, Selectable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = students, treat_none_as_null = true)]
pub struct StudentPersonal {
    /// Portrait photo (ảnh thẻ, 照片; S1-054): a link to it.
    pub photo: Option<WebAddress>,
    /// Place of birth (nơi sinh, 出生地; S1-066), as on the birth certificate.
    pub birth_place: Option<ShortText>,
    /// Nationality (quốc tịch, 国籍).
    pub nationality: Option<Country>,
    /// Permanent residence (nơi thường trú, 户籍地址; S1-065).
    pub permanent_address: Option<ShortText>,
    /// The area that the permanent residence lies in; codes were given new meanings in 2025, so the version counts.
    pub permanent_area: Option<Area>,
    /// Current residence (chỗ ở hiện nay, 现住址; S1-064).
    pub current_address: Option<ShortText>,
    /// The area that the current residence lies in.
    pub current_area: Option<Area>,
    /// Cohort (niên khoá, 届; S1-063).
    pub cohort: Option<Cohort>,
}

/// What the law calls sensitive (NĐ 356/2025 Đ.4): shown with `sensitive=true` to those with the right to, and logged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema, Insertable, AsChangeset, Queryable, Selectable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = students, treat_none_as_null = true)]
pub struct StudentSensitive {
    /// Ethnic group (dân tộc, 民族; S1-060).
    pub ethnic_group: Option<EthnicGroup>,
    /// Religion (tôn giáo, 宗教; S1-061).
    pub religion: Option<Religion>,
    /// Policy category (diện chính sách, 优抚对象; S1-068).
    pub policy_category: Option<PolicyCategory>,
    /// Kind of disability (dạng khuyết tật, 残疾类型).
    pub disability: Option<DisabilityKind>,
    /// What the school must know of the student's health (sức khoẻ, 健康状况).
    pub health: Option<ShortText>,
    /// Numbers by which others know the student (mã định danh Bộ GD&ĐT, hộ chiếu; 学籍号; rules 2.2), besides the personal number.
    #[serde(default)]
    #[schema(value_type = Vec<Identifier>, max_items = 20)]
    pub identifiers: Json<Vec<Identifier>>,
}
