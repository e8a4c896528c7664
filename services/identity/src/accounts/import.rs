//! Accounts from spreadsheets: a row is an account, found again by its username; what the file has no column for stays as
//! it is. New ones have no password until somebody sets it.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use registrar_access::{Access, Action, GrantedUnit, units};
use registrar_domain::Code;
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult, texts};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreError, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    model::{AccountInput, AccountStatus, NewAccount, username_key},
    staff_names,
    store::{self, Named},
};

/// Imports accounts.
pub struct AccountImporter;

#[async_trait]
impl Importer for AccountImporter {
    fn resource(&self) -> &'static str {
        "accounts"
    }

    fn action(&self) -> Action {
        Action::AccountsWrite
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    fn chunk(&self) -> usize {
        200
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let mut known = Known::load(conn, access, &rows).await?;
        let mut results = Vec::with_capacity(rows.len());
        for row in rows {
            let line = row.line;
            results.push(match known.wanted(row) {
                Ok(wanted) => RowResult { line, outcome: write(conn, access, line, wanted).await? },
                Err(refused) => refused,
            });
        }
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        store::count_by_unit(conn, access, units).await
    }
}

/// What a row makes.
enum Wanted {
    /// An account that is not there.
    New(NewAccount, AccountStatus),
    /// Another state of one that is.
    Known(Box<Named>, AccountInput),
}

/// What the rows of a chunk name.
struct Known {
    units: HashMap<String, GrantedUnit>,
    staff: HashMap<String, Uuid>,
    /// By the key of the username, with whether the caller may change it.
    accounts: HashMap<String, (Named, bool)>,
    seen: HashSet<String>,
}

impl Known {
    async fn load(conn: &mut Connection, access: &Access, rows: &[ImportRow]) -> StoreResult<Self> {
        let keys: BTreeSet<String> = texts(rows, "username").iter().map(|username| username_key(username)).collect();
        Ok(Known {
            units: units::by_codes(conn, access, Action::AccountsWrite, texts(rows, "unit_code").into_iter()).await?,
            staff: staff_names::by_codes(conn, access, texts(rows, "staff_code").into_iter().collect()).await?,
            accounts: store::by_username_keys(conn, access, keys.into_iter().collect()).await?,
            seen: HashSet::new(),
        })
    }

    fn wanted(&mut self, mut row: ImportRow) -> Result<Wanted, RowResult> {
        let username: String = row.require("username")?;
        let key = username_key(&username);
        if !self.seen.insert(key.clone()) {
            return Err(row.failed("username", "repeated", "the username stands in the file twice"));
        }
        let unit_code: Code = row.require("unit_code")?;
        let unit = self.units.get(unit_code.as_str()).map(|granted| granted.unit.id);
        let unit = unit.ok_or_else(|| row.failed("unit_code", "unknown_unit", "no unit of this code whose accounts you may manage"))?;
        let mut fixed = vec![("unit_id", json!(unit))];
        if row.cells.contains_key("staff_code") {
            let code: Option<Code> = row.take("staff_code")?;
            let unknown = || row.failed("staff_code", "unknown_staff", "no staff record of this code is known here yet");
            let staff = code.map(|code| self.staff.get(code.as_str()).ok_or_else(unknown)).transpose()?;
            fixed.push(("staff_id", json!(staff)));
        }
        match self.accounts.remove(&key) {
            Some((_, false)) => Err(row.failed("username", "forbidden", "the account is outside your grants")),
            Some((named, true)) => {
                let before = named.0.columns.to_input().map_err(|_| row.failed("", "invalid", "the record cannot be read"))?;
                // An empty status is no wish to have none.
                row.cells.retain(|field, value| field != "status" || !value.is_null());
                let input = row.onto(Some(&before), &fixed)?;
                Ok(Wanted::Known(Box::new(named), input))
            }
            None => {
                let status = row.take("status")?.unwrap_or(AccountStatus::Active);
                row.cells.insert("username".to_owned(), Value::String(username));
                row.cells.extend(fixed.into_iter().map(|(field, value)| (field.to_owned(), value)));
                Ok(Wanted::New(row.typed()?, status))
            }
        }
    }
}

async fn write(conn: &mut Connection, access: &Access, line: i32, wanted: Wanted) -> StoreResult<Outcome> {
    let written = match wanted {
        Wanted::New(new, status) => create(conn, access, &new, status).await.map(|()| Outcome::Created),
        Wanted::Known(named, input) => {
            let (unit, version) = (named.0.columns.unit_id, named.0.version);
            let changed = |(after, _): Named| if after.version == version { Outcome::Unchanged } else { Outcome::Changed(unit) };
            store::update(conn, access, *named, input).await.map(changed)
        }
    };
    let failed = |field: &str, code: &str, detail: &str| Ok(RowResult::failed(line, field, code, detail).outcome);
    match written {
        Ok(outcome) => Ok(outcome),
        Err(StoreError::Forbidden(_)) => failed("username", "forbidden", "this is more than you may do with the account"),
        Err(StoreError::NotYetKnown(_)) => failed("staff_code", "unknown_staff", "no staff record of this code is known here yet"),
        Err(StoreError::State(detail)) => failed("username", "state", detail),
        Err(error) => RowResult::refused(line, error).map(|refused| refused.outcome),
    }
}

async fn create(conn: &mut Connection, access: &Access, new: &NewAccount, status: AccountStatus) -> StoreResult<()> {
    let named = store::create(conn, access, new, None).await?;
    if status != AccountStatus::Active {
        let input = AccountInput { status, ..named.0.columns.to_input()? };
        store::update(conn, access, named, input).await?;
    }
    Ok(())
}
