//! Free loopback ports.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

/// Candidates lie below the range from which Linux and macOS take the local ports of outgoing connections.
///
/// A port of that range (what binding to port 0 gives) may be taken by any client while its server is stopped, and a
/// client that keeps trying to reach a stopped server there can end up connected to itself.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;
const ATTEMPTS: usize = 200;

static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A TCP port nobody listens on at 127.0.0.1, never the same one twice within this process.
///
/// Ports are drawn at random, so that processes running side by side do not meet. Nothing holds the port: the caller
/// is expected to bind it soon.
///
/// # Errors
/// When no free port is found, or the system gives no random bytes.
pub fn free_port() -> Result<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..ATTEMPTS {
        let random = getrandom::u32().context("the system gives no random bytes")?;
        let port = FIRST + u16::try_from(random % u32::from(COUNT))?;
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return Ok(port);
        }
    }
    anyhow::bail!("no free port found between {FIRST} and {} in {ATTEMPTS} attempts", FIRST + COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_gives_a_port_twice_nor_a_taken_one() {
        let mut seen = BTreeSet::new();
        for _ in 0..300 {
            let port = free_port().unwrap();
            assert!(seen.insert(port), "{port} was given twice");
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }
}
