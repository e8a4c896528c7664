//! From services to a running process: opens their databases, connects the transport, starts relays, consumers,
//! imports and heartbeats, and puts the routes on the air. The same for one service, for all, and for tests.

pub mod ops;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, LazyLock},
    time::Duration,
};

use actix_web::dev::ServerHandle;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use registrar_access::{
    Authority, AuthorityOptions,
    pull::{self, Identity},
};
use registrar_events::{Amqp, Consumer, InProcess, Relay, Shutdown, Stop, Topology, Transport, publish_heartbeat};
use registrar_http::{
    Service, ServiceContext,
    context::Shared,
    exports, imports,
    rate_limit::{RateLimit, RateLimiter},
    retention,
    server::{self, Listen, Mounted, OpenApiDocument, RootRoutes},
    watch,
};
use registrar_store::{Clock, Db, DbOptions, StoreError, migrate};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;

use crate::ops::Operations;

/// The service that owns authority data; it beats, the others pull from it.
const IDENTITY: &str = "identity";

/// How events travel.
#[derive(Clone, Debug)]
pub enum Events {
    /// Within this process, which then runs all services.
    InProcess,
    /// Over RabbitMQ at this address.
    Amqp(SecretString),
}

/// How to run.
#[derive(Clone)]
pub struct Options {
    /// Where to listen.
    pub listen: Listen,
    /// The database of each service.
    pub databases: BTreeMap<String, SecretString>,
    /// How events travel.
    pub events: Events,
    /// Where requests are counted; in the process when absent.
    pub redis: Option<SecretString>,
    /// Encrypts signing keys, keys digests, and is known to our own services only.
    pub secret: SecretString,
    /// The base URL of identity's internal port; this process's own when it runs identity.
    pub identity_url: Option<String>,
    /// The time.
    pub clock: Clock,
    /// Requests per caller.
    pub rate_limit: RateLimit,
    /// How long a request may take; sending a file to an import may take 15 minutes.
    pub request_timeout: Duration,
    /// Gateways that are believed when they say in `X-Forwarded-For` who is calling.
    pub trusted_proxies: Vec<IpAddr>,
    /// Hours ahead of UTC at which a local day begins.
    pub utc_offset_hours: i32,
    /// How old authority data may be before writes are refused.
    pub refuse_after: Duration,
    /// See [`AuthorityOptions::remember`].
    pub remember: Duration,
    /// Connections per service, for requests; as many again at most for other work.
    pub connections: usize,
    /// The contract to show at `/openapi.yaml` and `/docs/`, made when it is first asked for; that of the running services
    /// when absent.
    pub contract: Option<fn() -> OpenApiDocument>,
}

impl Options {
    /// Options for services on loopback with free ports and the machine's clock.
    #[must_use]
    pub fn local(databases: BTreeMap<String, SecretString>, events: Events, secret: SecretString) -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Options {
            listen: Listen { public: loopback, internal: loopback, workers: 2 },
            databases,
            events,
            redis: None,
            secret,
            identity_url: None,
            clock: Clock::system(),
            rate_limit: RateLimit::default(),
            request_timeout: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
            utc_offset_hours: 7,
            refuse_after: Duration::from_secs(60),
            remember: Duration::ZERO,
            connections: 16,
            contract: None,
        }
    }
}

/// Why a process did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A service without a database address.
    #[error("no database for {0}: set databases.{0} in the configuration, or REGISTRAR_DATABASES__{1}")]
    NoDatabase(String, String),
    /// Services without identity, and no address of one.
    #[error("identity is not among the services and no identity_url is set")]
    NoIdentity,
    /// A database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker's address.
    #[error(transparent)]
    Transport(#[from] registrar_events::TransportError),
    /// Redis.
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// A port.
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
}

/// Who consumes what, of all services there are, whether they run in this process or not.
#[must_use]
pub fn topology(services: &[Service]) -> Topology {
    let consumers = services.iter().map(|service| (service.name.to_owned(), (service.replicas)().iter().map(|replica| replica.aggregate().to_owned()).collect()));
    Topology { consumers: consumers.collect() }
}

