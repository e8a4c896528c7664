//! A POST sent twice because its answer got lost must not make two records: with an `Idempotency-Key` the answer is
//! kept in the same transaction as the write, for 48 hours, and given again.

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::Payload,
    http::{StatusCode, header},
};
use chrono::TimeDelta;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, sql_query, sql_types};
use diesel_async::{AsyncConnection, RunQueryDsl, TransactionManager};
use futures_util::future::{Ready, ready};
use hmac::{Hmac, Mac};
use registrar_access::Access;
use registrar_store::{Connection, StoreError, schema::idempotency_keys};
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;

use crate::{FieldError, Problem, ProblemKind, Record, ServiceContext, Versioned, wait_for};

/// How long answers are kept.
pub const KEPT: TimeDelta = TimeDelta::hours(48);

type Transactions = <Connection as AsyncConnection>::TransactionManager;

/// The `Idempotency-Key` of a request, if it has one, and the route it was sent to.
pub struct Idempotency {
    key: Option<String>,
    route: String,
}

impl FromRequest for Idempotency {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = request.headers().get("idempotency-key").map(|value| value.to_str().unwrap_or_default().to_owned());
        let route = format!("{} {}", request.method(), request.path());
        let valid = key.as_ref().is_none_or(|key| (1..=255).contains(&key.len()));
        ready(if valid {
            Ok(Idempotency { key, route })
        } else {
            let error = FieldError { pointer: "Idempotency-Key".into(), code: "format".into(), detail: "1 to 255 visible ASCII characters".into() };
            Err(Problem::new(ProblemKind::BadParameter).errors(vec![error]))
        })
    }
}

/// The answer to a POST, made now or kept from before.
#[derive(Debug)]
pub struct Kept {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Kept {
    fn of<T: Versioned>(record: &Record<T>) -> Result<Self, Problem> {
        let (status, headers, body) = record.parts()?;
        Ok(Kept { status, headers, body })
    }
}

impl Responder for Kept {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status);
        for (name, value) in self.headers {
            response.insert_header((name, value));
        }
        response.insert_header((header::CONTENT_TYPE, "application/json")).body(self.body)
    }
}

impl Idempotency {
    /// Does `work` in a transaction, at most once for this key; answers again what was answered before.
    ///
    /// # Errors
    /// Those of `work`; `idempotency_key_reused` for another body, `concurrent_request` while the first is running.
    pub async fn once<T: Versioned>(
        &self,
        context: &ServiceContext,
        access: &Access,
        digest: [u8; 32],
        work: impl AsyncFnOnce(&mut Connection) -> Result<Record<T>, Problem>,
    ) -> Result<Kept, Problem> {
        let mut conn = context.db.get().await?;
        let conn: &mut Connection = &mut conn;
        Transactions::begin_transaction(conn).await.map_err(StoreError::from)?;
        let done = self.in_transaction(conn, context, access, digest, work).await;
        match done {
            Ok(kept) => {
                Transactions::commit_transaction(conn).await.map_err(StoreError::from)?;
                Ok(kept)
            }
            Err(problem) => {
                if let Err(error) = Transactions::rollback_transaction(conn).await {
                    tracing::warn!(%error, "a rollback failed; the connection is dropped");
                }
                Err(problem)
            }
        }
    }

    async fn in_transaction<T: Versioned>(
        &self,
        conn: &mut Connection,
        context: &ServiceContext,
        access: &Access,
        digest: [u8; 32],
        work: impl AsyncFnOnce(&mut Connection) -> Result<Record<T>, Problem>,
    ) -> Result<Kept, Problem> {
        let Some(key) = &self.key else { return Kept::of(&work(conn).await?) };
        // The digest is keyed, so that a short secret in a body cannot be guessed from it.
        let mut mac = Hmac::<Sha256>::new_from_slice(context.secret.expose_secret().as_bytes()).map_err(|_| Problem::new(ProblemKind::Internal))?;
        mac.update(&digest);
        let digest = mac.finalize().into_bytes().to_vec();
        if let Some(kept) = self.before(conn, access, key, &digest).await? {
            return Ok(kept);
        }
        let kept = Kept::of(&work(conn).await?)?;
        self.keep(conn, access, key, digest, &kept).await?;
        Ok(kept)
    }

