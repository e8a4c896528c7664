//! A load of HTTP requests from keep-alive connections, and what it measured. Requests are bytes made beforehand and
//! answers are read no further than needed: the machine's two cores are for the services.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// What one connection asks, one request after another.
pub trait Requests: Send + 'static {
    /// The bytes of the next request.
    fn next(&mut self) -> &[u8];
}

impl<F: FnMut() -> Vec<u8> + Send + 'static> Requests for (F, Vec<u8>) {
    fn next(&mut self) -> &[u8] {
        self.1 = (self.0)();
        &self.1
    }
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Load {
    /// Answers per second.
    pub rate: f64,
    /// How long half of them took at most.
    pub p50: Duration,
    /// How long 99 in a hundred took at most.
    pub p99: Duration,
}

impl Load {
    /// Of the durations of what was done in `time`.
    pub fn of(mut took: Vec<Duration>, time: Duration) -> Result<Self> {
        took.sort_unstable();
        let at = |share: f64| took.get(((took.len() as f64 * share) as usize).min(took.len().saturating_sub(1))).copied();
        Ok(Load { rate: took.len() as f64 / time.as_secs_f64(), p50: at(0.5).context("nothing was answered")?, p99: at(0.99).context("nothing was answered")? })
    }
}

/// Sends requests from each of the connections for so long; every answer must have this status.
pub async fn load(address: SocketAddr, time: Duration, status: u16, connections: Vec<Box<dyn Requests>>) -> Result<Load> {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for requests in connections {
        tasks.spawn(connection(address, start + time, status, requests));
    }
    let mut took = Vec::new();
    while let Some(done) = tasks.join_next().await {
        took.extend(done??);
    }
    Load::of(took, start.elapsed())
}

async fn connection(address: SocketAddr, until: Instant, status: u16, mut requests: Box<dyn Requests>) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(address).await?;
    let mut took = Vec::new();
    while Instant::now() < until {
        let start = Instant::now();
        let answered = connection.exchange(requests.next()).await?;
        ensure!(answered == status, "{answered} instead of {status}: {}", connection.body());
        took.push(start.elapsed());
    }
    Ok(took)
}

/// Sends a request each `pause` for so long, one after another: somebody who notices what else the machine does, and takes
/// little of it.
pub async fn probe(address: SocketAddr, time: Duration, pause: Duration, status: u16, mut requests: Box<dyn Requests>) -> Result<Load> {
    let mut connection = Connection::open(address).await?;
    let (mut took, begun, mut tick) = (Vec::new(), Instant::now(), tokio::time::interval(pause));
    while begun.elapsed() < time {
        tick.tick().await;
        let start = Instant::now();
        let answered = connection.exchange(requests.next()).await?;
        ensure!(answered == status, "{answered} instead of {status}: {}", connection.body());
        took.push(start.elapsed());
    }
    Load::of(took, begun.elapsed())
}

/// A connection with its last answer.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    head: usize,
    end: usize,
}

impl Connection {
    /// Opens one.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(64 << 10), head: 0, end: 0 })
    }

    /// Sends a request and reads its answer; answers the status.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
            if let Some(place) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break place + 4;
            }
        };
        let text = std::str::from_utf8(self.buffer.get(..head).unwrap_or_default())?.to_ascii_lowercase();
        let status: u16 = text.split(' ').nth(1).context("no status")?.parse()?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(Ok(0), |length| length.trim().parse::<usize>())?;
        (self.head, self.end) = (head, if matches!(status, 204 | 304) { head } else { head + length });
        while self.buffer.len() < self.end {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
        }
        Ok(status)
    }

    /// The body of the last answer.
    pub fn body(&self) -> String {
        String::from_utf8_lossy(self.buffer.get(self.head..self.end).unwrap_or_default()).into_owned()
    }

    /// A header of the last answer.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(self.buffer.get(..self.head)?).into_owned();
        head.lines().find_map(|line| line.split_once(':').filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()))
    }
}
