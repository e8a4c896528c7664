//! Comparing an owner with a copy, row by row.
//!
//! Both sides are read page by page in id order and compared at once: what costs is reading the rows, which a digest
//! would have to do as well. What differs at first sight may only be under way, so it is looked at again, and
//! called divergent when it stays so while nothing about it moves.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use registrar_store::{Connection, Db, StoreError, feed::current_epoch, schema::outbox};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{Event, Held, RepairError, Replica, Source};

/// Ids of one page.
const PAGE: usize = 500;
/// Rows named in each list of a report.
const LISTED: usize = 1000;
/// When so many rows differ a resync is due, and naming more of them helps nobody.
const SUSPECTS: usize = 10_000;
/// How long a difference must stand still before it counts: events take that long at most in quiet times.
const SETTLE: Duration = Duration::from_secs(2);
/// How long changing rows are waited for.
const DEADLINE: Duration = Duration::from_secs(30);
/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What a comparison found. Each list names the first 1,000 rows; its counter has them all.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct VerifyReport {
    /// Rows compared, on either side.
    pub compared: u64,
    /// The owner has them, the copy does not. A resync mends it.
    pub missing: Vec<Uuid>,
    /// How many are missing.
    pub missing_count: u64,
    /// The copy is older than the owner. A resync mends it.
    pub stale: Vec<Uuid>,
    /// How many are stale.
    pub stale_count: u64,
    /// The copy is newer than the owner: the owner was restored without a new epoch.
    pub ahead: Vec<Uuid>,
    /// How many are ahead.
    pub ahead_count: u64,
    /// Of the same version, and yet these fields differ: edited by hand, or copied before a field was added. A resync
    /// mends it.
    pub differing: Vec<(Uuid, Vec<String>)>,
    /// How many differ.
    pub differing_count: u64,
    /// The copy has them, the owner does not. Somebody has to find out why.
    pub surplus: Vec<Uuid>,
    /// How many are surplus.
    pub surplus_count: u64,
    /// False when the comparison stopped early because more than 10,000 rows differed.
    pub complete: bool,
}

impl VerifyReport {
    /// Whether owner and copy say the same.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.complete && self.missing_count + self.stale_count + self.ahead_count + self.differing_count + self.surplus_count == 0
    }

    fn add(&mut self, id: Uuid, finding: Finding) {
        let (list, count) = match finding {
            Finding::Missing => (&mut self.missing, &mut self.missing_count),
            Finding::Stale => (&mut self.stale, &mut self.stale_count),
            Finding::Ahead => (&mut self.ahead, &mut self.ahead_count),
            Finding::Surplus => (&mut self.surplus, &mut self.surplus_count),
            Finding::Differing(fields) => {
                self.differing_count += 1;
                if self.differing.len() < LISTED {
                    self.differing.push((id, fields));
                }
                return;
            }
        };
        *count += 1;
        if list.len() < LISTED {
            list.push(id);
        }
    }
}

/// Compares the owner's rows with the copy's. Reads only. Takes 2 s longer when it finds anything and up to 30 s
/// longer while what it found keeps changing.
///
/// # Errors
/// Whatever the databases say, or a payload of the owner's that is not its own contract.
pub async fn verify(source_db: &Db, source: &dyn Source, consumer_db: &Db, replica: &dyn Replica) -> Result<VerifyReport, RepairError> {
    let sides = Sides { source_db, source, consumer_db, replica };
    let mut report = VerifyReport { complete: true, ..VerifyReport::default() };
    let mut suspects = BTreeMap::new();
    let mut after = None;
    loop {
        let (ids, last) = sides.next_ids(after).await?;
        report.compared += u64::try_from(ids.len()).unwrap_or_default();
        suspects.append(&mut sides.look(&ids).await?);
        if suspects.len() > SUSPECTS {
            report.complete = false;
            break;
        }
        let Some(last) = last else { break };
        after = Some(last);
    }
    for (id, suspect) in sides.settle(suspects).await? {
        report.add(id, suspect.finding);
    }
    Ok(report)
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq)]
enum Finding {
    Missing,
    Stale,
    Ahead,
    Differing(Vec<String>),
    Surplus,
}

/// A row that differs, with what shows whether it moves.
#[derive(Clone, Debug, PartialEq)]
struct Suspect {
    finding: Finding,
    owner: Option<(i64, i64)>,
    copy: Option<(i64, i64)>,
}

struct Sides<'a> {
    source_db: &'a Db,
    source: &'a dyn Source,
    consumer_db: &'a Db,
    replica: &'a dyn Replica,
}

