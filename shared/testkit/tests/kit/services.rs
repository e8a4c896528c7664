//! Two small services: `notes` owns notes, `board` has copies of them.

use std::sync::Arc;

use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use diesel::{QueryableByName, sql_query, sql_types as sql};
use diesel_async::RunQueryDsl;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use registrar_access::Action;
use registrar_domain::ids::UnitId;
use registrar_events::{Event, Source, TableReplica};
use registrar_http::{Body, Caller, Problem, Service, ServiceContext, resource, service};
use registrar_store::{Connection, StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use uuid::Uuid;

const NOTES: EmbeddedMigrations = embed_migrations!("tests/migrations/notes");
const BOARD: EmbeddedMigrations = embed_migrations!("tests/migrations/board");

#[derive(Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NoteInput {
    #[schema(max_length = 20)]
    text: String,
    unit_id: Uuid,
}

#[utoipa::path(operation_id = "notes.list", responses((status = 200, description = "How many there are")))]
#[get("")]
async fn list(context: ServiceContext, caller: Caller) -> Result<HttpResponse, Problem> {
    caller.require(Action::StaffRead)?;
    let count = crate::count(&context.db, "select count(*) as count from notes").await;
    Ok(HttpResponse::Ok().json(json!({ "count": count })))
}

#[utoipa::path(operation_id = "notes.create", request_body = NoteInput, responses((status = 201, description = "Written")))]
#[post("")]
async fn create(context: ServiceContext, caller: Caller, body: Body<NoteInput>) -> Result<HttpResponse, Problem> {
    let mut conn = context.db.get().await?;
    caller.in_unit(&conn, Action::StaffWrite, UnitId::from(body.unit_id), None).await?;
    let id = Uuid::now_v7();
    sql_query("insert into notes (id, tenant_id, unit_id, text, changed_at) values ($1, $2, $3, $4, $5)")
        .bind::<sql::Uuid, _>(id)
        .bind::<sql::Uuid, _>(Uuid::from(caller.tenant))
        .bind::<sql::Uuid, _>(body.unit_id)
        .bind::<sql::Text, _>(&body.text)
        .bind::<sql::Timestamptz, _>(caller.now)
        .execute(&mut conn)
        .await
        .map_err(StoreError::from)?;
    Ok(HttpResponse::Created().insert_header(("etag", "\"1.x\"")).json(json!({ "id": id, "text": body.text })))
}

struct NoteSource;

#[derive(QueryableByName)]
struct Note {
    #[diesel(sql_type = sql::Uuid)]
    id: Uuid,
    #[diesel(sql_type = sql::Uuid)]
    tenant_id: Uuid,
    #[diesel(sql_type = sql::BigInt)]
    version: i64,
    #[diesel(sql_type = sql::Text)]
    text: String,
    #[diesel(sql_type = sql::Timestamptz)]
    changed_at: DateTime<Utc>,
}

#[async_trait::async_trait]
impl Source for NoteSource {
    fn aggregate(&self) -> &'static str {
        "notes.note"
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let notes: Vec<Note> = sql_query("select * from notes where id = any($1)").bind::<sql::Array<sql::Uuid>, _>(ids).load(conn).await?;
        Ok(notes.into_iter().map(|note| event(note.id, note.tenant_id, epoch, note.version, &note.text, note.changed_at)).collect())
    }

    async fn ids(&self, _: &mut Connection, _: Option<Uuid>, _: i64) -> StoreResult<Vec<Uuid>> {
        Ok(Vec::new())
    }
}

pub fn event(id: Uuid, tenant_id: Uuid, epoch: i64, version: i64, text: &str, occurred_at: DateTime<Utc>) -> Event {
    let payload = text.as_bytes().to_vec();
    Event { aggregate: "notes.note".to_owned(), id, tenant_id, epoch, version, ended: false, occurred_at, payload, traceparent: None, resync: false }
}

pub fn notes() -> Service {
    Service {
        name: "notes",
        segments: &["notes"],
        tags: &[],
        routes: |routes, context| {
            routes.service(resource!(context, "/notes").service(list).service(create));
        },
        root_routes: service::no_routes,
        internal_routes: service::no_routes,
        migrations: || NOTES,
        sources: || vec![Arc::new(NoteSource)],
        replicas: registrar_access::replicas::replicas,
        importers: Vec::new,
        exporters: Vec::new,
        background: service::no_background,
    }
}

pub fn board() -> Service {
    Service {
        name: "board",
        segments: &[],
        tags: &[],
        routes: |_, _| (),
        root_routes: service::no_routes,
        internal_routes: service::no_routes,
        migrations: || BOARD,
        sources: Vec::new,
        replicas: || {
            vec![Arc::new(TableReplica {
                aggregate: "notes.note",
                table: "pinned",
                columns: &["text"],
                row: |event| Ok(Map::from_iter([("text".to_owned(), String::from_utf8_lossy(&event.payload).into())])),
            })]
        },
        importers: Vec::new,
        exporters: Vec::new,
        background: service::no_background,
    }
}
