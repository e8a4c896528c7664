//! Where passwords are hashed: in processes of their own, one for each core and of low priority, so that a wave of sign-ins
//! slows sign-ins and nothing else (docs/adr/0012-passwords-in-processes.md). Their 19 MB each are held while hashes come.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{LazyLock, OnceLock},
    thread,
    time::Duration,
};

use flume::{Receiver, RecvTimeoutError, Sender};
use registrar_store::{StoreError, StoreResult};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use super::password::{Memory, hashed};

/// Hashes that wait for a process; whoever comes then waits to wait.
const WAITING: usize = 64;
/// How long a process is kept that nobody needs.
const KEPT: Duration = Duration::from_secs(1);
/// How much a process yields to others, of 19: it has a tenth of a core on which something else is at work.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// The program that hashes, with its arguments: it runs [`answer`].
static PROGRAM: OnceLock<(PathBuf, &'static str)> = OnceLock::new();

static HASHING: LazyLock<Sender<Asked>> = LazyLock::new(|| {
    let (sender, waiting) = flume::bounded(WAITING);
    for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        let waiting = waiting.clone();
        if let Err(error) = thread::Builder::new().name("hashing".into()).spawn(move || hash_all(&waiting)) {
            tracing::error!(%error, "a thread for passwords cannot be started");
        }
    }
    sender
});

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
    let mut place = None;
    loop {
        let next = if place.is_some() { waiting.recv_timeout(KEPT) } else { waiting.recv().map_err(RecvTimeoutError::from) };
        match next {
            // Whoever has gone away needs no hash.
            Ok(Asked { form, password, answer }) if !answer.is_closed() => match computed(&mut place, &form, &password) {
                // They may have gone meanwhile.
                Ok(hash) => drop(answer.send(hash)),
                Err(error) => {
                    place = None;
                    tracing::error!(%error, "a password cannot be hashed");
                }
            },
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => place = None,
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Where a thread has its hashes computed.
enum Place {
    Elsewhere(Process),
    Here(Memory),
}

/// A hash; the process that was kept may have been ended by somebody, a new one is not.
fn computed(place: &mut Option<Place>, form: &str, password: &SecretString) -> io::Result<Option<String>> {
    match place.as_mut().and_then(|place| place.compute(form, password).ok()) {
        Some(hash) => Ok(hash),
        None => place.insert(Place::new()?).compute(form, password),
    }
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

/// A process that hashes; it ends when nobody asks it any more.
struct Process {
    child: Child,
    /// Taken at the end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> io::Result<Self> {
        // It knows nothing but passwords: no database, no secret.
        let mut child = command.arg0("registrar").env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or_else(|| io::Error::other("no output"))?);
        Ok(Process { child, input, output: BufReader::new(output) })
    }

    fn compute(&mut self, form: &str, password: &SecretString) -> io::Result<Option<String>> {
        let mut line = serde_json::to_string(&(form, password.expose_secret()))?;
        line.push('\n');
        self.input.as_ref().ok_or(io::ErrorKind::BrokenPipe)?.write_all(line.as_bytes())?;
        line.clear();
        if self.output.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.child.wait() {
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
        // What lists of processes call it.
        let _ = rustix::thread::set_name(c"hashing");
        // It has one already when it was asked before.
        let _ = rustix::process::setsid();
        let session = std::fs::write("/proc/self/autogroup", NICE.to_string());
        let shared_by_session = !session.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        rustix::process::setpriority_process(None, NICE).is_ok() && shared_by_session
    }
    #[cfg(not(target_os = "linux"))]
    rustix::process::nice(10).is_ok()
}
