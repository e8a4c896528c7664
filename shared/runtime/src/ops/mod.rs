//! The operations page, `/ops`: how this process's services are doing, and the two things that an operator does about it
//! from a browser, trying parked events again and comparing copies with their owners.
//!
//! Rendered here, without scripts; readers sign in with a form. It shows this process only: where each service has a
//! process of its own the gateway sends `/ops/<service>` to it. `registrar parked` and `registrar verify` do the same on a
//! command line.

pub mod errors;
mod figures;
mod page;
mod routes;
mod session;
mod state;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use actix_web::web;
use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::PrometheusHandle;
use registrar_events::{Replica, Source, Topology, Transport, comparisons, verify};
use registrar_http::server::Mounted;
use registrar_store::Db;

/// How long identity may take to sign somebody in.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(10);

/// What the page is about. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Operations(Arc<Process>);

/// The process and its services.
pub(crate) struct Process {
    mounted: Vec<Mounted>,
    /// The names of all services there are, whether they run here or not.
    everywhere: Vec<String>,
    transport: Transport,
    metrics: PrometheusHandle,
    client: reqwest::Client,
    started: DateTime<Utc>,
    /// The base URL of identity's internal port.
    identity: OnceLock<String>,
    /// The services whose copies are being compared, and since when.
    comparing: Mutex<BTreeMap<&'static str, DateTime<Utc>>>,
}

/// An owner's aggregate and a copy of it, both in this process.
struct Pair {
    owner: Db,
    source: Arc<dyn Source>,
    replica: Arc<dyn Replica>,
}

impl std::ops::Deref for Operations {
    type Target = Process;
    fn deref(&self) -> &Process {
        &self.0
    }
}

impl Operations {
    pub(crate) fn new(mounted: Vec<Mounted>, topology: &Topology, transport: Transport, metrics: PrometheusHandle) -> Self {
        Operations(Arc::new(Process {
            mounted,
            everywhere: topology.consumers.iter().map(|(service, _)| service.clone()).collect(),
            transport,
            metrics,
            client: reqwest::Client::builder().timeout(SIGN_IN_WITHIN).build().unwrap_or_default(),
            started: Utc::now(),
            identity: OnceLock::new(),
            comparing: Mutex::default(),
        }))
    }

    /// Says where readers sign in, which is known once the ports are bound.
    pub(crate) fn sign_in_at(&self, identity: &str) {
        // Said once.
        let _ = self.identity.set(identity.to_owned());
    }

    /// Adds the page to the root of the public port.
    pub(crate) fn routes(&self, routes: &mut web::ServiceConfig) {
        routes::add(routes, self);
    }

    fn identity(&self) -> &str {
        self.identity.get().map_or("", String::as_str)
    }

    fn part(&self, service: &str) -> Option<&Mounted> {
        self.mounted.iter().find(|part| part.service.name == service)
    }

    /// Whether all services run here.
    fn is_whole(&self) -> bool {
        self.everywhere.iter().all(|service| self.part(service).is_some())
    }

    /// The copies of a service whose owners run here too.
    fn pairs(&self, consumer: &Mounted) -> impl Iterator<Item = Pair> {
        let sources = self.mounted.iter().flat_map(|owner| (owner.service.sources)().into_iter().map(move |source| (owner.context.db.clone(), source)));
        let replicas = (consumer.service.replicas)();
        sources.filter_map(move |(owner, source)| {
            let replica = replicas.iter().find(|replica| replica.aggregate() == source.aggregate())?;
            Some(Pair { owner, source, replica: Arc::clone(replica) })
        })
    }

    fn comparing_since(&self, service: &str) -> Option<DateTime<Utc>> {
        self.comparing.lock().unwrap_or_else(PoisonError::into_inner).get(service).copied()
    }

    /// Begins to compare a service's copies with their owners, unless that is under way.
    fn compare(&self, consumer: &Mounted) {
        let service = consumer.service.name;
        if self.comparing.lock().unwrap_or_else(PoisonError::into_inner).insert(service, Utc::now()).is_some() {
            return;
        }
        let (pairs, db) = (self.pairs(consumer).collect::<Vec<_>>(), consumer.context.db.clone());
        let operations = self.clone();
        tokio::spawn(async move {
            let _done = Comparing { operations, service };
            for pair in pairs {
                let aggregate = pair.source.aggregate();
                let compared = async {
                    let report = verify(&pair.owner, pair.source.as_ref(), &db, pair.replica.as_ref()).await?;
                    Ok::<_, registrar_events::RepairError>(comparisons::keep(&db, aggregate, &report).await?)
                };
                if let Err(error) = compared.await {
                    tracing::error!(service, aggregate, %error, "a copy could not be compared with its owner");
                }
            }
        });
    }
}

/// Ends with the comparison, however that ends.
struct Comparing {
    operations: Operations,
    service: &'static str,
}

impl Drop for Comparing {
    fn drop(&mut self) {
        self.operations.comparing.lock().unwrap_or_else(PoisonError::into_inner).remove(self.service);
    }
}
