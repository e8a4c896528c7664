//! Opens connections.

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use url::Url;

/// The parameter of a database's URL that names a file with the password.
const PASSWORD_FILE: &str = "password_file";

/// Connects to a database. With `?password_file=PATH` in its URL the password is the content of that file, read anew for
/// each connection: it can be changed while processes run.
///
/// # Errors
/// When the file cannot be read or the server does not let us in.
pub async fn connect(url: &str) -> ConnectionResult<AsyncPgConnection> {
    match password_file(url) {
        None => AsyncPgConnection::establish(url).await,
        Some((url, file)) => {
            let password = tokio::fs::read_to_string(&file).await.map_err(|error| ConnectionError::BadConnection(format!("{file}: {error}")))?;
            let url = with_password(url, password.trim()).ok_or_else(|| ConnectionError::InvalidConnectionUrl("a URL that takes no password".into()))?;
            AsyncPgConnection::establish(&url).await
        }
    }
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