impl Sides<'_> {
    /// The next ids of either side, and after which to go on; `None` at the end.
    async fn next_ids(&self, after: Option<Uuid>) -> Result<(Vec<Uuid>, Option<Uuid>), RepairError> {
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let owner = self.source.ids(&mut *self.source_db.get().await?, after, limit).await?;
        let copy = self.replica.ids(&mut *self.consumer_db.get().await?, after, limit).await?;
        // Beyond the end of a full page its side may have more: go only as far as both pages reach.
        let full = |page: &[Uuid]| page.last().copied().filter(|_| page.len() >= PAGE);
        let reach = full(&owner).into_iter().chain(full(&copy)).min();
        let ids: BTreeSet<Uuid> = owner.into_iter().chain(copy).filter(|id| reach.is_none_or(|reach| *id <= reach)).collect();
        Ok((ids.into_iter().collect(), reach))
    }

    /// The rows of these ids that differ now.
    async fn look(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Suspect>, RepairError> {
        let mut suspects = BTreeMap::new();
        for ids in ids.chunks(PAGE) {
            let mut conn = self.source_db.get().await?;
            let epoch = current_epoch(&mut conn).await?;
            let owner = self.source.load(&mut conn, epoch, ids).await?;
            drop(conn);
            let copy = self.replica.held(&mut *self.consumer_db.get().await?, ids).await?;
            let owner: BTreeMap<Uuid, Event> = owner.into_iter().map(|event| (event.id, event)).collect();
            let copy: BTreeMap<Uuid, Held> = copy.into_iter().map(|held| (held.id, held)).collect();
            for id in ids {
                let (event, held) = (owner.get(id), copy.get(id));
                if let Some(finding) = self.compare(event, held)? {
                    let copy = held.map(|held| (held.epoch, held.version));
                    suspects.insert(*id, Suspect { finding, owner: event.map(Event::order), copy });
                }
            }
        }
        Ok(suspects)
    }

    fn compare(&self, event: Option<&Event>, held: Option<&Held>) -> Result<Option<Finding>, RepairError> {
        let expected = event.map(|event| self.replica.expected(event)).transpose()?.unwrap_or(Value::Null);
        Ok(match (event, held) {
            (None, None) => None,
            (None, Some(_)) => Some(Finding::Surplus),
            (Some(_), None) => (!expected.is_null()).then_some(Finding::Missing),
            (Some(event), Some(held)) => match event.order().cmp(&(held.epoch, held.version)) {
                std::cmp::Ordering::Greater => Some(Finding::Stale),
                std::cmp::Ordering::Less => Some(Finding::Ahead),
                std::cmp::Ordering::Equal => {
                    let fields = differing_fields(&expected, &held.row);
                    (!fields.is_empty()).then_some(Finding::Differing(fields))
                }
            },
        })
    }

    /// Looks again until what still differs has stood still for a while, or the deadline.
    async fn settle(&self, mut suspects: BTreeMap<Uuid, Suspect>) -> Result<BTreeMap<Uuid, Suspect>, RepairError> {
        let deadline = Instant::now() + DEADLINE;
        let mut still_since = Instant::now();
        while !suspects.is_empty() && still_since.elapsed() < SETTLE && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
            let ids: Vec<Uuid> = suspects.keys().copied().collect();
            let now = self.look(&ids).await?;
            if now != suspects || self.any_pending(&ids).await? {
                still_since = Instant::now();
            }
            suspects = now;
        }
        Ok(suspects)
    }

    /// Whether the owner has yet to publish any of the rows.
    async fn any_pending(&self, ids: &[Uuid]) -> Result<bool, RepairError> {
        let conn: &mut Connection = &mut *self.source_db.get().await?;
        let pending = outbox::table.filter(outbox::aggregate.eq(self.source.aggregate())).filter(outbox::id.eq_any(ids)).select(outbox::sequence);
        let pending: Vec<i64> = pending.limit(1).load(conn).await.map_err(StoreError::from)?;
        Ok(!pending.is_empty())
    }
}

/// The fields in which two rows differ; of rows that are no objects, the whole.
fn differing_fields(expected: &Value, held: &Value) -> Vec<String> {
    let (Value::Object(expected), Value::Object(held)) = (expected, held) else {
        return if expected == held { Vec::new() } else { vec![".".to_owned()] };
    };
    let names: BTreeSet<&String> = expected.keys().chain(held.keys()).collect();
    let value = |row: &serde_json::Map<String, Value>, name: &str| row.get(name).cloned().unwrap_or(Value::Null);
    names.into_iter().filter(|name| value(expected, name) != value(held, name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differing_fields_are_named_and_null_is_absent() {
        assert_eq!(differing_fields(&json!({"a": 1, "b": 2, "c": null}), &json!({"a": 1, "b": 3, "d": 4})), ["b", "d"]);
        assert_eq!(differing_fields(&json!({"a": null}), &json!({})), Vec::<String>::new());
        assert_eq!(differing_fields(&json!(1), &json!({})), ["."]);
    }

    #[test]
    fn lists_are_capped_and_counted() {
        let mut report = VerifyReport { complete: true, ..VerifyReport::default() };
        assert!(report.is_clean());
        for n in 0..1500 {
            report.add(Uuid::from_u128(n), Finding::Missing);
        }
        assert_eq!((report.missing.len(), report.missing_count), (1000, 1500));
        assert!(!report.is_clean());
    }
}
