//! The one error type of store functions: rich inside, mapped to a problem document at the edge.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// What every store function returns.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why a store function did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such row, or none the caller may know of.
    #[error("not found")]
    NotFound,
    /// The caller may know of the row but not do this with it.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// The row has another version than the one the caller saw.
    #[error("stale: the current version is {current}")]
    Stale {
        /// The version now held.
        current: i64,
    },
    /// A uniqueness rule or an exclusion refused the row.
    #[error("conflict with {constraint}")]
    Conflict {
        /// The constraint's name; resources map it to the field it guards.
        constraint: String,
    },
    /// A check or foreign key refused the row: a rule the edge should have caught.
    #[error("refused by {constraint}")]
    Refused {
        /// The constraint's name.
        constraint: String,
    },
    /// A rule of the domain refuses the request; `pointer` names the field (JSON Pointer).
    #[error("{code} at {pointer}: {detail}")]
    Invalid {
        /// JSON Pointer (RFC 6901) of the field.
        pointer: String,
        /// Stable machine-readable reason.
        code: &'static str,
        /// One English sentence.
        detail: String,
    },
    /// The request is well formed but the record's present state does not allow it.
    #[error("state: {0}")]
    State(&'static str),
    /// What is stored here does not keep our own rules: a defect here, not the caller's.
    #[error("broken: {0}")]
    Broken(&'static str),
    /// The copies that authority is decided on are too old to decide on: refuse, do not guess.
    #[error("authority data are stale")]
    AuthorityStale,
    /// Something this depends on has not arrived here from its owner yet.
    #[error("not yet known: {0}")]
    NotYetKnown(String),
    /// No connection could be had in time, or it broke.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A cursor or token that this database did not hand out.
    #[error("bad cursor")]
    BadCursor,
    /// A feed cursor of a former generation of this database: start over.
    #[error("the cursor's generation has ended")]
    CursorGone,
    /// Anything else: a defect here, not the caller's.
    #[error("database: {0}")]
    Database(#[source] Diesel),
}

impl StoreError {
    /// True when trying the same thing again later may succeed without anyone changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            StoreError::Unavailable(_) | StoreError::AuthorityStale => true,
            StoreError::Database(Diesel::DatabaseError(kind, _)) => {
                matches!(kind, DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::ReadOnlyTransaction)
            }
            _ => false,
        }
    }
}

impl From<Diesel> for StoreError {
    fn from(error: Diesel) -> Self {
        match error {
            Diesel::NotFound => StoreError::NotFound,
            Diesel::DatabaseError(kind, ref info) => {
                let constraint = || info.constraint_name().unwrap_or("unnamed").to_owned();
                match kind {
                    DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ExclusionViolation => StoreError::Conflict { constraint: constraint() },
                    DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::CheckViolation | DatabaseErrorKind::NotNullViolation => {
                        StoreError::Refused { constraint: constraint() }
                    }
                    DatabaseErrorKind::ClosedConnection => StoreError::Unavailable(info.message().to_owned()),
                    // A connection that breaks while a statement is under way.
                    DatabaseErrorKind::UnableToSendCommand if is_broken_connection(info.message()) => StoreError::Unavailable(info.message().to_owned()),
                    // PostgreSQL shutting down or starting (57P01..57P03) arrives as an unknown kind.
                    DatabaseErrorKind::Unknown if info.message().contains("terminating connection") || info.message().contains("the database system is") => {
                        StoreError::Unavailable(info.message().to_owned())
                    }
                    // 57014: somebody else's statements would have waited behind it.
                    DatabaseErrorKind::Unknown if info.message().contains("due to statement timeout") => StoreError::Unavailable(info.message().to_owned()),
                    // 40P01 too: the one that was chosen to give way may try again.
                    DatabaseErrorKind::Unknown if info.message().contains("deadlock detected") => StoreError::Unavailable(info.message().to_owned()),
                    _ => StoreError::Database(error),
                }
            }
            Diesel::BrokenTransactionManager | Diesel::RollbackErrorOnCommit { .. } => StoreError::Unavailable("the connection broke within a transaction".to_owned()),
            other => StoreError::Database(other),
        }
    }
}

fn is_broken_connection(message: &str) -> bool {
    message.contains("connection closed") || message.contains("communicating with the server")
}

impl From<diesel_async::pooled_connection::deadpool::PoolError> for StoreError {
    fn from(error: diesel_async::pooled_connection::deadpool::PoolError) -> Self {
        StoreError::Unavailable(error.to_string())
    }
}