/// Applies what is missing of the services' schemas; answers what was applied, by service.
///
/// # Errors
/// [`StartError::NoDatabase`], [`StartError::Store`].
pub async fn migrate(services: &[Service], databases: &BTreeMap<String, SecretString>) -> Result<Vec<(String, Vec<String>)>, StartError> {
    let mut applied = Vec::new();
    for service in services {
        let url = database(databases, service.name)?;
        applied.push((service.name.to_owned(), migrate::run(url.expose_secret(), vec![(service.migrations)()]).await?));
    }
    Ok(applied)
}

fn database<'a>(databases: &'a BTreeMap<String, SecretString>, service: &str) -> Result<&'a SecretString, StartError> {
    databases.get(service).ok_or_else(|| StartError::NoDatabase(service.to_owned(), service.to_uppercase()))
}

/// The contract of these services, without running them.
///
/// # Errors
/// Never in practice: no connection is made.
pub fn contract(services: Vec<Service>) -> Result<OpenApiDocument, StartError> {
    let nowhere = SecretString::from("postgres://nowhere");
    let options = Options::local(services.iter().map(|service| (service.name.to_owned(), nowhere.clone())).collect(), Events::InProcess, nowhere.clone());
    let mounted = services.into_iter().map(|service| mount(service, &options, None)).collect::<Result<Vec<_>, _>>()?;
    Ok(server::contract(&mounted))
}

fn mount(service: Service, options: &Options, redis: Option<redis::aio::ConnectionManager>) -> Result<Mounted, StartError> {
    let url = database(&options.databases, service.name)?;
    let db = Db::open(url.expose_secret(), &DbOptions { max_connections: options.connections, ..DbOptions::default() })?;
    let authority =
        AuthorityOptions { owner: service.name == IDENTITY, refuse_after: options.refuse_after, utc_offset_hours: options.utc_offset_hours, remember: options.remember };
    let context = ServiceContext::from(Shared {
        service: service.name,
        authority: Authority::new(db.clone(), options.clock.clone(), authority),
        db,
        clock: options.clock.clone(),
        replicas: (service.replicas)(),
        limiter: RateLimiter::new(options.rate_limit, redis),
        secret: options.secret.clone(),
        request_timeout: options.request_timeout,
        trusted_proxies: options.trusted_proxies.clone(),
    });
    Ok(Mounted { service: Arc::new(service), context })
}

/// A running process.
pub struct Running {
    mounted: Vec<Mounted>,
    transport: Transport,
    public: SocketAddr,
    internal: SocketAddr,
    servers: Vec<ServerHandle>,
    stop: Stop,
    /// End by themselves when asked to.
    orderly: Vec<JoinHandle<()>>,
    /// May be dropped at any moment.
    droppable: Vec<JoinHandle<()>>,
}

/// Starts `services`; `topology` is that of all services there are.
///
/// # Errors
/// [`StartError`] names what is missing or cannot be reached.
pub async fn start(services: Vec<Service>, topology: Topology, options: Options) -> Result<Running, StartError> {
    let redis = match &options.redis {
        Some(url) => Some(redis::aio::ConnectionManager::new(redis::Client::open(url.expose_secret())?).await?),
        None => None,
    };
    let transport = match &options.events {
        Events::InProcess => Transport::InProcess(InProcess::new(topology.clone())),
        Events::Amqp(url) => Transport::Amqp(Amqp::start(url.expose_secret(), "registrar", topology.clone())?),
    };
    let mounted = services.into_iter().map(|service| mount(service, &options, redis.clone())).collect::<Result<Vec<_>, _>>()?;
    let metrics = recorder();
    let operations = Operations::new(mounted.clone(), &topology, transport.clone(), metrics.clone());
    let page = operations.clone();
    let root: RootRoutes = Arc::new(move |routes: &mut actix_web::web::ServiceConfig| page.routes(routes));
    let (running, public, internal) = server::serve(&options.listen, mounted.clone(), options.contract, root, transport.clone(), metrics.clone())?;
    let (stop, shutdown) = Stop::new();
    let mut process = Running {
        mounted: mounted.clone(),
        transport,
        public,
        internal,
        servers: running.iter().map(actix_web::dev::Server::handle).collect(),
        stop,
        orderly: Vec::new(),
        droppable: vec![tokio::spawn(keep_up(metrics))],
    };
    process.droppable.extend(running.into_iter().map(|server| {
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "a server ended");
            }
        })
    }));
    let has_identity = mounted.iter().any(|part| part.service.name == IDENTITY);
    let identity_url = options.identity_url.clone().or_else(|| has_identity.then(|| format!("http://{internal}"))).ok_or(StartError::NoIdentity)?;
    operations.sign_in_at(&identity_url);
    for part in mounted {
        process.spawn(part, &identity_url, &options, &shutdown);
    }
    Ok(process)
}

