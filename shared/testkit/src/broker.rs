//! A virtual host of RabbitMQ per test: exchanges and queues have fixed names, so tests must not share one.

use std::{env, net::Ipv4Addr};

use anyhow::{Context, Result};
use registrar_servers::{InstallPolicy, RabbitMq, ServerKind, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Names the environment variable with the address (`host:port`) at which [`VirtualHosts`] answers.
pub const RABBITMQ: &str = "REGISTRAR_TEST_RABBITMQ";

/// One broker for many test processes: whoever connects is told the address of a fresh virtual host.
pub struct VirtualHosts {
    broker: RabbitMq,
    listener: TcpListener,
}

impl VirtualHosts {
    /// Starts a broker and listens.
    ///
    /// # Errors
    /// When RabbitMQ is not installed or does not start.
    pub async fn start() -> Result<Self> {
        Ok(VirtualHosts { broker: RabbitMq::start().await?, listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await? })
    }

    /// What [`RABBITMQ`] is to be set to.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> Result<String> {
        Ok(self.listener.local_addr()?.to_string())
    }

    /// Answers until it is dropped, and the broker with it.
    ///
    /// # Errors
    /// When a virtual host cannot be made.
    pub async fn serve(self) -> Result<()> {
        for number in 1_u64.. {
            let (mut stream, _) = self.listener.accept().await?;
            let url = self.make(number).await?;
            // Who asked may be gone.
            let _ = stream.write_all(url.as_bytes()).await;
        }
        Ok(())
    }

    async fn make(&self, number: u64) -> Result<String> {
        let name = format!("test-{number}");
        // One start of rabbitmqctl instead of two: each takes a second.
        let make = format!(
            "rabbit_vhost:add(<<\"{name}\">>, <<\"tests\">>), \
             rabbit_auth_backend_internal:set_permissions(<<\"guest\">>, <<\"{name}\">>, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"tests\">>)."
        );
        self.broker.control(&["eval", &make]).await?;
        Ok(format!("amqp://guest:guest@{}:{}/{name}", Ipv4Addr::LOCALHOST, self.broker.port()))
    }
}

/// What a test's events go through.
pub enum Broker {
    /// Its own virtual host on the run's broker.
    VirtualHost(String),
    /// A broker of its own.
    Own(Box<RabbitMq>),
}

impl Broker {
    /// A virtual host of the run's broker when there is one, else a broker of the test's own.
    ///
    /// # Errors
    /// When neither can be had.
    pub async fn any() -> Result<Self> {
        match env::var(RABBITMQ) {
            Ok(address) => {
                let mut url = String::new();
                let mut stream = TcpStream::connect(&address).await.with_context(|| format!("{RABBITMQ}: {address}"))?;
                stream.read_to_string(&mut url).await?;
                anyhow::ensure!(!url.is_empty(), "the run's broker makes no more virtual hosts");
                Ok(Broker::VirtualHost(url))
            }
            Err(_) => Self::own().await,
        }
    }

    /// A broker of the test's own, to be stopped and killed.
    ///
    /// # Errors
    /// When RabbitMQ is not installed or does not start.
    pub async fn own() -> Result<Self> {
        ensure(ServerKind::RabbitMq, InstallPolicy::Allow).await?;
        Ok(Broker::Own(Box::new(RabbitMq::start().await?)))
    }

    /// The address to connect to.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Broker::VirtualHost(url) => url.clone(),
            Broker::Own(broker) => broker.url(),
        }
    }
}
