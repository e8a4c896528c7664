//! An account and the rules that need nothing else.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_domain::{PersonName, StaffId, UnitId, text::comparison_key};
use registrar_store::{StoreError, StoreResult};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::schema::accounts;

registrar_domain::text_enum! {
    /// Whether an account may be used.
    AccountStatus {
        /// It may sign in.
        Active = "active",
        /// It may not; its sessions have ended (khóa tài khoản, 停用).
        Disabled = "disabled",
    }
}

/// A new account (tạo tài khoản; S0-037, S0-038).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Name to sign in with (tên đăng nhập, 用户名; S4-010), unique in the tenant whatever the case; never changes.
    #[schema(min_length = 3, max_length = 100, pattern = r"^[^\s\x00-\x1F\x7F]+$", example = "nguyen.thi.thuy")]
    pub username: String,
    /// How the account is shown to people; with `staff_id` the staff record's name is shown instead.
    pub display_name: PersonName,
    /// The home unit: who manages accounts there manages this one.
    #[schema(value_type = Uuid)]
    pub unit_id: UnitId,
    /// The staff record of the person behind the account; rights over classes follow from it.
    #[schema(value_type = Option<Uuid>)]
    pub staff_id: Option<StaffId>,
    /// First password (mật khẩu, 默认密码; S4-011), by the rules of `POST /v1/accounts/{account_id}/password`. Without
    /// one nobody can sign in yet.
    #[schema(value_type = Option<String>, max_length = 200, format = Password)]
    pub password: Option<SecretString>,
}

/// What can be changed of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountInput {
    /// How the account is shown to people; with `staff_id` the staff record's name is shown instead.
    pub display_name: PersonName,
    /// The home unit: who manages accounts there manages this one.
    #[schema(value_type = Uuid)]
    pub unit_id: UnitId,
    /// The staff record of the person behind the account.
    #[schema(value_type = Option<Uuid>)]
    pub staff_id: Option<StaffId>,
    /// Whether it may be used. Disabling ends its sessions at once, everywhere.
    pub status: AccountStatus,
}

impl AccountInput {
    /// The columns this input leads to.
    #[must_use]
    pub fn columns(&self) -> AccountColumns {
        AccountColumns {
            display_name: self.display_name.to_string(),
            name_search: self.display_name.search_key(),
            name_sort: self.display_name.sort_key(),
            staff_id: self.staff_id.map(Uuid::from),
            unit_id: self.unit_id.into(),
            status: self.status.as_str().to_owned(),
        }
    }
}

/// The username as it is compared: case and tone placement do not matter.
#[must_use]
pub fn username_key(username: &str) -> String {
    comparison_key(username)
}

/// The moment before which an account's tokens are refused when they are withdrawn at `now`; `before` is the one until
/// now. Tokens know whole seconds: those of this second were issued before, and right after another withdrawal those of
/// the next one too.
#[must_use]
pub fn withdrawn(before: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    before.max(now.trunc_subsecs(0)) + TimeDelta::seconds(1)
}

/// The columns that an input fills.
#[derive(Clone, Debug, PartialEq, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = accounts, treat_none_as_null = true)]
#[allow(missing_docs, reason = "as in AccountInput; name_search and name_sort derive from display_name")]
pub struct AccountColumns {
    pub display_name: String,
    pub name_search: String,
    pub name_sort: String,
    pub staff_id: Option<Uuid>,
    pub unit_id: Uuid,
    pub status: String,
}

impl AccountColumns {
    /// The input that would lead to these columns.
    ///
    /// # Errors
    /// [`StoreError::State`] when a column holds what no input could have written.
    pub fn to_input(&self) -> StoreResult<AccountInput> {
        let broken = || StoreError::Broken("the stored account does not keep today's rules");
        Ok(AccountInput {
            display_name: PersonName::parse(&self.display_name).map_err(|_| broken())?,
            unit_id: self.unit_id.into(),
            staff_id: self.staff_id.map(StaffId::from),
            status: AccountStatus::from_code(&self.status).map_err(|_| broken())?,
        })
    }
}

/// A stored account.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = accounts, check_for_backend(diesel::pg::Pg))]
pub struct AccountRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// What was entered.
    #[diesel(embed)]
    pub columns: AccountColumns,
    /// Tokens issued before this moment are refused; whole seconds.
    pub valid_after: DateTime<Utc>,
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

    #[test]
    fn usernames_are_the_same_whatever_the_case() {
        assert_eq!(username_key("Thuy.Nguyen"), username_key("thuy.nguyen"));
        assert_eq!(username_key("thúy"), username_key("THUÝ"));
        assert_ne!(username_key("thuy"), username_key("thúy"));
    }

    #[test]
    fn a_withdrawal_is_later_than_every_token_issued_so_far() {
        let moment: DateTime<Utc> = "2025-09-15T02:00:00.999Z".parse().unwrap();
        let first = withdrawn(DateTime::UNIX_EPOCH, moment);
        assert_eq!(first.to_rfc3339(), "2025-09-15T02:00:01+00:00");
        assert_eq!(withdrawn(first, moment).to_rfc3339(), "2025-09-15T02:00:02+00:00");
    }
}