    /// What was answered before; holds the key until the transaction ends.
    async fn before(&self, conn: &mut Connection, access: &Access, key: &str, digest: &[u8]) -> Result<Option<Kept>, Problem> {
        #[derive(diesel::QueryableByName)]
        struct Locked {
            #[diesel(sql_type = sql_types::Bool)]
            locked: bool,
        }
        let name = format!("{} {} {} {} {key}", access.tenant, access.account, access.client, self.route);
        let lock: Locked =
            sql_query("select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked").bind::<sql_types::Text, _>(name).get_result(conn).await.map_err(StoreError::from)?;
        if !lock.locked {
            return Err(Problem::new(ProblemKind::Concurrent).retry_after(1));
        }
        let row: Option<(Vec<u8>, i16, Value, Option<Value>)> = idempotency_keys::table
            .find((Uuid::from(access.tenant), Uuid::from(access.account), &access.client, &self.route, key))
            .filter(idempotency_keys::created_at.gt(access.now - KEPT))
            .select((idempotency_keys::body_digest, idempotency_keys::status, idempotency_keys::headers, idempotency_keys::body))
            .first(conn)
            .await
            .optional()
            .map_err(StoreError::from)?;
        let Some((known, status, headers, body)) = row else { return Ok(None) };
        if known != digest {
            return Err(Problem::new(ProblemKind::KeyReused));
        }
        let broken = || Problem::new(ProblemKind::Internal);
        Ok(Some(Kept {
            status: u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok()).ok_or_else(broken)?,
            headers: serde_json::from_value(headers).map_err(|_| broken())?,
            body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
        }))
    }

    async fn keep(&self, conn: &mut Connection, access: &Access, key: &str, digest: Vec<u8>, kept: &Kept) -> Result<(), Problem> {
        use idempotency_keys as columns;
        let body: Option<Value> = serde_json::from_slice(&kept.body).ok();
        let values = (
            columns::tenant_id.eq(Uuid::from(access.tenant)),
            columns::account_id.eq(Uuid::from(access.account)),
            columns::client.eq(&access.client),
            columns::route.eq(&self.route),
            columns::key.eq(key),
            columns::body_digest.eq(digest),
            columns::status.eq(i16::try_from(kept.status.as_u16()).unwrap_or(200)),
            columns::headers.eq(serde_json::json!(kept.headers)),
            columns::body.eq(body),
            columns::created_at.eq(access.now),
        );
        // An expired answer under the same key gives way.
        diesel::delete(columns::table.find((Uuid::from(access.tenant), Uuid::from(access.account), &access.client, &self.route, key)))
            .execute(conn)
            .await
            .map_err(StoreError::from)?;
        diesel::insert_into(columns::table).values(values).execute(conn).await.map_err(StoreError::from)?;
        Ok(())
    }
}

/// Status, headers and body.
type Parts = (StatusCode, Vec<(String, String)>, Vec<u8>);

impl<T: Versioned> Record<T> {
    /// Status, headers and body of this answer.
    fn parts(&self) -> Result<Parts, Problem> {
        let body = serde_json::to_vec(self.inner()).map_err(|_| Problem::new(ProblemKind::Internal))?;
        let mut headers =
            vec![("etag".to_owned(), self.inner().etag(&body)), (wait_for::VERSION.to_owned(), wait_for::token(T::AGGREGATE, self.inner().id(), self.inner().version()))];
        if let Some(location) = self.location() {
            headers.push(("location".to_owned(), location.to_owned()));
        }
        let status = if self.location().is_some() { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, headers, body))
    }
}