/// The process's metrics: there is one recorder, whatever runs in the process.
fn recorder() -> PrometheusHandle {
    static RECORDER: LazyLock<PrometheusHandle> =
        LazyLock::new(|| PrometheusBuilder::new().install_recorder().unwrap_or_else(|_| PrometheusBuilder::new().build_recorder().handle()));
    RECORDER.clone()
}

/// Samples of histograms wait, each by itself, until somebody scrapes; nobody may.
async fn keep_up(metrics: PrometheusHandle) {
    loop {
        metrics.run_upkeep();
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

impl Running {
    fn spawn(&mut self, part: Mounted, identity_url: &str, options: &Options, shutdown: &Shutdown) {
        let Mounted { service, context } = part;
        let consumer = consumer(&service, &context);
        let relay = Relay { service: service.name, db: context.db.clone(), sources: (service.sources)(), transport: self.transport.clone() };
        self.orderly.push(tokio::spawn(relay.run(shutdown.clone())));
        self.orderly.push(tokio::spawn(consumer.clone().run(self.transport.clone(), shutdown.clone())));
        if service.name == IDENTITY {
            self.droppable.push(tokio::spawn(beat(self.transport.clone(), context.db.clone(), options.clock.clone())));
        } else {
            let identity = Identity { url: identity_url.to_owned(), secret: options.secret.clone() };
            self.droppable.push(tokio::spawn(pull::run(consumer, identity, options.clock.clone())));
        }
        self.droppable.push(tokio::spawn(imports::run(context.clone(), (service.importers)())));
        self.droppable.push(tokio::spawn(exports::run(context.clone(), (service.exporters)())));
        self.droppable.push(tokio::spawn(retention::run(context.clone())));
        self.droppable.push(tokio::spawn(watch::run(context.clone())));
        self.droppable.extend((service.background)(context).into_iter().map(tokio::spawn));
    }

    /// The base URL of the public port.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.public)
    }

    /// The base URL of the internal port.
    #[must_use]
    pub fn internal_url(&self) -> String {
        format!("http://{}", self.internal)
    }

    /// What carries the events.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// A service's context.
    #[must_use]
    pub fn context(&self, service: &str) -> Option<&ServiceContext> {
        self.mounted.iter().find(|part| part.service.name == service).map(|part| &part.context)
    }

    /// Stops: no new requests, those begun are answered, events under way are settled.
    pub async fn stop(self) {
        for server in &self.servers {
            server.stop(true).await;
        }
        self.stop.stop();
        for task in self.orderly {
            if tokio::time::timeout(Duration::from_secs(10), task).await.is_err() {
                tracing::warn!("a task did not end in time");
            }
        }
        for task in self.droppable {
            task.abort();
        }
    }
}

/// The consumer of a service, with its own relay woken when copies touch rows that it publishes.
#[must_use]
pub fn consumer(service: &Service, context: &ServiceContext) -> Consumer {
    let db = context.db.clone();
    let woken = db.clone();
    Consumer { after_apply: Some(Arc::new(move || woken.committed())), ..Consumer::new(service.name, db, context.replicas.clone()) }
}

/// Tells all consumers every second how recent their authority data are.
async fn beat(transport: Transport, db: Db, clock: Clock) {
    let now = move || clock.now();
    loop {
        if let Err(error) = publish_heartbeat(&transport, &db, &now).await {
            tracing::debug!(%error, "no heartbeat");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
