//! Public keys as events.

use chrono::SecondsFormat;
use registrar_events::contracts::identity::SigningKey;

use super::{model::SigningKeyRecord, store::AGGREGATE};
use crate::schema::signing_keys;

registrar_events::table_source! {
    /// Publishes the public halves of signing keys.
    SigningKeySource, AGGREGATE, signing_keys, SigningKeyRecord, published
}

fn published(row: SigningKeyRecord) -> (bool, SigningKey) {
    let payload = SigningKey {
        kid: row.kid,
        kty: "EC".to_owned(),
        crv: "P-256".to_owned(),
        x: row.x,
        y: row.y,
        not_before: row.not_before.to_rfc3339_opts(SecondsFormat::Secs, true),
        not_after: Some(row.not_after.to_rfc3339_opts(SecondsFormat::Secs, true)),
    };
    (false, payload)
}
