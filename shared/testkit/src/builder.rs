//! How a system is put together: databases, servers, options, then the services.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use anyhow::Result;
use registrar_access::token::KeyPair;
use registrar_events::Topology;
use registrar_http::{Service, rate_limit::RateLimit};
use registrar_runtime::{Events, Options, Running};
use registrar_servers::{InstallPolicy, Redis, ServerKind, ensure};
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::{
    Api, Cluster, TestClock, TestDatabase, TestSystem,
    broker::Broker,
    system::{IDENTITY, OwnRuntime, SECRET, numbered},
};

/// Where nobody listens: the address of identity in systems without it.
const NOWHERE: &str = "http://127.0.0.1:9";

type Tweak = Box<dyn FnOnce(&mut Options) + Send>;

/// How a [`TestSystem`] is to be started.
#[must_use = "nothing runs before it is started"]
pub struct TestSystemBuilder {
    services: Vec<Service>,
    topology: Option<Topology>,
    cluster: Option<Arc<Cluster>>,
    own_cluster: bool,
    broker: Option<BrokerWish>,
    redis: bool,
    tweak: Tweak,
}

#[derive(Clone, Copy)]
enum BrokerWish {
    Any,
    Own,
}

impl TestSystemBuilder {
    pub(crate) fn new(services: Vec<Service>) -> Self {
        TestSystemBuilder { services, topology: None, cluster: None, own_cluster: false, broker: None, redis: false, tweak: Box::new(|_| ()) }
    }

    /// Who consumes what; without it the services of this system only, so that nothing waits for those absent.
    pub fn topology(mut self, topology: Topology) -> Self {
        self.topology = Some(topology);
        self
    }

    /// Events go through RabbitMQ, in a virtual host of this system's own.
    pub fn with_broker(mut self) -> Self {
        self.broker = Some(BrokerWish::Any);
        self
    }

    /// Events go through a RabbitMQ that only this system uses, so that it can be killed: [`TestSystem::broker`].
    pub fn with_own_broker(mut self) -> Self {
        self.broker = Some(BrokerWish::Own);
        self
    }

    /// Requests are counted in a Redis of this system's own: [`TestSystem::redis`].
    pub fn with_redis(mut self) -> Self {
        self.redis = true;
        self
    }

    /// The databases are made on a PostgreSQL of this system's own: for change feeds, which a long write of another
    /// test would hold up.
    pub fn with_own_cluster(mut self) -> Self {
        self.own_cluster = true;
        self
    }

    /// The databases are made on this PostgreSQL.
    pub fn on(mut self, cluster: Arc<Cluster>) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// Changes the options that the services are started with.
    pub fn options(mut self, tweak: impl FnOnce(&mut Options) + Send + 'static) -> Self {
        self.tweak = Box::new(tweak);
        self
    }

    /// Makes the databases, starts what is needed, then the services. Systems without identity get a tenant and a
    /// signing key, so that units and accounts can be added to them.
    ///
    /// # Errors
    /// When a server or a service does not start.
    pub async fn start(self) -> Result<TestSystem> {
        show_log();
        let runtime = OwnRuntime(Some(tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("services").enable_all().build()?));
        let cluster = match self.cluster {
            Some(cluster) => cluster,
            None if self.own_cluster => Arc::new(Cluster::start().await?),
            None => Cluster::shared().await?,
        };
        let mut databases = BTreeMap::new();
        for service in &self.services {
            let database = TestDatabase::create(cluster.clone(), service.name, vec![(service.migrations)()]).await?;
            databases.insert(service.name.to_owned(), database);
        }
        let broker = match self.broker {
            Some(BrokerWish::Any) => Some(Broker::any().await?),
            Some(BrokerWish::Own) => Some(Broker::own().await?),
            None => None,
        };
        let redis = if self.redis { Some(own_redis().await?) } else { None };
        let clock = TestClock::default();
        let mut options = options(&databases, broker.as_ref(), redis.as_ref(), &clock);
        let has_identity = databases.contains_key(IDENTITY);
        options.identity_url = (!has_identity).then(|| NOWHERE.to_owned());
        (self.tweak)(&mut options);
        let topology = self.topology.unwrap_or_else(|| registrar_runtime::topology(&self.services));
        let running = runtime.get()?.spawn(registrar_runtime::start(self.services, topology, options)).await??;
        forward_commits(runtime.get()?, &running, &databases);
        let client = Api::new(running.base_url())?;
        let key = Arc::new(KeyPair::generate("test-key".to_owned())?);
        let system = TestSystem {
            running: Some(running),
            databases,
            broker,
            redis,
            runtime,
            cluster,
            clock,
            client,
            key,
            tenants: Mutex::default(),
            root: numbered(0).into(),
            last_id: AtomicU64::new(0),
        };
        if !has_identity {
            system.seed().await?;
        }
        Ok(system)
    }
}

/// Warnings and errors are shown with a failed test, for what an answer does not say; RUST_LOG chooses others.
fn show_log() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    // A second start in this process is refused, which is right.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
}

async fn own_redis() -> Result<Redis> {
    ensure(ServerKind::Redis, InstallPolicy::Allow).await?;
    Redis::start().await
}

fn options(databases: &BTreeMap<String, TestDatabase>, broker: Option<&Broker>, redis: Option<&Redis>, clock: &TestClock) -> Options {
    let databases = databases.iter().map(|(service, database)| (service.clone(), SecretString::from(database.url()))).collect();
    let events = broker.map_or(Events::InProcess, |broker| Events::Amqp(broker.url().into()));
    let mut options = Options::local(databases, events, SECRET.into());
    options.listen.workers = 1;
    options.connections = 8;
    options.clock = clock.clock();
    options.redis = redis.map(|redis| redis.url().into());
    // The clock stands still, so that a window never ends by itself.
    options.rate_limit = RateLimit { quota: 1_000_000, ..RateLimit::default() };
    options
}

/// What a test writes through its own pool wakes the relay as what the service writes does.
fn forward_commits(runtime: &Runtime, running: &Running, databases: &BTreeMap<String, TestDatabase>) {
    for (service, database) in databases {
        let Some(context) = running.context(service) else { continue };
        let (tests, services) = (database.db().clone(), context.db.clone());
        runtime.spawn(async move {
            loop {
                tests.wait_for_commit().await;
                services.committed();
            }
        });
    }
}
