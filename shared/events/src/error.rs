//! What can go wrong between an owner and its copies.

use registrar_store::StoreError;

/// Why an event was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The event itself is the trouble: undecodable, or it breaks a rule of the copy. It is parked at once.
    #[error("{0}")]
    Poison(String),
    /// The copy's database refused. Transient errors are tried again, and after a minute the
    /// event goes back to its queue; any other parks it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApplyError {
    /// Whether waiting alone may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, ApplyError::Store(error) if error.is_transient())
    }
}

impl From<diesel::result::Error> for ApplyError {
    fn from(error: diesel::result::Error) -> Self {
        ApplyError::Store(error.into())
    }
}

/// Why events could not be handed over at all. What was handed over and not confirmed is no error but a `false`.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// There is no connection to the broker now; the supervisor is making one.
    #[error("not connected: {0}")]
    Disconnected(String),
    /// No service of this name is in the [`crate::Topology`].
    #[error("no consumer is called {0}")]
    UnknownService(String),
    /// The service's events are being consumed already by another task of this process.
    #[error("{0} consumes already")]
    Taken(String),
    /// The broker or its address is wrong in a way that waiting does not mend.
    #[error("broker: {0}")]
    Broker(String),
}

/// Why a resync or a comparison stopped.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// One of the databases refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A copy cannot tell what an event should look like there.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The transport refused.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Events stayed unconfirmed through all attempts.
    #[error("{unconfirmed} events of {aggregate} were not confirmed")]
    Unconfirmed {
        /// What was sent.
        aggregate: String,
        /// How many events of the last page are missing a confirm.
        unconfirmed: usize,
    },
    /// The service does not consume the aggregate.
    #[error("{service} does not consume {aggregate}")]
    NotConsumed {
        /// The service named.
        service: String,
        /// The aggregate it does not consume.
        aggregate: String,
    },
}
