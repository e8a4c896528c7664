//! How the operating system shares its cores between threads that answer requests and everything these wait for.

/// Says of the thread that calls it that it need not run the moment it is woken (`SCHED_BATCH`, sched(7)): whoever runs
/// then, mostly a process of a database on the same machine, finishes first, and the thread finds several answers where it
/// would have been woken for each ([ADR 10](../../../docs/adr/0010-shared-connections.md)). Alone on its core it runs at
/// once all the same.
///
/// Left as it is where the system refuses, and where the process was given a priority: somebody has decided already.
pub(crate) fn never_interrupt() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{NormalThreadSchedulePolicy::Batch, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id};
        // The library sets both at once, the priority as a part of 99: this is niceness 0, what the thread has.
        const SAME: u8 = 47;
        if rustix::process::getpriority_process(None) != Ok(0) {
            return;
        }
        let policy = ThreadSchedulePolicy::Normal(Batch);
        let set = |priority| set_thread_priority_and_policy(thread_native_id(), priority, policy).map_err(|error| format!("{error:?}"));
        if let Err(error) = ThreadPriority::try_from(SAME).map_err(str::to_owned).and_then(set) {
            tracing::info!(error, "requests are answered under the system's usual scheduling");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{getpriority_process, nice};
    use thread_priority::{
        NormalThreadSchedulePolicy::{Batch, Other},
        ThreadSchedulePolicy, thread_schedule_policy,
    };

    use super::*;

    fn policy_after(of_thread: fn()) -> (ThreadSchedulePolicy, i32) {
        let thread = std::thread::spawn(move || {
            of_thread();
            never_interrupt();
            (thread_schedule_policy().unwrap(), getpriority_process(None).unwrap())
        });
        thread.join().unwrap()
    }

    #[test]
    fn a_thread_that_answers_requests_waits_its_turn_with_the_priority_it_had() {
        let ours = getpriority_process(None).unwrap();
        let policy = if ours == 0 { Batch } else { Other };
        assert_eq!(policy_after(|| ()), (ThreadSchedulePolicy::Normal(policy), ours));
    }

    #[test]
    fn a_priority_that_somebody_chose_is_left_alone() {
        let nicer = || assert!(nice(5).is_ok_and(|niceness| niceness > 0));
        assert_eq!(policy_after(nicer).0, ThreadSchedulePolicy::Normal(Other));
    }
}
