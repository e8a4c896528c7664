//! Grants from spreadsheets, such as those of all teachers at the start of a school year: a row is a grant, found again by
//! what it gives to whom from when. Only its last day and status can change; what is given is given anew.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action, GrantedUnit, Role, units};
use registrar_domain::{AccountId, Code, EducationLevels, Hierarchy};
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreError, StoreResult};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    model::{GrantColumns, GrantInput, GrantRecord, GrantStatus, NewGrant},
    store,
};
use crate::accounts::{credentials, model::username_key};

/// A row of a file of grants. See `NewGrant` for the fields.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRow {
    /// Who gets it.
    #[schema(max_length = 100)]
    username: String,
    /// What it allows.
    role: Role,
    /// In this unit and below it.
    unit_code: Code,
    /// The hierarchy in which "below" is meant; professional when empty.
    hierarchy: Option<Hierarchy>,
    /// Only records of these education levels, joined by semicolons: `TH;THCS`.
    #[schema(max_length = 50)]
    education_levels: Option<String>,
    /// Only these classes, by their ids, joined by semicolons.
    #[schema(max_length = 8000)]
    class_ids: Option<String>,
    /// First day.
    valid_from: NaiveDate,
    /// Last day.
    valid_until: Option<NaiveDate>,
    /// Whether it holds; active when empty.
    status: Option<GrantStatus>,
    /// What it rests on; of a new grant only.
    #[schema(min_length = 1, max_length = 500)]
    note: Option<String>,
}

/// Imports grants.
pub struct GrantImporter;

#[async_trait]
impl Importer for GrantImporter {
    fn resource(&self) -> &'static str {
        "grants"
    }

    fn action(&self) -> Action {
        Action::GrantsWrite
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    fn chunk(&self) -> usize {
        200
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let mut results = Vec::with_capacity(rows.len());
        let mut typed = Vec::with_capacity(rows.len());
        for row in rows {
            match row.typed::<GrantRow>() {
                Ok(grant) => typed.push((row, grant)),
                Err(refused) => results.push(refused),
            }
        }
        let mut known = Known::load(conn, access, &typed).await?;
        for (row, grant) in typed {
            let line = row.line;
            results.push(match known.wanted(access, &row, &grant) {
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

/// What a grant is found again by: its columns but for what can change.
type Key = (Uuid, Uuid, String, String, Vec<String>, Vec<Uuid>, NaiveDate);

fn key(columns: &GrantColumns) -> Key {
    let columns = columns.clone();
    (columns.account_id, columns.unit_id, columns.role, columns.hierarchy, columns.education_levels, columns.class_ids, columns.valid_from)
}

/// What a row makes.
enum Wanted {
    /// A grant that is not there.
    New(Box<NewGrant>),
    /// Another end of one that is.
    Known(Box<GrantRecord>, GrantInput),
}

/// What the rows of a chunk name.
struct Known {
    units: HashMap<String, GrantedUnit>,
    accounts: HashMap<String, Uuid>,
    /// By key and status: what was taken back may have been given again.
    grants: HashMap<(Key, String), (GrantRecord, bool)>,
    seen: HashSet<(Key, String)>,
}

impl Known {
    async fn load(conn: &mut Connection, access: &Access, rows: &[(ImportRow, GrantRow)]) -> StoreResult<Self> {
        let keys: BTreeSet<String> = rows.iter().map(|(_, grant)| username_key(&grant.username)).collect();
        let accounts = credentials::accounts(conn, access, keys.into_iter().collect()).await?;
        let grants = store::of_accounts(conn, access, accounts.values().copied().collect()).await?;
        Ok(Known {
            units: units::by_codes(conn, access, Action::GrantsWrite, rows.iter().map(|(_, grant)| grant.unit_code.to_string())).await?,
            grants: grants.into_iter().map(|(record, may)| ((key(&record.columns), record.columns.status.clone()), (record, may))).collect(),
            accounts,
            seen: HashSet::new(),
        })
    }

    fn wanted(&mut self, access: &Access, row: &ImportRow, grant: &GrantRow) -> Result<Wanted, RowResult> {
        let account = self.accounts.get(&username_key(&grant.username));
        let account = *account.ok_or_else(|| row.failed("username", "unknown_account", "no account of this username whose grants you may see"))?;
        let unit = self.units.get(grant.unit_code.as_str()).map(|granted| granted.unit.id);
        let unit = unit.ok_or_else(|| row.failed("unit_code", "unknown_unit", "no unit of this code in which you may give grants"))?;
        let levels: EducationLevels =
            grant.education_levels.as_deref().unwrap_or_default().parse().map_err(|error| row.failed("education_levels", "invalid", format!("{error}")))?;
        let classes = grant.class_ids.as_deref().unwrap_or_default().split(';').map(str::trim).filter(|id| !id.is_empty());
        let classes = classes.map(Uuid::parse_str).collect::<Result<_, _>>().map_err(|error| row.failed("class_ids", "invalid", error.to_string()))?;
        let new = NewGrant {
            account_id: AccountId::from(account),
            role: grant.role,
            unit_id: unit.into(),
            hierarchy: grant.hierarchy,
            education_levels: levels,
            class_ids: classes,
            valid_from: Some(grant.valid_from),
            valid_until: grant.valid_until,
            note: grant.note.clone(),
        };
        let columns = new.columns(access.today).map_err(|error| RowResult::refused(row.line, error).unwrap_or_else(|_| row.failed("", "invalid", "the grant cannot be kept")))?;
        let key = key(&columns);
        let status = grant.status.unwrap_or(GrantStatus::Active);
        let with = |status: GrantStatus| (key.clone(), status.as_str().to_owned());
        if !self.seen.insert(with(status)) {
            return Err(row.failed("username", "repeated", "the grant stands in the file twice"));
        }
        let same = self.grants.get(&with(status)).or_else(|| self.grants.get(&with(GrantStatus::Active)));
        match same {
            Some((_, false)) => Err(row.failed("username", "forbidden", "the grant is outside your grants")),
            Some((record, true)) => {
                let valid_until = if row.cells.contains_key("valid_until") { grant.valid_until } else { record.columns.valid_until };
                Ok(Wanted::Known(Box::new(record.clone()), GrantInput { valid_until, status }))
            }
            None if status == GrantStatus::Ended => Err(row.failed("status", "invalid", "there is no such grant to end")),
            None => Ok(Wanted::New(Box::new(new))),
        }
    }
}

async fn write(conn: &mut Connection, access: &Access, line: i32, wanted: Wanted) -> StoreResult<Outcome> {
    let written = match wanted {
        Wanted::New(new) => store::create(conn, access, &new).await.map(|_| Outcome::Created),
        Wanted::Known(record, input) => {
            let (unit, version) = (record.columns.unit_id, record.version);
            let changed = |after: GrantRecord| if after.version == version { Outcome::Unchanged } else { Outcome::Changed(unit) };
            store::update(conn, access, *record, &input).await.map(changed)
        }
    };
    let failed = |field: &str, code: &str, detail: &str| Ok(RowResult::failed(line, field, code, detail).outcome);
    match written {
        Ok(outcome) => Ok(outcome),
        Err(StoreError::Forbidden(_)) => failed("role", "forbidden", "this is more than you hold and may hand on"),
        Err(StoreError::State(detail)) => failed("status", "state", detail),
        Err(StoreError::Invalid { pointer, code, detail }) if pointer == "/account_id" => failed("username", code, &detail),
        Err(error) => RowResult::refused(line, error).map(|refused| refused.outcome),
    }
}
