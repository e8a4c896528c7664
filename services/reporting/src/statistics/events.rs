//! Events -> rows. The tables' triggers do the counting.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::{sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_events::{ApplyError, Event, Held, Replica, TableReplica};
use registrar_store::{Connection, Keep, StoreResult};
use serde_json::Value;
use uuid::Uuid;

use super::model;

/// Where statistics of staff come from.
pub const STAFF: &str = "personnel.staff_statistics";
/// Where enrolments come from.
pub const ENROLMENTS: &str = "students.enrolment";
/// Where statistics of students come from.
pub const STUDENTS: &str = "students.student_statistics";

/// The copies of what is counted.
#[must_use]
pub fn replicas() -> Vec<Arc<dyn Replica>> {
    let staff = TableReplica {
        aggregate: STAFF,
        table: "staff_statistics",
        columns: &["unit_id", "education_level", "identity_status", "missing", "ended", "employments"],
        row: model::staff,
    };
    let enrolments = TableReplica {
        aggregate: ENROLMENTS,
        table: "enrolments",
        columns: &["student_id", "unit_id", "education_level", "grade", "gender", "from_date", "to_date"],
        row: model::enrolment,
    };
    let students = TableReplica {
        aggregate: STUDENTS,
        table: "student_statistics",
        columns: &["unit_id", "education_level", "gender", "birth_year", "ethnic_group", "policy_category", "identity_status", "missing", "ended"],
        row: model::student,
    };
    [staff, enrolments, students].into_iter().map(|copy| Arc::new(Dated(copy)) as Arc<dyn Replica>).collect()
}

/// A copy which also notes how recent it is.
struct Dated(TableReplica);

#[async_trait]
impl Replica for Dated {
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
