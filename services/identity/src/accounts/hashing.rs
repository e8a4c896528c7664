//! Where passwords are hashed: in processes of their own, one for each core and of low priority, so that a wave of sign-ins
//! slows sign-ins and nothing else (docs/adr/0012-passwords-in-processes.md). Their 19 MB each are held while hashes come.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use flume::{Receiver, RecvTimeoutError, Sender};
use registrar_store::{StoreError, StoreResult};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use tokio::sync::oneshot;

use super::password::{Memory, hashed};

/// Hashes that wait for a process; whoever comes then waits to wait.
const WAITING: usize = 64;
/// Hashes that are computed at once at most, whatever the cores: more would be for whoever guesses passwords.
const MOST: usize = 8;
/// How long a process is kept that nobody needs.
const KEPT: Duration = Duration::from_secs(1);
/// How long a process may take for a hash, in seconds; it takes a quarter of one where others leave it a tenth of a core.
const ANSWERS_WITHIN: i64 = 20;
/// How much a process yields to others, of 19: it has a tenth of a core on which something else is at work.
const NICE: i32 = 10;

/// The program that hashes, with its argument: it runs [`answer`].
static PROGRAM: OnceLock<(PathBuf, &'static str)> = OnceLock::new();

static HASHING: LazyLock<Sender<Asked>> = LazyLock::new(|| {
    let (sender, waiting) = flume::bounded(WAITING);
    for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST) {
        let waiting = waiting.clone();
        if let Err(error) = thread::Builder::new().name("hashing".into()).spawn(move || hash_all(&waiting)) {
            tracing::error!(%error, "a thread for passwords cannot be started");
        }
    }
    sender
});

/// Where hashes were computed last, and when: the next take the newest, so that few are kept where few are needed.
static IDLE: Mutex<Vec<(Place, Instant)>> = Mutex::new(Vec::new());

/// A hash that somebody waits for.
struct Asked {
    form: String,
    password: SecretString,
    answer: oneshot::Sender<Option<String>>,
}

/// Has passwords hashed by processes of this program, which must run [`answer`] when it is given `argument`. Until it is
/// called this process hashes them itself, which is what tests of services do.
pub fn by(program: PathBuf, argument: &'static str) {
    // Whoever came first has said the same.
    let _ = PROGRAM.set((program, argument));
}

/// The hash of a password by the algorithm, cost and salt of `form`; none when that is no form of ours.
///
/// # Errors
/// [`StoreError::Unavailable`] when it cannot be computed: there are no threads or processes.
pub(super) async fn run(form: String, password: SecretString) -> StoreResult<Option<String>> {
    let unavailable = || StoreError::Unavailable("passwords cannot be hashed".to_owned());
    let (answer, answered) = oneshot::channel();
    HASHING.send_async(Asked { form, password, answer }).await.map_err(|_| unavailable())?;
    answered.await.map_err(|_| unavailable())
}

