//! Sending everything again to one consumer.

use registrar_store::{Db, feed::current_epoch};
use tokio::time::sleep;

use crate::{Backoff, Event, RepairError, Source, Transport};

/// Ids of one page.
const PAGE: i64 = 500;
/// How often a page is sent before the resync gives up: about a minute.
const ATTEMPTS: u32 = 20;

/// Sends the current state of all the owner's rows to one consumer, marked so that it is written over an equal
/// version too; answers how many. To be run for a new consumer or a new copied field, after a restore, and where
/// `verify` found differences. Rows that the consumer holds and the owner does not (surplus) it cannot mend.
///
/// # Errors
/// [`RepairError::NotConsumed`] for a service that does not consume the aggregate; [`RepairError::Unconfirmed`] or
/// [`RepairError::Transport`] when a page was not confirmed in 20 attempts; whatever the database says. It can
/// simply be started again.
pub async fn resync(source_db: &Db, source: &dyn Source, transport: &Transport, to_service: &str) -> Result<u64, RepairError> {
    if !transport.topology().consumes(to_service, source.aggregate()) {
        return Err(RepairError::NotConsumed { service: to_service.to_owned(), aggregate: source.aggregate().to_owned() });
    }
    let mut after = None;
    let mut sent = 0;
    loop {
        let mut conn = source_db.get().await?;
        let ids = source.ids(&mut conn, after, PAGE).await?;
        let Some(last) = ids.last() else { return Ok(sent) };
        after = Some(*last);
        let epoch = current_epoch(&mut conn).await?;
        let mut events = source.load(&mut conn, epoch, &ids).await?;
        drop(conn);
        events.iter_mut().for_each(|event| event.resync = true);
        sent += u64::try_from(events.len()).unwrap_or_default();
        send(transport, to_service, events, source.aggregate()).await?;
    }
}

async fn send(transport: &Transport, service: &str, mut events: Vec<Event>, aggregate: &str) -> Result<(), RepairError> {
    let mut backoff = Backoff::connection();
    while !events.is_empty() {
        let answer = transport.send_to(service, &events).await;
        match answer {
            Ok(confirmed) => {
                let mut confirmed = confirmed.into_iter();
                events.retain(|_| !confirmed.next().unwrap_or(false));
                if events.is_empty() {
                    return Ok(());
                }
            }
            Err(error) if backoff.failures() >= ATTEMPTS => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "the resync waits"),
        }
        if backoff.failures() >= ATTEMPTS {
            return Err(RepairError::Unconfirmed { aggregate: aggregate.to_owned(), unconfirmed: events.len() });
        }
        sleep(backoff.next_wait()).await;
    }
    Ok(())
}
