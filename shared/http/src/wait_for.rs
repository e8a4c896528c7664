//! Reading in one service what was just written in another: a write answers with `Registrar-Version`, and a reader
//! that sends the same text as `Registrar-Wait-For` is answered when its service's copy has caught up.

use std::time::Duration;

use registrar_store::StoreError;
use serde_json::Value;
use uuid::Uuid;

use crate::{FieldError, Problem, ProblemKind, ServiceContext};

/// Answered by writes: `personnel.staff/<id>@<version>`.
pub const VERSION: &str = "registrar-version";
/// Sent by readers.
pub const WAIT_FOR: &str = "registrar-wait-for";
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(20);

/// What a write answers with.
#[must_use]
pub fn token(aggregate: &str, id: Uuid, version: i64) -> String {
    format!("{aggregate}/{id}@{version}")
}

fn parse(text: &str) -> Option<(&str, Uuid, i64)> {
    let (aggregate, rest) = text.split_once('/')?;
    let (id, version) = rest.split_once('@')?;
    Some((aggregate, id.parse().ok()?, version.parse().ok()?))
}

/// Waits until the service's copy of a record of `tenant` is at the wanted version; at once for what the service owns
/// itself. Another tenant's record never arrives.
///
/// # Errors
/// `bad_parameter` for what is no version token, `not_yet_known` when it has not arrived in 2 s.
pub async fn arrived(context: &ServiceContext, tenant: Uuid, wanted: &str) -> Result<(), Problem> {
    let Some((aggregate, id, version)) = parse(wanted) else {
        let error = FieldError { pointer: "Registrar-Wait-For".into(), code: "format".into(), detail: "the Registrar-Version of a write".into() };
        return Err(Problem::new(ProblemKind::BadParameter).errors(vec![error]));
    };
    let Some(replica) = context.replicas.iter().find(|replica| replica.aggregate() == aggregate) else { return Ok(()) };
    let (tenant, deadline) = (Value::from(tenant.to_string()), tokio::time::Instant::now() + LONGEST);
    loop {
        let held = replica.held(&mut *context.db.get().await?, &[id]).await?;
        if held.first().is_some_and(|held| held.version >= version && held.row.get("tenant_id") == Some(&tenant)) {
            return Ok(());
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(StoreError::NotYetKnown(wanted.to_owned()).into());
        }
        tokio::time::sleep(STEP).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_token_is_read_as_written() {
        let id = Uuid::from_u128(9);
        assert_eq!(parse(&token("personnel.staff", id, 4)), Some(("personnel.staff", id, 4)));
        for text in ["", "personnel.staff", "personnel.staff/x@1", "personnel.staff/00000000-0000-0000-0000-000000000009@x"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
