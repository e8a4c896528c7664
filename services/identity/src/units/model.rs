//! A unit and the rules that need nothing else.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_codes::fields::Area;
use registrar_domain::{
    Code, EducationLevels, EmailAddress, Hierarchy, Period, PhoneNumber, UnitId, UnitKind,
    text::{clean, comparison_key, search_key},
};
use registrar_store::{StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::schema::units;

registrar_domain::text_enum! {
    /// Whether a unit works. It follows from `closed_on`: closed as soon as a last day is entered.
    UnitStatus {
        /// Has no last day.
        Open = "open",
        /// Has a last day (giải thể, sáp nhập); grants in it end with that day.
        Closed = "closed",
    }
}

/// That another unit stands above this one, in one hierarchy, for a time (đơn vị quản lý, 上级单位).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitSuperior {
    /// In which hierarchy: administrative (quản lý nhà nước) or professional (quản lý chuyên môn).
    pub hierarchy: Hierarchy,
    /// The first day.
    pub valid_from: NaiveDate,
    /// The last day; none while it lasts.
    pub valid_to: Option<NaiveDate>,
    /// The unit above.
    #[schema(value_type = Uuid)]
    pub unit_id: UnitId,
}

impl UnitSuperior {
    /// Its days.
    ///
    /// # Errors
    /// [`registrar_domain::PeriodError`] when it ends before it begins.
    pub fn period(&self) -> Result<Period, registrar_domain::PeriodError> {
        Period::new(self.valid_from, self.valid_to)
    }
}

/// What is entered of a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitInput {
    /// Unit code (mã đơn vị, mã trường; 单位代码; S1-001), unique in the tenant; opaque text.
    pub code: Code,
    /// Official name (tên đơn vị, tên trường; 单位名称).
    #[schema(min_length = 1, max_length = 300, pattern = r"\S", example = "Trường Tiểu học Nguyễn Bá Ngọc")]
    pub name: String,
    /// Kind of unit (loại hình; S1-002).
    pub kind: UnitKind,
    /// The education levels it serves (cấp học; S1-002); a TH-THCS school has two, an authority may have none.
    #[serde(default)]
    pub education_levels: EducationLevels,
    /// Web site (trang web; S1-110).
    #[schema(max_length = 500, pattern = r"^https?://\S+$")]
    pub website: Option<String>,
    /// Telephone (điện thoại, 电话).
    pub phone: Option<PhoneNumber>,
    /// E-mail (thư điện tử, 电子邮件).
    pub email: Option<EmailAddress>,
    /// Postal address (địa chỉ, 地址), one line.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "15 Trần Hưng Đạo, phường Hội An, thành phố Đà Nẵng")]
    pub address: Option<String>,
    /// The administrative area it lies in (địa bàn, 行政区划): its commune since 1 July 2025; for an authority the area it
    /// governs.
    pub area: Option<Area>,
    /// First day (ngày thành lập).
    pub opened_on: NaiveDate,
    /// Last day (ngày giải thể, sáp nhập); with it the unit's `status` is closed.
    pub closed_on: Option<NaiveDate>,
    /// The units above it with their whole past; on any day at most one in each hierarchy.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub superiors: Vec<UnitSuperior>,
}

fn refuse(pointer: String, code: &'static str, detail: impl Into<String>) -> StoreResult<()> {
    Err(StoreError::Invalid { pointer, code, detail: detail.into() })
}

impl UnitInput {
    /// The rules between fields.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] naming the field.
    pub fn check(&self) -> StoreResult<()> {
        for (pointer, text) in [("/name", Some(&self.name)), ("/address", self.address.as_ref())] {
            if text.is_some_and(|text| clean(text).is_empty() || text.chars().any(char::is_control)) {
                return refuse(pointer.into(), "invalid", "must be text without control characters");
            }
        }
        if self.closed_on.is_some_and(|closed| closed < self.opened_on) {
            return refuse("/closed_on".into(), "not_after", "is before opened_on");
        }
        self.check_superiors()
    }

    fn check_superiors(&self) -> StoreResult<()> {
        let mut before: Vec<(Hierarchy, Period)> = Vec::with_capacity(self.superiors.len());
        for (place, superior) in self.superiors.iter().enumerate() {
            let period = match superior.period() {
                Ok(period) => period,
                Err(error) => return refuse(format!("/superiors/{place}/valid_to"), error.code(), error.to_string()),
            };
            if before.iter().any(|(hierarchy, other)| *hierarchy == superior.hierarchy && other.overlaps(&period)) {
                return refuse(format!("/superiors/{place}"), "overlapping", "another superior of this hierarchy has days in common with it");
            }
            before.push((superior.hierarchy, period));
        }
        Ok(())
    }

    /// The columns this input leads to.
    #[must_use]
    pub fn columns(&self) -> UnitColumns {
        let name = clean(&self.name);
        UnitColumns {
            code: self.code.to_string(),
            name_search: search_key(&name),
            name_sort: format!("{}\u{1f}{}", search_key(&name), comparison_key(&name)),
            name,
            kind: self.kind.as_str().to_owned(),
            education_levels: self.education_levels.iter().map(|level| level.as_str().to_owned()).collect(),
            website: self.website.clone(),
            phone: self.phone.clone(),
            email: self.email.clone(),
            address: self.address.as_deref().map(clean),
            area: self.area.clone(),
            opened_on: self.opened_on,
            closed_on: self.closed_on,
            status: if self.closed_on.is_some() { UnitStatus::Closed } else { UnitStatus::Open }.as_str().to_owned(),
            superiors: self.superiors_as_json(),
        }
    }

