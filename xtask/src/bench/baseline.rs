//! What the machine itself can do, measured in the same run.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use lapin::{
    BasicProperties, Connection, ConnectionProperties, Consumer,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use registrar_servers::{ServerKind, locate};

use super::{installation::Installation, load::Load};

/// What pgbench did with a script: transactions per second.
pub async fn pgbench(installation: &Installation, service: &str, script: &str, connections: usize, time: Duration) -> Result<f64> {
    let file = installation.folder().join("pgbench.sql");
    std::fs::write(&file, script)?;
    let programs = locate(ServerKind::PostgreSql).context("no PostgreSQL")?;
    let mut command = Command::new(programs.path("pgbench"));
    command.args(["-n", "-M", "prepared", "-j", "2", "-c", &connections.to_string(), "-T", &time.as_secs().to_string(), "-f"]).arg(&file).arg(installation.url(service)?);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")).and_then(|rest| rest.split(' ').next()).context("pgbench told no tps")?;
    Ok(rate.parse()?)
}

/// Argon2id alone on both cores: hashes per second.
pub async fn argon2(time: Duration) -> Result<f64> {
    let hash = move || {
        let start = Instant::now();
        let mut done = 0_u32;
        while start.elapsed() < time {
            let mut hash = [0_u8; 32];
            argon2::Argon2::default().hash_password_into(b"Mat-khau-2025", b"sixteen bytes ..", &mut hash).map_err(|error| anyhow::anyhow!("{error}"))?;
            done += 1;
        }
        Ok::<f64, anyhow::Error>(f64::from(done) / start.elapsed().as_secs_f64())
    };
    let cores = std::thread::available_parallelism()?.get();
    let both: Vec<_> = (0..cores).map(|_| tokio::task::spawn_blocking(hash)).collect();
    let mut rate = 0.0;
    for one in both {
        rate += one.await??;
    }
    Ok(rate)
}

/// A durable quorum-free queue as the services have them, with a publisher that waits for confirms and a consumer.
pub struct Broker {
    _connection: Connection,
    publish: lapin::Channel,
    consumer: Consumer,
}

const QUEUE: &str = "bench";
/// As large as the event of a staff record.
const EVENT: usize = 400;

impl Broker {
    /// Declares the queue.
    pub async fn open(url: &str) -> Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let (publish, consume) = (connection.create_channel().await?, connection.create_channel().await?);
        publish.confirm_select(ConfirmSelectOptions::default()).await?;
        let mut quorum = FieldTable::default();
        quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        publish.queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), quorum).await?;
        consume.basic_qos(256, BasicQosOptions::default()).await?;
        let consumer = consume.basic_consume(QUEUE.into(), "bench".into(), BasicConsumeOptions::default(), FieldTable::default()).await?;
        Ok(Broker { _connection: connection, publish, consumer })
    }

    async fn send(publish: &lapin::Channel, start: Instant) -> Result<lapin::Confirmation> {
        let mut payload = vec![0_u8; EVENT];
        let at = u64::try_from(start.elapsed().as_nanos())?.to_be_bytes();
        payload.splice(..8, at);
        let properties = BasicProperties::default().with_delivery_mode(2);
        Ok(publish.basic_publish("".into(), QUEUE.into(), BasicPublishOptions::default(), &payload, properties).await?.await?)
    }

    async fn receive(consumer: &mut Consumer, start: Instant) -> Result<Duration> {
        let delivery = consumer.next().await.context("the consumer ended")??;
        let sent = delivery.data.get(..8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes).context("not our message")?;
        delivery.ack(BasicAckOptions::default()).await?;
        Ok(start.elapsed().saturating_sub(Duration::from_nanos(sent)))
    }

    /// From publishing to receiving, at so many messages a second.
    pub async fn latency(&mut self, per_second: u32, time: Duration) -> Result<Load> {
        let start = Instant::now();
        let count = u64::from(per_second) * time.as_secs();
        let publish = self.publish.clone();
        let sender = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs(1) / per_second);
            for _ in 0..count {
                tick.tick().await;
                Self::send(&publish, start).await?;
            }
            Ok::<(), anyhow::Error>(())
        });
        let mut took = Vec::new();
        for _ in 0..count {
            took.push(Self::receive(&mut self.consumer, start).await?);
        }
        sender.await??;
        Load::of(took, start.elapsed())
    }

    /// Messages a second with so many in flight.
    pub async fn sustained(&mut self, in_flight: usize, count: usize) -> Result<f64> {
        let start = Instant::now();
        let publish = self.publish.clone();
        let sender = tokio::spawn(async move {
            let sent = futures_util::stream::iter(0..count).map(|_| Self::send(&publish, start)).buffer_unordered(in_flight);
            sent.collect::<Vec<_>>().await.into_iter().collect::<Result<Vec<_>>>()
        });
        for _ in 0..count {
            Self::receive(&mut self.consumer, start).await?;
        }
        sender.await??;
        Ok(count as f64 / start.elapsed().as_secs_f64())
    }
}
