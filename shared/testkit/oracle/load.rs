//! The world into a service's copies, many rows at a time, as identity's events would have filled them.

use std::time::Duration;

use diesel::{
    sql_query,
    sql_types::{BigInt, Jsonb},
};
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_store::Db;
use registrar_testkit::{Api, TestSystem, eventually};
use serde_json::{Value, json};

use super::{
    Account, Authority, Dice,
    authority::{BOTH, Superior, Unit, long_ago},
};

const UNITS: &str = "
    insert into units (id, tenant_id, code, name, name_search, kind, education_levels, opened_on, closed_on, status, superiors)
    select id, tenant_id, code, code, lower(code), 'other', education_levels, '2000-01-01', closed_on, case when closed_on is null then 'open' else 'closed' end, superiors
    from jsonb_to_recordset($1) u(id uuid, tenant_id uuid, code text, education_levels text[], closed_on date, superiors jsonb)";

const MOVES: &str = "update units set superiors = u.superiors from jsonb_to_recordset($1) u(id uuid, superiors jsonb) where units.id = u.id";

const ACCOUNTS: &str = "
    insert into accounts (id, tenant_id, display_name, staff_id, status)
    select id, tenant_id, 'Oracle', staff_id, 'active' from jsonb_to_recordset($1) a(id uuid, tenant_id uuid, staff_id uuid)";

const GRANTS: &str = "
    insert into grants (id, tenant_id, account_id, role, unit_id, hierarchy, education_levels, class_ids, valid_from, valid_until, status, given_by)
    select id, tenant_id, account_id, role, unit_id, hierarchy, education_levels, class_ids, valid_from, valid_until, status, account_id
    from jsonb_to_recordset($1) g(id uuid, tenant_id uuid, account_id uuid, role text, unit_id uuid, hierarchy text, education_levels text[], class_ids uuid[],
                                  valid_from date, valid_until date, status text)";

/// Runs a statement over rows as JSON.
pub async fn rows(db: &Db, statement: &str, rows: &[Value]) {
    let rows = Value::Array(rows.to_vec());
    sql_query(statement).bind::<Jsonb, _>(rows).execute(&mut db.get().await.unwrap()).await.unwrap();
}

/// Loads everything; answers a client of each account.
pub async fn load(system: &TestSystem, service: &str, authority: &Authority, dice: &mut Dice) -> Vec<Api> {
    let db = system.db(service);
    load_units(db, authority, dice).await;
    let accounts: Vec<Value> = authority.accounts.iter().map(|account| json!({"id": account.id, "tenant_id": account.tenant, "staff_id": account.staff})).collect();
    rows(db, ACCOUNTS, &accounts).await;
    rows(db, GRANTS, &grants(authority, dice)).await;
    // The keys that sign are the test kit's: its accounts can be given another id.
    let mut signer = system.account(Role::Viewer, system.root_unit()).await.unwrap();
    let mut client = |account: &Account| {
        (signer.id, signer.tenant) = (account.id.into(), account.tenant);
        system.client_of(&signer)
    };
    authority.accounts.iter().map(&mut client).collect()
}

/// Units arrive in any order, those above after those below, and a tenth of them below their root at first.
async fn load_units(db: &Db, authority: &Authority, dice: &mut Dice) {
    let mut units: Vec<&Unit> = authority.units.iter().filter(|unit| unit.layer > 0).collect();
    dice.shuffle(&mut units);
    let moved = &units[..units.len() / 10];
    for part in units.chunks(300) {
        let arriving = |unit: &&Unit| {
            let superiors = if moved.iter().any(|moved| moved.id == unit.id) { below_root(unit) } else { superiors(authority, unit) };
            json!({"id": unit.id, "tenant_id": unit.tenant, "code": unit.code, "education_levels": unit.levels, "closed_on": unit.closed_on, "superiors": superiors})
        };
        rows(db, UNITS, &part.iter().map(arriving).collect::<Vec<_>>()).await;
    }
    let moves: Vec<Value> = moved.iter().map(|unit| json!({"id": unit.id, "superiors": superiors(authority, unit)})).collect();
    rows(db, MOVES, &moves).await;
    assert_closure(db, authority).await;
}

fn below_root(unit: &Unit) -> Value {
    Value::Array(BOTH.iter().map(|hierarchy| json!({"hierarchy": hierarchy, "unit_id": unit.tenant, "valid_from": long_ago(), "valid_to": null})).collect())
}

fn superiors(authority: &Authority, unit: &Unit) -> Value {
    let superior =
        |superior: &Superior| json!({"hierarchy": superior.hierarchy, "unit_id": authority.units[superior.unit].id, "valid_from": superior.from, "valid_to": superior.to});
    Value::Array(unit.superiors.iter().map(superior).collect())
}

fn grants(authority: &Authority, dice: &mut Dice) -> Vec<Value> {
    let mut grants = Vec::new();
    for account in &authority.accounts {
        grants.extend(account.grants.iter().map(|grant| {
            json!({
                "id": dice.id(), "tenant_id": account.tenant, "account_id": account.id, "role": grant.role, "unit_id": authority.units[grant.unit].id,
                "hierarchy": grant.hierarchy, "education_levels": grant.levels, "class_ids": grant.classes, "valid_from": grant.from, "valid_until": grant.until,
                "status": if grant.ended { "ended" } else { "active" },
            })
        }));
    }
    grants
}

/// The closure in the database has a row for every step of every walk up today, and none besides.
async fn assert_closure(db: &Db, authority: &Authority) {
    let found = count(db, &format!("select count(*) as count from unit_ancestors where date '{}' between valid_from and valid_to", authority.today)).await;
    let expected: usize = authority.above.iter().flatten().map(Vec::len).sum();
    assert_eq!(usize::try_from(found), Ok(expected), "rows of unit_ancestors today");
}

/// Waits until nothing that was loaded is still held back from the change feeds, with statistics for the planner as
/// a database in use has them.
pub async fn settle(db: &Db, table: &str) {
    sql_query("analyze").execute(&mut db.get().await.unwrap()).await.unwrap();
    let held = format!("select count(*) as count from {table} where change_xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint");
    eventually(Duration::from_secs(20), || async { count(db, &held).await == 0 }).await;
}

async fn count(db: &Db, query: &str) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let row: Count = sql_query(query).get_result(&mut db.get().await.unwrap()).await.unwrap();
    row.count
}