fn hash_all(waiting: &Receiver<Asked>) {
    loop {
        let any_idle = !idle().is_empty();
        let next = if any_idle { waiting.recv_timeout(KEPT) } else { waiting.recv().map_err(RecvTimeoutError::from) };
        match next {
            // Whoever has gone away needs no hash.
            Ok(Asked { form, password, answer }) if !answer.is_closed() => match computed(&form, &password) {
                // They may have gone meanwhile.
                Ok(hash) => drop(answer.send(hash)),
                Err(error) => tracing::error!(%error, "a password cannot be hashed"),
            },
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => end_idle(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn idle() -> MutexGuard<'static, Vec<(Place, Instant)>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends what nobody has needed for long, which others need not wait for.
fn end_idle() {
    let ended: Vec<_> = idle().extract_if(.., |(_, since)| since.elapsed() >= KEPT).collect();
    drop(ended);
}

/// Where hashes are computed.
enum Place {
    Elsewhere(Process),
    Here(Memory),
}

/// A hash; a process that was kept may have been ended by somebody, a new one is not.
fn computed(form: &str, password: &SecretString) -> io::Result<Option<String>> {
    // A statement of its own: those idle are locked until its end.
    let kept = idle().pop();
    let (hash, place) = match kept.and_then(|(mut place, _)| Some((place.compute(form, password).ok()?, place))) {
        Some(computed) => computed,
        None => {
            let mut place = Place::new()?;
            (place.compute(form, password)?, place)
        }
    };
    idle().push((place, Instant::now()));
    Ok(hash)
}

impl Place {
    fn new() -> io::Result<Self> {
        Ok(match PROGRAM.get() {
            Some((program, argument)) => Place::Elsewhere(Process::start(Command::new(program).arg(argument))?),
            None => Place::Here(Memory::default()),
        })
    }

    fn compute(&mut self, form: &str, password: &SecretString) -> io::Result<Option<String>> {
        match self {
            Place::Elsewhere(process) => process.compute(form, password),
            Place::Here(memory) => panic::catch_unwind(AssertUnwindSafe(|| hashed(form, password.expose_secret(), memory))).map_err(|_| io::Error::other("panicked")),
        }
    }
}

/// A process that hashes.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> io::Result<Self> {
        // It knows nothing but passwords: no database, no secret.
        let mut child = command.arg0("registrar").env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Err(io::Error::other("no pipes")) };
        Ok(Process { child, input, output: BufReader::new(output) })
    }

    fn compute(&mut self, form: &str, password: &SecretString) -> io::Result<Option<String>> {
        let mut asked = Zeroizing::new(serde_json::to_string(&(form, password.expose_secret()))?);
        asked.push('\n');
        // In one piece: the process is woken once.
        self.input.write_all(asked.as_bytes())?;
        // A process that was stopped answers nothing and does not end.
        let answers_within = Timespec { tv_sec: ANSWERS_WITHIN, tv_nsec: 0 };
        if poll(&mut [PollFd::new(self.output.get_ref(), PollFlags::IN)], Some(&answers_within))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut answer = String::new();
        if self.output.read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has nothing to finish, and one that was stopped would not end otherwise.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            tracing::warn!(%error, "a process that hashed passwords is left");
        }
    }
}

/// Answers lines that ask for a hash, each with a line, until there are no more: what a process does that others have started
/// to hash their passwords.
///
/// # Errors
/// When a line cannot be read, or its answer not be written.
pub fn answer(asked: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    let (mut memory, mut yields) = (Memory::default(), false);
    for line in asked.lines() {
        yields = yields || yield_to_others();
        let (form, password): (String, String) = serde_json::from_str(&line?)?;
        let mut answer = serde_json::to_string(&hashed(&form, &password, &mut memory))?;
        answer.push('\n');
        answers.write_all(answer.as_bytes())?;
        answers.flush()?;
    }
    Ok(())
}

/// Whether it does. Linux may share its cores among sessions first and heed a priority only inside of one (`sched(7)`,
/// "autogroup"): so a process has a session of its own, of the same priority. Only one in a tenth of a second may say so.
fn yield_to_others() -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpid, getsid, setpriority_process, setsid};
        // What lists of processes call it.
        let _ = rustix::thread::set_name(c"hashing");
        // It has one already when it was asked before, and none when somebody runs it in a shell.
        let has_session = setsid().is_ok() || getsid(None) == Ok(getpid());
        let busy = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        let told = !has_session || !std::fs::write("/proc/self/autogroup", NICE.to_string()).is_err_and(|error| busy(&error));
        setpriority_process(None, NICE).is_ok() && told
    }
    #[cfg(not(target_os = "linux"))]
    rustix::process::nice(NICE).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_hashed(memory: u32, times: u32) -> bool {
        let form = format!("$argon2id$v=19$m={memory},t={times},p=1$c2l4dGVlbiBieXRlcyAuLg");
        run(form, "password".to_owned().into()).await.is_ok_and(|hash| hash.is_some())
    }

    async fn one_after_another() {
        for _ in 0..20 {
            assert!(is_hashed(64, 1).await);
        }
    }

    #[tokio::test]
    async fn passwords_that_follow_each_other_are_hashed_in_one_place_and_wait_for_no_other() {
        one_after_another().await;
        assert!(idle().len() <= 1);

        let long = tokio::spawn(is_hashed(1 << 16, 64));
        while !idle().is_empty() {
            assert!(!long.is_finished());
            tokio::task::yield_now().await;
        }
        one_after_another().await;
        let alone = thread::available_parallelism().unwrap().get() == 1;
        assert_eq!(long.is_finished(), alone, "others wait for a long hash only where there is one thread for all");
    }
}
