//! The circuit breaker: an import that would change or end a large part of a unit's records is more often a mistake (last
//! year's file, a shifted column) than meant, and waits until somebody says that it is meant.

use std::collections::HashMap;

use registrar_access::Access;
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{HeldFor, Importer, Outcome, RowResult};

/// The share of a unit's records that an import may change or end unasked: one in so many.
const ONE_IN: i64 = 4;
/// So many records may always be changed: small units would be asked all the time.
const ALWAYS: i64 = 10;
/// Units named at most.
const MOST_NAMED: usize = 100;

/// Adds what a chunk changed, by unit.
pub(super) fn count(changed: &mut HashMap<Uuid, i64>, results: &[RowResult]) {
    for result in results {
        if let Outcome::Changed(unit) = result.outcome {
            *changed.entry(unit).or_default() += 1;
        }
    }
}

/// The units of which more has been changed than may be unasked.
pub(super) async fn tripped(conn: &mut Connection, importer: &dyn Importer, access: &Access, changed: &HashMap<Uuid, i64>) -> StoreResult<Vec<HeldFor>> {
    let many: Vec<Uuid> = changed.iter().filter(|(_, changed)| **changed > ALWAYS).map(|(unit, _)| *unit).collect();
    if many.is_empty() {
        return Ok(Vec::new());
    }
    let records = importer.records_of(conn, access, &many).await?;
    let of = |unit: &Uuid| HeldFor { unit_id: *unit, records: records.get(unit).copied().unwrap_or_default(), changed: changed.get(unit).copied().unwrap_or_default() };
    let mut held: Vec<HeldFor> = many.iter().map(of).filter(|unit| unit.changed * ONE_IN > unit.records).collect();
    held.sort_by_key(|unit| unit.unit_id);
    held.truncate(MOST_NAMED);
    Ok(held)
}
