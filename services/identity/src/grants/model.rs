//! A grant and the rules that need nothing else.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{Insertable, Queryable, Selectable};
use registrar_access::Role;
use registrar_domain::{AccountId, EducationLevels, Hierarchy, UnitId};
use registrar_store::{StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rule::Given;
use crate::schema::grants;

registrar_domain::text_enum! {
    /// Whether a grant may hold.
    GrantStatus {
        /// It holds on its days.
        Active = "active",
        /// It was taken back (thu hồi); for good.
        Ended = "ended",
    }
}

/// A new grant (phân quyền; S2-012).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// Who gets it; not oneself.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// What it allows; see `GET /v1/roles`.
    pub role: Role,
    /// In this unit and below it.
    #[schema(value_type = Uuid)]
    pub unit_id: UnitId,
    /// The hierarchy in which "below" is meant; professional when left out.
    pub hierarchy: Option<Hierarchy>,
    /// Only records of these education levels (phân quyền theo cấp học; S2-013); of all when empty.
    #[serde(default)]
    pub education_levels: EducationLevels,
    /// Only these classes (phân quyền theo lớp học; S2-016); all when empty.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub class_ids: Vec<Uuid>,
    /// First day; today when left out.
    pub valid_from: Option<NaiveDate>,
    /// Last day; none while it lasts.
    pub valid_until: Option<NaiveDate>,
    /// What it rests on, such as the handover record (biên bản bàn giao; S2-011, S2-014).
    #[schema(min_length = 1, max_length = 500)]
    pub note: Option<String>,
}

impl NewGrant {
    /// The columns of a grant given today.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when it ends before it begins.
    pub fn columns(&self, today: NaiveDate) -> StoreResult<GrantColumns> {
        let valid_from = self.valid_from.unwrap_or(today);
        ends_in_order(valid_from, self.valid_until)?;
        let mut class_ids = self.class_ids.clone();
        class_ids.sort_unstable();
        class_ids.dedup();
        Ok(GrantColumns {
            account_id: self.account_id.into(),
            role: self.role.as_str().to_owned(),
            unit_id: self.unit_id.into(),
            hierarchy: self.hierarchy.unwrap_or(Hierarchy::Professional).as_str().to_owned(),
            education_levels: self.education_levels.iter().map(|level| level.as_str().to_owned()).collect(),
            class_ids,
            valid_from,
            valid_until: self.valid_until,
            status: GrantStatus::Active.as_str().to_owned(),
            note: self.note.clone(),
        })
    }
}

/// What can be changed of a grant: when it ends, and that it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantInput {
    /// Last day; a later one is given by the same rule as a new grant.
    pub valid_until: Option<NaiveDate>,
    /// `ended` takes the grant back at once and for good.
    pub status: GrantStatus,
}

fn ends_in_order(valid_from: NaiveDate, valid_until: Option<NaiveDate>) -> StoreResult<()> {
    match valid_until {
        Some(until) if until < valid_from => Err(StoreError::Invalid { pointer: "/valid_until".into(), code: "not_after", detail: "is before valid_from".into() }),
        _ => Ok(()),
    }
}

/// The columns of a grant.
#[derive(Clone, Debug, PartialEq, Insertable, Queryable, Selectable)]
#[diesel(table_name = grants)]
#[allow(missing_docs, reason = "as in NewGrant")]
pub struct GrantColumns {
    pub account_id: Uuid,
    pub role: String,
    pub unit_id: Uuid,
    pub hierarchy: String,
    pub education_levels: Vec<String>,
    pub class_ids: Vec<Uuid>,
    pub valid_from: NaiveDate,
    pub valid_until: Option<NaiveDate>,
    pub status: String,
    pub note: Option<String>,
}

impl GrantColumns {
    /// What can be changed of it, as it is now.
    ///
    /// # Errors
    /// [`StoreError::State`] when a column holds what no input could have written.
    pub fn to_input(&self) -> StoreResult<GrantInput> {
        Ok(GrantInput { valid_until: self.valid_until, status: GrantStatus::from_code(&self.status).map_err(|_| BROKEN)? })
    }

    /// What it gives.
    ///
    /// # Errors
    /// [`StoreError::State`] when a column holds what no input could have written.
    pub fn given(&self) -> StoreResult<Given> {
        Ok(Given {
            role: self.role.parse().map_err(|_| BROKEN)?,
            hierarchy: Hierarchy::from_code(&self.hierarchy).map_err(|_| BROKEN)?,
            education_levels: self.education_levels.join(";").parse().map_err(|_| BROKEN)?,
            class_ids: self.class_ids.clone(),
            valid_until: self.valid_until,
        })
    }

    /// How `input` changes it.
    ///
    /// # Errors
    /// [`StoreError::State`] once it has ended, [`StoreError::Invalid`] when it would end before it begins.
    pub fn change(&self, input: &GrantInput) -> StoreResult<Change> {
        if self.status == GrantStatus::Ended.as_str() {
            return Err(StoreError::State("the grant has ended; give another one"));
        }
        ends_in_order(self.valid_from, input.valid_until)?;
        let longer = match (self.valid_until, input.valid_until) {
            (Some(_), None) => true,
            (Some(old), Some(new)) => new > old,
            (None, _) => false,
        };
        Ok(if longer && input.status == GrantStatus::Active { Change::Longer } else { Change::Shorter })
    }
}

const BROKEN: StoreError = StoreError::Broken("the stored grant does not keep today's rules");

/// In which direction a grant changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// More is given.
    Longer,
    /// Something is taken back.
    Shorter,
}

/// A stored grant.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = grants, check_for_backend(diesel::pg::Pg))]
pub struct GrantRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// What was given.
    #[diesel(embed)]
    pub columns: GrantColumns,
    /// Who gave it.
    pub given_by: Uuid,
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
    use serde_json::json;

    use super::*;

    fn columns(until: Option<&str>) -> GrantColumns {
        let new: NewGrant = serde_json::from_value(json!({"account_id": Uuid::from_u128(1), "role": "clerk", "unit_id": Uuid::from_u128(2), "valid_until": until})).unwrap();
        new.columns("2025-09-15".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_grant_is_professional_and_from_today_unless_said_otherwise() {
        let columns = columns(None);
        assert_eq!((columns.hierarchy.as_str(), columns.valid_from.to_string().as_str()), ("professional", "2025-09-15"));
        assert_eq!(columns.given().unwrap().role, Role::Clerk);
    }

    #[test]
    fn a_grant_is_made_longer_or_shorter_and_never_comes_back() {
        let input = |until: Option<&str>, status| GrantInput { valid_until: until.map(|day| day.parse().unwrap()), status };
        let may = columns(Some("2026-05-31"));
        assert_eq!(may.change(&input(None, GrantStatus::Active)).unwrap(), Change::Longer);
        assert_eq!(may.change(&input(Some("2026-06-01"), GrantStatus::Active)).unwrap(), Change::Longer);
        assert_eq!(may.change(&input(Some("2026-05-30"), GrantStatus::Active)).unwrap(), Change::Shorter);
        assert_eq!(may.change(&input(None, GrantStatus::Ended)).unwrap(), Change::Shorter);
        assert_eq!(columns(None).change(&input(Some("2026-05-30"), GrantStatus::Active)).unwrap(), Change::Shorter);
        assert!(matches!(may.change(&input(Some("2025-09-14"), GrantStatus::Active)), Err(StoreError::Invalid { .. })));
        let ended = GrantColumns { status: "ended".into(), ..may };
        assert!(matches!(ended.change(&input(None, GrantStatus::Active)), Err(StoreError::State(_))));
    }
}
