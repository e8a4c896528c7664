//! When events stay away, the copies that authority is decided on are pulled from identity over HTTP, so that a broken
//! broker does not stop the school day: a copy older than [`PULL_AFTER`] asks every second.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use registrar_events::{Consumer, Event};
use registrar_store::{Clock, StoreError, StoreResult};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{replicas::note_freshness, schema::authority_freshness as freshness};

/// How old copies may grow before they are pulled.
pub const PULL_AFTER: TimeDelta = TimeDelta::seconds(5);

/// Where identity answers pulls, on its internal port.
pub const PATH: &str = "/authority/changes";

/// What identity answers: changes after the caller's cursor.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pulled {
    /// Events, base64 of their bytes.
    pub events: Vec<String>,
    /// Where to go on.
    pub cursor: String,
    /// Whether more is waiting.
    pub more: bool,
    /// The moment up to which this is everything, once there is no more.
    pub as_of: DateTime<Utc>,
}

/// Where identity is, and how it knows that one of ours is asking.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The base URL of its internal port.
    pub url: String,
    /// The secret shared by our services.
    pub secret: SecretString,
}

/// Keeps the consumer's copies from growing old, until the task is dropped.
pub async fn run(consumer: Consumer, identity: Identity, clock: Clock) {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap_or_default();
    loop {
        match pull_when_old(&consumer, &identity, &clock, &client).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, service = consumer.service, "authority data could not be pulled"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn pull_when_old(consumer: &Consumer, identity: &Identity, clock: &Clock, client: &reqwest::Client) -> StoreResult<()> {
    let (as_of, mut cursor): (DateTime<Utc>, Option<String>) = {
        let mut conn = consumer.db.get().await?;
        freshness::table.select((diesel::dsl::sql::<diesel::sql_types::Timestamptz>("greatest(as_of, timestamptz '1970-01-01')"), freshness::pull_cursor)).first(&mut conn).await?
    };
    let age = clock.now().signed_duration_since(as_of);
    metrics::gauge!("registrar_authority_age_seconds", "service" => consumer.service).set(age.as_seconds_f64());
    if age < PULL_AFTER {
        return Ok(());
    }
    loop {
        let page = ask(identity, cursor.as_deref(), client).await?;
        let events = page.events.iter().map(|text| decoded(text)).collect::<StoreResult<Vec<Event>>>()?;
        consumer.apply(events).await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let mut conn = consumer.db.get().await?;
        diesel::update(freshness::table).set(freshness::pull_cursor.eq(&page.cursor)).execute(&mut conn).await?;
        if !page.more {
            return note_freshness(&mut conn, page.as_of).await;
        }
        cursor = Some(page.cursor);
    }
}

async fn ask(identity: &Identity, cursor: Option<&str>, client: &reqwest::Client) -> StoreResult<Pulled> {
    let unavailable = |error: reqwest::Error| StoreError::Unavailable(format!("identity: {error}"));
    let url = format!("{}{PATH}", identity.url);
    let request = client.get(url).bearer_auth(identity.secret.expose_secret()).query(&[("cursor", cursor.unwrap_or_default())]);
    let response = request.send().await.map_err(unavailable)?;
    if response.status() == reqwest::StatusCode::GONE && cursor.is_some() {
        // Identity was restored: everything again, from the start.
        return Box::pin(ask(identity, None, client)).await;
    }
    response.error_for_status().map_err(unavailable)?.json().await.map_err(unavailable)
}

fn decoded(text: &str) -> StoreResult<Event> {
    let bytes = STANDARD.decode(text).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Event::from_bytes(&bytes).map_err(|error| StoreError::Unavailable(error.to_string()))
}
