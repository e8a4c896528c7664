//! How the operating system shares its cores between threads that answer requests and everything these wait for.

use std::{cell::Cell, marker::PhantomData};

/// So many requests under way on a thread make it busy: what counts is how many are answered, not how soon one is.
const BUSY: usize = 8;
/// With so few it is no longer.
const QUIET: usize = 2;

thread_local! {
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
    static IS_BUSY: Cell<bool> = const { Cell::new(false) };
}

/// A request under way on this thread, until it is dropped.
///
/// A thread that has many of them need not run the moment it is woken (`SCHED_BATCH`, sched(7)): whoever runs then, mostly
/// a process of a database on the same machine, finishes first, and the thread finds several answers where it would have
/// been woken for each ([ADR 10](../../../docs/adr/0010-shared-connections.md)). One that has few runs before whatever
/// takes long, such as the hashing of passwords.
pub(crate) struct UnderWay {
    of_this_thread: PhantomData<*const ()>,
}

impl UnderWay {
    pub(crate) fn begin() -> Self {
        let requests = REQUESTS.get() + 1;
        REQUESTS.set(requests);
        if requests == BUSY && !IS_BUSY.replace(true) {
            may_interrupt(false);
        }
        UnderWay { of_this_thread: PhantomData }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let requests = REQUESTS.get().saturating_sub(1);
        REQUESTS.set(requests);
        if requests == QUIET && IS_BUSY.replace(false) {
            may_interrupt(true);
        }
    }
}

/// Whether this thread may interrupt others when it is woken. Left as it is where the system refuses, and where the process
/// was given a priority: somebody has decided already.
fn may_interrupt(may: bool) {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy::{Batch, Other},
            ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
        };
        // The library sets both at once, the priority as a part of 99: this is niceness 0, what the thread has.
        const SAME: u8 = 47;
        if rustix::process::getpriority_process(None) != Ok(0) {
            return;
        }
        let policy = ThreadSchedulePolicy::Normal(if may { Other } else { Batch });
        let set = |priority| set_thread_priority_and_policy(thread_native_id(), priority, policy).map_err(|error| format!("{error:?}"));
        if let Err(error) = ThreadPriority::try_from(SAME).map_err(str::to_owned).and_then(set) {
            tracing::debug!(error, "the system schedules threads as it did");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = may;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{getpriority_process, nice};
    use thread_priority::{
        NormalThreadSchedulePolicy::{self, Batch, Other},
        ThreadSchedulePolicy, thread_schedule_policy,
    };

    use super::*;

    fn is_scheduled(policy: NormalThreadSchedulePolicy) -> bool {
        thread_schedule_policy() == Ok(ThreadSchedulePolicy::Normal(policy))
    }

    #[test]
    fn a_thread_with_many_requests_under_way_waits_its_turn_until_it_has_few() {
        let ours = getpriority_process(None).unwrap();
        let mut requests: Vec<_> = (1..BUSY).map(|_| UnderWay::begin()).collect();
        assert!(is_scheduled(Other));
        requests.push(UnderWay::begin());
        assert!(is_scheduled(if ours == 0 { Batch } else { Other }));
        requests.truncate(QUIET + 1);
        assert!(is_scheduled(if ours == 0 { Batch } else { Other }));
        requests.truncate(QUIET);
        assert!(is_scheduled(Other));
        assert_eq!(getpriority_process(None).unwrap(), ours);
    }

    #[test]
    fn a_priority_that_somebody_chose_is_left_alone() {
        let nicer = std::thread::spawn(|| {
            assert!(nice(5).is_ok_and(|niceness| niceness > 0));
            let _requests: Vec<_> = (0..BUSY).map(|_| UnderWay::begin()).collect();
            assert!(is_scheduled(Other));
        });
        nicer.join().unwrap();
    }
}
