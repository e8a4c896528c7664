//! Events -> facts. The tables' triggers do the counting.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::{sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_events::{ApplyError, Event, Held, Replica, TableReplica};
use registrar_store::{Connection, Keep, StoreResult};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::model::{self, Fact, Subject};
use crate::copies::fields;

/// The facts of staff records and of enrolments.
#[must_use]
pub fn replicas() -> Vec<Arc<dyn Replica>> {
    let staff = TableReplica {
        aggregate: Subject::Staff.aggregate(),
        table: "staff_facts",
        columns: &["unit_id", "education_level", "gender", "position_group", "from_date", "to_date"],
        row: |event| Ok(row(model::staff(event)?, "position_group")),
    };
    let enrolments = TableReplica {
        aggregate: Subject::Students.aggregate(),
        table: "enrolment_facts",
        columns: &["unit_id", "education_level", "gender", "grade", "from_date", "to_date"],
        row: |event| Ok(row(model::enrolment(event)?, "grade")),
    };
    vec![Arc::new(Facts(staff)), Arc::new(Facts(enrolments))]
}

fn row(fact: Fact, category: &str) -> Map<String, Value> {
    let mut row = fields(json!({
        "unit_id": fact.unit, "education_level": fact.education_level, "gender": fact.gender,
        "from_date": fact.counted.map(|period| period.from()), "to_date": fact.counted.and_then(|period| period.to()),
    }));
    row.insert(category.to_owned(), Value::from(fact.category));
    row
}

/// A table of facts, which also notes how recent they are.
struct Facts(TableReplica);

#[async_trait]
impl Replica for Facts {
    fn aggregate(&self) -> &'static str {
        self.0.aggregate
    }

    async fn apply(&self, conn: &mut Connection, events: &[Event]) -> Result<(), ApplyError> {
        self.0.write(conn, events).await?;
        let Some(newest) = events.iter().map(|event| event.occurred_at).max() else { return Ok(()) };
        note_newest(conn, self.0.aggregate, newest).await
    }

    fn expected(&self, event: &Event) -> Result<Value, ApplyError> {
        self.0.expected(event)
    }

    async fn held(&self, conn: &mut Connection, ids: &[Uuid]) -> StoreResult<Vec<Held>> {
        self.0.held(conn, ids).await
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        self.0.ids(conn, after, limit).await
    }
}

async fn note_newest(conn: &mut Connection, aggregate: &str, newest: DateTime<Utc>) -> Result<(), ApplyError> {
    const NOTE: &str = "insert into newest_changes as n values ($1, $2) \
                        on conflict (aggregate) do update set occurred_at = excluded.occurred_at where n.occurred_at < excluded.occurred_at";
    Keep(sql_query(NOTE).bind::<sql_types::Text, _>(aggregate).bind::<sql_types::Timestamptz, _>(newest)).execute(conn).await?;
    Ok(())
}