    /// In one order, so that the same superiors are the same value.
    fn superiors_as_json(&self) -> Value {
        let mut superiors = self.superiors.clone();
        superiors.sort();
        json!(superiors)
    }
}

/// The columns that an input fills.
#[derive(Clone, Debug, PartialEq, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = units, treat_none_as_null = true)]
#[allow(missing_docs, reason = "as in UnitInput; name_search and name_sort derive from name, status from closed_on")]
pub struct UnitColumns {
    pub code: String,
    pub name: String,
    pub name_search: String,
    pub name_sort: String,
    pub kind: String,
    pub education_levels: Vec<String>,
    pub website: Option<String>,
    pub phone: Option<PhoneNumber>,
    pub email: Option<EmailAddress>,
    pub address: Option<String>,
    pub area: Option<Area>,
    pub opened_on: NaiveDate,
    pub closed_on: Option<NaiveDate>,
    pub status: String,
    pub superiors: Value,
}

impl UnitColumns {
    /// The units above, in the order of hierarchy and time.
    ///
    /// # Errors
    /// [`StoreError::State`] when the column holds what no input could have written.
    pub fn superiors(&self) -> StoreResult<Vec<UnitSuperior>> {
        serde_json::from_value(self.superiors.clone()).map_err(|_| StoreError::Broken("the stored unit does not keep today's rules"))
    }

    /// The input that would lead to these columns.
    ///
    /// # Errors
    /// [`StoreError::State`] when a column holds what no input could have written.
    pub fn to_input(&self) -> StoreResult<UnitInput> {
        let broken = || StoreError::Broken("the stored unit does not keep today's rules");
        Ok(UnitInput {
            code: Code::parse(&self.code).map_err(|_| broken())?,
            name: self.name.clone(),
            kind: UnitKind::from_code(&self.kind).map_err(|_| broken())?,
            education_levels: self.education_levels.join(";").parse().map_err(|_| broken())?,
            website: self.website.clone(),
            phone: self.phone.clone(),
            email: self.email.clone(),
            address: self.address.clone(),
            area: self.area.clone(),
            opened_on: self.opened_on,
            closed_on: self.closed_on,
            superiors: self.superiors()?,
        })
    }
}

/// A stored unit.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = units, check_for_backend(diesel::pg::Pg))]
pub struct UnitRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant, whose root unit has the same id.
    pub tenant_id: Uuid,
    /// What was entered.
    #[diesel(embed)]
    pub columns: UnitColumns,
    /// Its version.
    pub version: i64,
    /// Its place in the change feed: the transaction.
    pub change_xid: i64,
    /// Its place in the change feed: within the transaction.
    pub change_sequence: Option<i64>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn school() -> UnitInput {
        serde_json::from_value(json!({
            "code": "TH-01", "name": "Trường Tiểu học  Cẩm Thanh", "kind": "primary", "education_levels": ["TH"], "opened_on": "1990-09-05",
            "superiors": [
                {"hierarchy": "administrative", "unit_id": Uuid::from_u128(2), "valid_from": "2025-07-01"},
                {"hierarchy": "administrative", "unit_id": Uuid::from_u128(1), "valid_from": "2000-01-01", "valid_to": "2025-06-30"},
                {"hierarchy": "professional", "unit_id": Uuid::from_u128(1), "valid_from": "2000-01-01", "valid_to": "2025-06-30"},
            ],
        }))
        .unwrap()
    }

    fn refusal(change: impl FnOnce(&mut UnitInput)) -> (String, &'static str) {
        let mut input = school();
        change(&mut input);
        match input.check() {
            Err(StoreError::Invalid { pointer, code, .. }) => (pointer, code),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_school_has_one_superior_per_hierarchy_on_any_day() {
        school().check().unwrap();
        let last = |input: &mut UnitInput, to: &str| input.superiors[1].valid_to = Some(to.parse().unwrap());
        assert_eq!(refusal(|input| last(input, "2025-07-01")), ("/superiors/1".into(), "overlapping"));
        assert_eq!(refusal(|input| last(input, "1999-12-31")), ("/superiors/1/valid_to".into(), "ends_before_it_begins"));
    }

    #[test]
    fn fields_agree_with_each_other() {
        assert_eq!(refusal(|input| input.closed_on = Some("1990-09-04".parse().unwrap())), ("/closed_on".into(), "not_after"));
        assert_eq!(refusal(|input| input.address = Some("15 Trần Hưng Đạo\nHội An".into())), ("/address".into(), "invalid"));
        assert_eq!(refusal(|input| input.name = " \u{a0} ".into()), ("/name".into(), "invalid"));
    }

    #[test]
    fn columns_lead_back_to_the_input() {
        let columns = school().columns();
        assert_eq!((columns.name.as_str(), columns.status.as_str()), ("Trường Tiểu học Cẩm Thanh", "open"));
        assert_eq!(columns.name_search, "truong tieu hoc cam thanh");
        assert_eq!(columns.to_input().unwrap().columns(), columns);
        let mut other_order = school();
        other_order.superiors.reverse();
        assert_eq!(other_order.columns(), columns);
    }
}
