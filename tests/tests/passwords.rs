//! Passwords are hashed by processes that yield to all others, come when they are needed and go when they are not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]
#![cfg(target_os = "linux")]

use std::{fs, process::Command, sync::Mutex, time::Duration};

use registrar_tests::{Client, Mode, System, until};

/// The longest anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The processes that a process has started.
fn started_by(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let started = threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).ok()).collect::<String>();
    started.split_whitespace().map(|process| process.parse().unwrap()).collect()
}

/// The session of a process, and how much it yields to others (`proc_pid_stat(5)`).
fn session_and_niceness(process: u32) -> Option<(u32, i32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    Some((fields[3].parse().unwrap(), fields[16].parse().unwrap()))
}

#[tokio::test]
async fn passwords_are_hashed_by_processes_that_come_yield_and_go() {
    let system = System::start(Mode::Services, 100).await.unwrap();
    let identity = system.process("identity").unwrap();
    let hashing = async || {
        Client::sign_in(&system.base, "admin").await.unwrap();
        let yields = |process: &u32| session_and_niceness(*process) == Some((*process, 10));
        started_by(identity).into_iter().filter(yields).collect::<Vec<_>>()
    };
    let found = Mutex::new(Vec::new());
    until(PATIENCE, "a process that yields", || async {
        *found.lock().unwrap() = hashing().await;
        !found.lock().unwrap().is_empty()
    })
    .await;
    let found = found.into_inner().unwrap();
    // Some may have gone by themselves meanwhile.
    let _ = Command::new("kill").arg("-KILL").args(found.iter().map(u32::to_string)).status().unwrap();
    until(PATIENCE, "others in their place", || async { hashing().await.iter().any(|process| !found.contains(process)) }).await;
    until(PATIENCE, "no process when nobody signs in", || async { started_by(identity).is_empty() }).await;
    Client::sign_in(&system.base, "admin").await.unwrap();
}
