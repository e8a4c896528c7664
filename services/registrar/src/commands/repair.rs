//! `registrar verify`, `resync`, `restored` and `parked`: what operators do when owners and copies disagree.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use registrar_events::{
    Amqp, Consumer, HEARTBEAT, InProcess, Stop, Transport, VerifyReport, bump_epoch, comparisons,
    parked::{self, Selection},
    resync as send, verify as compare,
};
use registrar_runtime::topology;
use registrar_store::Db;
use secrecy::ExposeSecret;

use super::{Databases, chosen, one};
use crate::{
    arguments::{Parked, Restored, Resync, Scope},
    config::Configuration,
    services,
};

/// Compares every owner with every copy.
///
/// # Errors
/// When a database cannot be reached.
pub async fn verify(configuration: &Configuration, scope: Scope) -> anyhow::Result<ExitCode> {
    let databases = Databases::open(configuration, &[], scope.place).await?;
    let mut clean = true;
    for owner in services() {
        for source in (owner.sources)() {
            for consumer in chosen(&scope.services)? {
                let Some(replica) = (consumer.replicas)().into_iter().find(|replica| replica.aggregate() == source.aggregate()) else { continue };
                let report = compare(&databases.db(owner.name)?, source.as_ref(), &databases.db(consumer.name)?, replica.as_ref()).await?;
                clean &= report.is_clean();
                print(source.aggregate(), consumer.name, &report);
                if let Err(error) = comparisons::keep(&databases.db(consumer.name)?, source.aggregate(), &report).await {
                    eprintln!("the operations page will not show this: {error}");
                }
            }
        }
    }
    databases.close().await?;
    println!("{}", if clean { "Every copy equals its owner." } else { "Some copies differ; `registrar resync OWNER --to CONSUMER` mends them." });
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(aggregate: &str, consumer: &str, report: &VerifyReport) {
    println!("{aggregate} in {consumer}: {} compared{}", report.compared, if report.is_clean() { ", equal" } else { "" });
    let lists = [
        ("missing", &report.missing, report.missing_count),
        ("older", &report.stale, report.stale_count),
        ("newer than the owner", &report.ahead, report.ahead_count),
        ("unknown to the owner", &report.surplus, report.surplus_count),
    ];
    for (what, ids, count) in lists.into_iter().filter(|(_, _, count)| *count > 0) {
        println!("  {count} {what}:");
        ids.iter().for_each(|id| println!("    {id}"));
    }
    if report.differing_count > 0 {
        println!("  {} differ:", report.differing_count);
        report.differing.iter().for_each(|(id, fields)| println!("    {id}: {}", fields.join(", ")));
    }
    if !report.complete {
        println!("  and more: the comparison stopped here");
    }
}

/// Sends what an owner has to one consumer.
///
/// # Errors
/// When the consumer does not consume it, or a server cannot be reached.
pub async fn resync(configuration: &Configuration, resync: Resync) -> anyhow::Result<ExitCode> {
    let (owner, consumer) = (one(&resync.owner)?, one(&resync.to)?);
    let embedded = resync.place.embedded;
    let databases = Databases::open(configuration, std::slice::from_ref(&resync.owner), resync.place).await?;
    let topology = topology(&services());
    let (stop, shutdown) = Stop::new();
    let mut applying = None;
    let transport = if embedded {
        let transport = Transport::InProcess(InProcess::new(topology));
        let here = Consumer::new(consumer.name, databases.db(consumer.name)?, (consumer.replicas)());
        applying = Some(tokio::spawn(here.run(transport.clone(), shutdown)));
        transport
    } else {
        let url = configuration.amqp_url.as_ref().context("no broker: set amqp_url, or AMQP_URL")?;
        let amqp = Amqp::start(url.expose_secret(), "registrar-resync", topology)?;
        tokio::time::timeout(std::time::Duration::from_secs(10), amqp.connected()).await.context("the broker cannot be reached")?;
        Transport::Amqp(amqp)
    };
    let consumed: Vec<String> = (consumer.replicas)().iter().map(|replica| replica.aggregate().to_owned()).filter(|aggregate| aggregate != HEARTBEAT).collect();
    let wanted = |aggregate: &str| consumed.iter().any(|known| known == aggregate) && resync.aggregate.as_deref().is_none_or(|only| only == aggregate);
    let sources: Vec<Arc<_>> = (owner.sources)().into_iter().filter(|source| wanted(source.aggregate())).collect();
    if sources.is_empty() {
        bail!("{} copies nothing of that from {}", consumer.name, owner.name);
    }
    for source in sources {
        let sent = send(&databases.db(owner.name)?, source.as_ref(), &transport, consumer.name).await?;
        println!("{}: {sent} sent to {}", source.aggregate(), consumer.name);
    }
    stop.stop();
    if let Some(task) = applying {
        task.await?;
    }
    databases.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// Begins a new generation of a restored database.
///
/// # Errors
/// When the database cannot be reached.
pub async fn restored(configuration: &Configuration, restored: Restored) -> anyhow::Result<ExitCode> {
    let service = one(&restored.service)?.name;
    let databases = Databases::open(configuration, std::slice::from_ref(&restored.service), restored.place).await?;
    let epoch = bump_epoch(&mut *databases.db(service)?.get().await?).await?;
    databases.close().await?;
    println!("{service} is now at generation {epoch}. Next: `registrar resync {service} --to CONSUMER` for each consumer, then `registrar verify`.");
    Ok(ExitCode::SUCCESS)
}

/// Lists or retries parked events.
///
/// # Errors
/// When the database cannot be reached.
pub async fn parked(configuration: &Configuration, wanted: Parked) -> anyhow::Result<ExitCode> {
    let service = one(&wanted.service)?;
    let databases = Databases::open(configuration, std::slice::from_ref(&wanted.service), wanted.place).await?;
    let db = databases.db(service.name)?;
    let selection = if wanted.retry_all { Some(Selection::All) } else { wanted.retry.map(Selection::One) };
    let mended = match selection {
        Some(selection) => {
            let retried = parked::retry(&Consumer::new(service.name, db, (service.replicas)()), &selection).await?;
            println!("{} mended, {} failed again", retried.mended, retried.failed);
            retried.failed == 0
        }
        None => {
            list_parked(&db).await?;
            true
        }
    };
    databases.close().await?;
    Ok(if mended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn list_parked(db: &Db) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = parked::list(db, after.as_deref(), 100).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.event_id.clone());
        for event in &page {
            println!("{}\n  since {}, {} attempts, next {}\n  {}", event.event_id, event.parked_at, event.attempts, event.next_attempt_at, event.reason);
        }
    }
}
