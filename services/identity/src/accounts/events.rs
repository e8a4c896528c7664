//! Accounts as events: no username, no password.

use chrono::SecondsFormat;
use registrar_events::contracts::identity::Account;

use super::{model::AccountRecord, store::AGGREGATE};
use crate::schema::accounts;

registrar_events::table_source! {
    /// Publishes accounts.
    AccountSource, AGGREGATE, accounts, AccountRecord, published
}

fn published(row: AccountRecord) -> (bool, Account) {
    let payload = Account {
        status: row.columns.status,
        display_name: row.columns.display_name,
        staff_id: row.columns.staff_id.map(|id| id.to_string()),
        valid_after: Some(row.valid_after.to_rfc3339_opts(SecondsFormat::Secs, true)),
    };
    (false, payload)
}
