//! Settings: a TOML file, over it the environment. Unknown settings are errors; secrets are never printed.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context, bail};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use registrar_http::{rate_limit::RateLimit, server::Listen};
use registrar_runtime::{Events, Options};
use registrar_store::Clock;
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

/// All settings. In the environment: `REGISTRAR_` and the name in capitals, with `__` before what belongs to a section,
/// as in `REGISTRAR_DATABASES__PERSONNEL`. `DATABASE_URL` (for one service), `AMQP_URL`,
/// `REDIS_URL` and `OTEL_EXPORTER_OTLP_ENDPOINT` are understood too.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Where callers reach the services.
    pub listen: SocketAddr,
    /// Where health checks, metrics and our own services reach them; never to be exposed.
    pub internal_listen: SocketAddr,
    /// Threads that answer requests, per process.
    pub workers: usize,
    /// The database of each service, as a PostgreSQL URL.
    #[serde(serialize_with = "hidden_map")]
    pub databases: BTreeMap<String, SecretString>,
    /// RabbitMQ, as an amqp URL.
    #[serde(serialize_with = "hidden")]
    pub amqp_url: Option<SecretString>,
    /// Redis, as a redis URL; requests are counted per process when absent.
    #[serde(serialize_with = "hidden")]
    pub redis_url: Option<SecretString>,
    /// Seals signing keys and is known to all services of an installation: at least 32 characters.
    #[serde(serialize_with = "hidden")]
    pub secret: Option<SecretString>,
    /// A file with the secret, instead of `secret`.
    pub secret_file: Option<std::path::PathBuf>,
    /// The base URL of identity's internal port, for processes that do not run identity.
    pub identity_url: Option<String>,
    /// Requests a caller may make per window.
    pub rate_limit: u64,
    /// The window in seconds.
    pub rate_limit_window_seconds: u64,
    /// The longest a request may take, in seconds; sending a file to an import may take 15 minutes.
    pub request_timeout_seconds: u64,
    /// The addresses of the gateways in front, which are believed when they say in `X-Forwarded-For` who is calling.
    pub trusted_proxies: Vec<IpAddr>,
    /// Hours ahead of UTC at which a day begins: 7 in Viet Nam, 8 in China.
    pub utc_offset_hours: i32,
    /// How old authority data may be, in seconds, before writes are refused.
    pub refuse_after_seconds: u64,
    /// Database connections per service and process for requests; all other work, which needs few, may have as many again.
    /// Four for each thread that answers are the fewest.
    pub connections: usize,
    /// Where traces go: the base URL of a collector that takes OTLP over HTTP; none are made when absent.
    pub otlp_endpoint: Option<String>,
    /// What to log, as `RUST_LOG` would say it.
    pub log: String,
    /// `text` or `json`.
    pub log_format: LogFormat,
}

/// For how long a service does not ask whether anybody's grants have changed: less than anybody notices, and most requests.
const REMEMBERED: Duration = Duration::from_millis(250);

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Default for Configuration {
    fn default() -> Self {
        Configuration {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            internal_listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            workers: 2,
            databases: BTreeMap::new(),
            amqp_url: None,
            redis_url: None,
            secret: None,
            secret_file: None,
            identity_url: None,
            rate_limit: 6000,
            rate_limit_window_seconds: 60,
            request_timeout_seconds: 30,
            trusted_proxies: Vec::new(),
            utc_offset_hours: 7,
            refuse_after_seconds: 60,
            connections: 16,
            otlp_endpoint: None,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

fn hidden<S: Serializer>(value: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(|_| "(set)").serialize(serializer)
}

fn hidden_map<S: Serializer>(values: &BTreeMap<String, SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    values.keys().map(|name| (name, "(set)")).collect::<BTreeMap<_, _>>().serialize(serializer)
}

/// Reads the settings.
///
/// # Errors
/// Naming every setting that is unknown or of the wrong type.
pub fn read(file: Option<&Path>) -> anyhow::Result<Configuration> {
    let defaults = Configuration::default();
    let mut figment = Figment::from(Serialized::defaults(&defaults));
    if let Some(path) = file {
        if !path.is_file() {
            bail!("there is no configuration file {}", path.display());
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    figment = figment.merge(Env::raw().only(&["AMQP_URL", "REDIS_URL"]));
    figment = figment.merge(Env::raw().only(&["OTEL_EXPORTER_OTLP_ENDPOINT"]).map(|_| "otlp_endpoint".into()));
    figment = figment.merge(Env::prefixed("REGISTRAR_").filter(|name| !name.starts_with("test_") && name != "config").split("__"));
    let configuration: Configuration = figment.extract().context("the configuration")?;
    let known: Vec<&str> = crate::services().iter().map(|service| service.name).collect();
    if let Some(unknown) = configuration.databases.keys().find(|name| !known.contains(&name.as_str())) {
        bail!("the configuration: databases.{unknown}: there is no such service (known: {})", known.join(", "));
    }
    Ok(configuration)
}

impl Configuration {
    /// The databases; `DATABASE_URL` is that of the only service named.
    #[must_use]
    pub fn databases_for(&self, services: &[String]) -> BTreeMap<String, SecretString> {
        let mut databases = self.databases.clone();
        if let ([only], Ok(url)) = (services, std::env::var("DATABASE_URL")) {
            databases.entry(only.clone()).or_insert_with(|| SecretString::from(url));
        }
        databases
    }

    /// The secret.
    ///
    /// # Errors
    /// When there is none, or a short one.
    pub fn secret(&self) -> anyhow::Result<SecretString> {
        use secrecy::ExposeSecret;
        let secret = match (&self.secret, &self.secret_file) {
            (Some(secret), None) => secret.clone(),
            (None, Some(path)) => SecretString::from(std::fs::read_to_string(path).with_context(|| format!("the secret file {}", path.display()))?.trim().to_owned()),
            (None, None) => bail!("no secret: set secret_file, or REGISTRAR_SECRET"),
            (Some(_), Some(_)) => bail!("both secret and secret_file are set"),
        };
        if secret.expose_secret().len() < 32 {
            bail!("the secret is shorter than 32 characters");
        }
        Ok(secret)
    }

    /// What the runtime needs for these services over a broker.
    ///
    /// # Errors
    /// When the secret or the broker's address is missing.
    pub fn options(&self, services: &[String]) -> anyhow::Result<Options> {
        let amqp = self.amqp_url.clone().context("no broker: set amqp_url, or AMQP_URL; `--embedded` needs none")?;
        Ok(Options { events: Events::Amqp(amqp), redis: self.redis_url.clone(), ..self.common(self.databases_for(services), self.secret()?) })
    }

    /// The options that do not depend on the mode.
    #[must_use]
    pub fn common(&self, databases: BTreeMap<String, SecretString>, secret: SecretString) -> Options {
        Options {
            listen: Listen { public: self.listen, internal: self.internal_listen, workers: self.workers },
            databases,
            events: Events::InProcess,
            redis: None,
            secret,
            identity_url: self.identity_url.clone(),
            clock: Clock::system(),
            rate_limit: RateLimit { quota: self.rate_limit, window: Duration::from_secs(self.rate_limit_window_seconds), ..RateLimit::default() },
            request_timeout: Duration::from_secs(self.request_timeout_seconds),
            trusted_proxies: self.trusted_proxies.clone(),
            utc_offset_hours: self.utc_offset_hours,
            refuse_after: Duration::from_secs(self.refuse_after_seconds),
            remember: REMEMBERED,
            connections: self.connections,
            contract: None,
        }
    }
}
