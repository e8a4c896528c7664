//! A school year and the rules that need nothing else.

use chrono::NaiveDate;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_domain::{Code, text};
use registrar_store::{StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::schema::school_years;

/// What is entered of a school year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchoolYearInput {
    /// Its code, such as `2025-2026`, unique in the tenant.
    pub code: Code,
    /// Its name (tên năm học), such as "Năm học 2025-2026".
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    pub name: String,
    /// The first day.
    pub starts_on: NaiveDate,
    /// The last day; at most two years after the first.
    pub ends_on: NaiveDate,
}

impl SchoolYearInput {
    /// The rules between fields.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] naming the field.
    pub fn check(&self) -> StoreResult<()> {
        let refuse = |code: &'static str, detail: &str| Err(StoreError::Invalid { pointer: "/ends_on".into(), code, detail: detail.to_owned() });
        match (self.ends_on - self.starts_on).num_days() {
            ..=0 => refuse("not_after", "is not after starts_on"),
            1..=731 => Ok(()),
            _ => refuse("too_long", "is more than two years after starts_on"),
        }
    }

    /// What the table stores of this input.
    #[must_use]
    pub fn columns(&self) -> SchoolYearColumns {
        SchoolYearColumns { code: self.code.to_string(), name: text::clean(&self.name), starts_on: self.starts_on, ends_on: self.ends_on }
    }
}

/// The columns that an input fills.
#[derive(Clone, Debug, PartialEq, Serialize, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = school_years)]
#[allow(missing_docs, reason = "as in SchoolYearInput")]
pub struct SchoolYearColumns {
    pub code: String,
    pub name: String,
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
}

impl SchoolYearColumns {
    /// The input that would lead to these columns.
    ///
    /// # Errors
    /// [`StoreError::State`] when a column holds what no input could have written.
    pub fn to_input(&self) -> StoreResult<SchoolYearInput> {
        let code = Code::parse(&self.code).map_err(|_| StoreError::Broken("the stored record does not keep today's rules"))?;
        Ok(SchoolYearInput { code, name: self.name.clone(), starts_on: self.starts_on, ends_on: self.ends_on })
    }
}

/// A stored school year.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = school_years, check_for_backend(diesel::pg::Pg))]
pub struct SchoolYearRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// What was entered.
    #[diesel(embed)]
    pub columns: SchoolYearColumns,
    /// Its version.
    pub version: i64,
    /// Its place in the change feed: the transaction.
    pub change_xid: i64,
    /// Its place in the change feed: within the transaction.
    pub change_sequence: Option<i64>,
    /// When it was last changed.
    pub changed_at: chrono::DateTime<chrono::Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_school_year_ends_after_it_starts_and_within_two_years() {
        let year = |starts_on: &str, ends_on: &str| SchoolYearInput {
            code: Code::parse("2025-2026").unwrap(),
            name: "Năm học 2025-2026".into(),
            starts_on: starts_on.parse().unwrap(),
            ends_on: ends_on.parse().unwrap(),
        };
        assert!(year("2025-09-05", "2026-05-31").check().is_ok());
        assert!(year("2025-09-05", "2025-09-05").check().is_err());
        assert!(year("2025-09-05", "2028-05-31").check().is_err());
    }
}
