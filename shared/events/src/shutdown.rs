//! Asking loops to end.

use tokio::sync::watch;

/// Asks everything that holds a [`Shutdown`] of it to end; dropping it asks too.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// A new pair of asking and being asked.
    #[must_use]
    pub fn new() -> (Self, Shutdown) {
        let (sender, receiver) = watch::channel(false);
        (Stop(sender), Shutdown(receiver))
    }

    /// Asks now. What is under way is finished.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Resolves when its [`Stop`] asks. Cheap to clone: one per loop.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Whether it was asked already.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is asked.
    pub async fn requested(&mut self) {
        // An error means that the asking side is gone, which asks as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Runs `work` unless it is asked first; `None` when it was. For work that may be dropped at any await.
    pub async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.requested() => None,
            done = work => Some(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stopping_and_dropping_both_ask() {
        let (stop, mut shutdown) = Stop::new();
        assert!(!shutdown.is_requested());
        assert_eq!(shutdown.unless(async { 1 }).await, Some(1));
        stop.stop();
        assert!(shutdown.is_requested());
        assert_eq!(shutdown.unless(std::future::pending::<()>()).await, None);
        let (stop, shutdown) = Stop::new();
        drop(stop);
        assert!(shutdown.is_requested());
        shutdown.clone().requested().await;
    }
}
