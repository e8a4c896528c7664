//! Guardians while the rows of files are applied, and how they are written many at once: by imports of guardians, and of
//! students, whose files have columns for father and mother.

use std::collections::HashSet;

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, batch};
use registrar_store::{Condition, Connection, StoreResult};
use serde_json::json;
use uuid::Uuid;

use super::{
    model::{GuardianInput, GuardianRecord},
    store::permitted,
};
use crate::schema::guardians;

/// A guardian while a chunk is applied.
pub struct Pending {
    /// Its id.
    pub id: Uuid,
    /// Version and state as they were; none for one that this chunk makes.
    pub before: Option<(i64, GuardianInput)>,
    /// What the rows so far make of it.
    pub now: GuardianInput,
}

impl Pending {
    /// One that a row makes.
    #[must_use]
    pub fn new(now: GuardianInput) -> Self {
        Pending { id: Uuid::now_v7(), before: None, now }
    }

    /// As it is written with others.
    fn row(&self) -> StoreResult<batch::Row> {
        let mut row = batch::row(self.id, self.before.as_ref().map_or(1, |(version, _)| *version), &self.now)?;
        let name = &self.now.full_name;
        row.insert("name_search".into(), json!(name.search_key()));
        row.insert("name_sort".into(), json!(name.sort_key()));
        Ok(row)
    }
}

impl From<GuardianRecord> for Pending {
    fn from(row: GuardianRecord) -> Self {
        Pending { id: row.id, before: Some((row.version, row.entered.clone())), now: row.entered }
    }
}

/// Writes those that are new or changed.
///
/// # Errors
/// [`registrar_store::StoreError::Conflict`] for a personal number in use.
pub async fn write(conn: &mut Connection, access: &Access, pending: Vec<Pending>) -> StoreResult<()> {
    let (new, old): (Vec<Pending>, Vec<Pending>) = pending.into_iter().partition(|guardian| guardian.before.is_none());
    let changed = old.iter().filter(|guardian| guardian.before.as_ref().is_some_and(|(_, before)| *before != guardian.now));
    let (new, changed) = (new.iter().map(Pending::row).collect::<StoreResult<_>>()?, changed.map(Pending::row).collect::<StoreResult<_>>()?);
    batch::insert(conn, access, "guardians", new).await?;
    batch::update(conn, access, "guardians", changed).await
}

/// The condition that a guardian is, or was, one of these students'.
pub fn of_children<'a>(access: &Access, students: impl Iterator<Item = &'a Uuid>) -> Condition {
    let children: Vec<String> = students.map(ToString::to_string).collect();
    Condition::sql("guardians.id in (select c.guardian_id from guardianships c where c.tenant_id = ")
        .uuid(access.tenant.into())
        .and_sql(" and c.student_id = any(string_to_array(")
        .text(children.join(","))
        .and_sql(", ',')::uuid[]))")
}

/// The condition that a column of guardians, one of the program's own names, is one of these texts without commas.
pub fn among<'a>(column: &str, texts: impl Iterator<Item = &'a str>) -> Condition {
    let texts: Vec<&str> = texts.filter(|text| !text.contains(',')).collect();
    Condition::sql(format!("guardians.{column} = any(string_to_array(")).text(texts.join(",")).and_sql(", ','))")
}

/// Those of these numbers that guardians have whom the caller may not change: knowing somebody's number is no right to
/// their record.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn numbers_of_others(conn: &mut Connection, access: &Access, numbers: Vec<String>) -> StoreResult<HashSet<String>> {
    if numbers.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<(Option<String>, bool)> = guardians::table
        .filter(guardians::tenant_id.eq(Uuid::from(access.tenant)).and(guardians::personal_number.eq_any(numbers)))
        .select((guardians::personal_number, permitted(access, Action::StudentsWrite)))
        .load(conn)
        .await?;
    Ok(rows.into_iter().filter(|(_, may)| !may).filter_map(|(number, _)| number).collect())
}
