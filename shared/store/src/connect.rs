//! Opens connections.

use std::{sync::Mutex, time::Duration};

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_postgres::{NoTls, error::SqlState};
use url::Url;

/// The parameter of a database's URL that names a file with the password.
const PASSWORD_FILE: &str = "password_file";
/// How long a refused password is taken for one that is being changed; less than a request waits for a connection.
const BEING_CHANGED: Duration = Duration::from_secs(2);
/// How long to wait before the file is read again.
const PAUSE: Duration = Duration::from_millis(100);

/// Connects to one database. With `?password_file=PATH` in its URL the password is the content of that file, read anew
/// for each connection: it can be changed while processes run.
pub(crate) struct Connector {
    pub(crate) url: String,
    /// The password that let us in last: between the change of the file and that of the role it is still the right one.
    former: Mutex<Option<String>>,
}

/// How long a connection is used. It keeps every statement it has prepared, and callers choose among many filters.
pub(crate) const KEPT: Duration = Duration::from_secs(600);

/// A connection, and the task that drives it: over when the connection is.
pub(crate) struct Driven {
    pub(crate) conn: AsyncPgConnection,
    driver: JoinHandle<()>,
    made: Instant,
}

impl Driven {
    /// Whether another should take its place.
    pub(crate) fn is_over(&self) -> bool {
        self.driver.is_finished() || self.made.elapsed() > KEPT
    }
}

/// What went wrong, and whether the server wanted another password.
struct Failed {
    error: ConnectionError,
    refused: bool,
}

impl Connector {
    pub(crate) fn new(url: &str) -> Self {
        Connector { url: url.to_owned(), former: Mutex::default() }
    }

    /// A new connection, driven by the runtime that asks for it.
    ///
    /// # Errors
    /// When the file cannot be read, the server does not answer, or it lets us in neither with the password of the file
    /// nor with the one before it, for as long as a change of both may take.
    pub(crate) async fn connect(&self) -> ConnectionResult<Driven> {
        let Some((url, file)) = password_file(&self.url) else { return enter(&self.url).await.map_err(|failed| failed.error) };
        let deadline = Instant::now() + BEING_CHANGED;
        loop {
            let password = tokio::fs::read_to_string(&file).await.map_err(|error| ConnectionError::BadConnection(format!("{file}: {error}")))?;
            let password = password.trim();
            let failed = match self.enter_with(&url, password).await {
                Ok(conn) => return Ok(conn),
                Err(failed) => failed,
            };
            // A file that is being written may be empty for a moment.
            if !failed.refused && !password.is_empty() {
                return Err(failed.error);
            }
            let former = self.former.lock().ok().and_then(|former| former.clone()).filter(|former| former != password);
            if let Some(former) = former
                && let Ok(conn) = self.enter_with(&url, &former).await
            {
                return Ok(conn);
            }
            if Instant::now() >= deadline {
                return Err(failed.error);
            }
            sleep(PAUSE).await;
        }
    }

    async fn enter_with(&self, url: &Url, password: &str) -> Result<Driven, Failed> {
        let unfit = || Failed { error: ConnectionError::InvalidConnectionUrl("a URL that takes no password".into()), refused: false };
        let conn = enter(&with_password(url.clone(), password).ok_or_else(unfit)?).await?;
        if let Ok(mut former) = self.former.lock()
            && former.as_deref() != Some(password)
        {
            *former = Some(password.to_owned());
        }
        Ok(conn)
    }
}

async fn enter(url: &str) -> Result<Driven, Failed> {
    let failed = |error: tokio_postgres::Error| {
        let refused = matches!(error.code(), Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION));
        let reason = std::error::Error::source(&error).map(|reason| format!(": {reason}")).unwrap_or_default();
        Failed { error: ConnectionError::BadConnection(format!("{error}{reason}")), refused }
    };
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(failed)?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a connection to the database broke");
        }
    });
    let conn = AsyncPgConnection::try_from(client).await.map_err(|error| Failed { error, refused: false })?;
    Ok(Driven { conn, driver, made: Instant::now() })
}

/// The URL without the parameter, and the file.
fn password_file(url: &str) -> Option<(Url, String)> {
    let mut url = Url::parse(url).ok()?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let (_, file) = pairs.iter().find(|(name, _)| name == PASSWORD_FILE)?.clone();
    url.set_query(None);
    for (name, value) in pairs.iter().filter(|(name, _)| name != PASSWORD_FILE) {
        url.query_pairs_mut().append_pair(name, value);
    }
    Some((url, file))
}

fn with_password(mut url: Url, password: &str) -> Option<String> {
    url.set_password(Some(password)).ok()?;
    Some(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_comes_from_its_file_and_the_rest_of_the_url_stays() {
        let (url, file) = password_file("postgres://registrar@db:5433/staff?password_file=/run/secrets/db&sslmode=prefer").unwrap();
        assert_eq!(file, "/run/secrets/db");
        assert_eq!(with_password(url, "a/b:c@d").unwrap(), "postgres://registrar:a%2Fb%3Ac%40d@db:5433/staff?sslmode=prefer");
        assert!(password_file("postgres://registrar:secret@db/staff").is_none());
    }
}
