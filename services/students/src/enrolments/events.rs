//! Enrolments as events: what reports count.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{Event, Source, contracts::students::Enrolment};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::EnrolmentRecord, store::AGGREGATE};
use crate::schema::enrolments;

/// Publishes enrolments.
pub struct EnrolmentSource;

#[async_trait]
impl Source for EnrolmentSource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = enrolments::table.filter(enrolments::id.eq_any(ids.to_vec())).select(EnrolmentRecord::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(|row| event(row, epoch)).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(enrolments::table.filter(enrolments::id.gt(after.unwrap_or(Uuid::nil()))).order(enrolments::id).limit(limit).select(enrolments::id).load(conn).await?)
    }
}

fn event(row: EnrolmentRecord, epoch: i64) -> Event {
    let (columns, copied) = (row.columns, row.copied);
    let ended = columns.ended_on.is_some();
    let payload = Enrolment {
        student_id: columns.student_id.to_string(),
        class_id: columns.class_id.to_string(),
        unit_id: copied.unit_id.to_string(),
        school_year_id: copied.school_year_id.to_string(),
        education_level: copied.education_level,
        grade: copied.grade.map(|grade| grade.to_string()),
        gender: copied.gender,
        enrolled_on: columns.enrolled_on.to_string(),
        ended_on: columns.ended_on.map(|date| date.to_string()),
        end_reason: columns.end_reason,
        status: if ended { "ended" } else { "active" }.to_owned(),
    };
    Event {
        aggregate: AGGREGATE.to_owned(),
        id: row.id,
        tenant_id: row.tenant_id,
        epoch,
        version: row.version,
        ended,
        occurred_at: row.changed_at,
        payload: payload.encode_to_vec(),
        traceparent: None,
        resync: false,
    }
}
