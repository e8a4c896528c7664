//! Where passwords are hashed: on threads of their own, one for each core and of low priority, so that a wave of sign-ins
//! slows sign-ins and nothing else (docs/adr/0008-passwords-yield.md). The 19 MB that each hash needs are kept while others
//! wait.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, LazyLock, Mutex},
    thread,
};

use argon2::{Argon2, Block};
use registrar_store::{StoreError, StoreResult};
use tokio::sync::{mpsc, oneshot};

/// Hashes that wait for a thread; whoever comes then waits to wait.
const WAITING: usize = 64;
/// How much a thread yields to others, of 19: it has a tenth of a core on which something else is at work.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// What a hash is computed in.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// As many blocks as `argon2` needs.
    pub fn blocks(&mut self, argon2: &Argon2<'_>) -> &mut [Block] {
        self.0.resize(argon2.params().block_count(), Block::default());
        &mut self.0
    }
}

type Hashing = Box<dyn FnOnce(&mut Memory) + Send>;
type Waiting = Arc<Mutex<mpsc::Receiver<Hashing>>>;

static HASHING: LazyLock<mpsc::Sender<Hashing>> = LazyLock::new(|| {
    let (sender, waiting) = mpsc::channel(WAITING);
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        let waiting = waiting.clone();
        if let Err(error) = thread::Builder::new().name("hashing".into()).spawn(move || hash_all(&waiting)) {
            tracing::error!(%error, "a thread for passwords cannot be started");
        }
    }
    sender
});

/// Has a hash computed.
///
/// # Errors
/// [`StoreError::Unavailable`] when it was not: `hash` panicked, or there are no threads.
pub(super) async fn run<T: Send + 'static>(hash: impl FnOnce(&mut Memory) -> T + Send + 'static) -> StoreResult<T> {
    let unavailable = || StoreError::Unavailable("passwords cannot be hashed".to_owned());
    let (answer, answered) = oneshot::channel();
    let hashing: Hashing = Box::new(move |memory| {
        // Whoever has gone away needs no hash.
        if !answer.is_closed() {
            drop(answer.send(hash(memory)));
        }
    });
    HASHING.send(hashing).await.map_err(|_| unavailable())?;
    answered.await.map_err(|_| unavailable())
}

fn hash_all(waiting: &Waiting) {
    yield_to_others();
    let mut memory = Memory::default();
    while let Some(hashing) = next(waiting, &mut memory) {
        // Whoever waits for it is told by its end.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| hashing(&mut memory)));
    }
}

/// The next one; none at the end.
fn next(waiting: &Waiting, memory: &mut Memory) -> Option<Hashing> {
    let at_once = waiting.try_lock().ok().and_then(|mut waiting| waiting.try_recv().ok());
    at_once.or_else(|| {
        // Nothing waits, or another thread waits for it.
        *memory = Memory::default();
        waiting.lock().ok()?.blocking_recv()
    })
}

/// Only on Linux is a priority the thread's: elsewhere it would be the whole process's.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "hashing passwords will slow other requests");
    }
}
