//! A caller of the public API.

use anyhow::{Context, ensure};
use registrar::demo::{PASSWORD, TENANT};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// An answer, read in full.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null when it is not JSON.
    pub body: Value,
}

impl Answer {
    /// A field of the body, by JSON Pointer; null when absent.
    #[must_use]
    pub fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A text field of the body.
    #[must_use]
    pub fn text(&self, pointer: &str) -> String {
        self.at(pointer).as_str().unwrap_or_default().to_owned()
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// The answer, if it is a success.
    ///
    /// # Errors
    /// With status and body otherwise.
    pub fn success(self) -> anyhow::Result<Self> {
        ensure!(self.status.is_success(), "{}: {}", self.status, self.body);
        Ok(self)
    }
}

/// A caller, signed in or not.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    /// A caller without a token.
    #[must_use]
    pub fn anonymous(base: &str) -> Self {
        Client { http: reqwest::Client::new(), base: base.to_owned(), token: None }
    }

    /// A caller of the demo tenant, signed in.
    ///
    /// # Errors
    /// When it is not let in.
    pub async fn sign_in(base: &str, username: &str) -> anyhow::Result<Self> {
        let anonymous = Client::anonymous(base);
        let session = anonymous.post("/v1/sessions", &json!({"tenant": TENANT, "username": username, "password": PASSWORD})).await?.success()?;
        Ok(Client { token: Some(session.at("/access_token").as_str().context("no token")?.to_owned()), ..anonymous })
    }

    /// The same caller with this access token.
    #[must_use]
    pub fn with_token(&self, token: String) -> Self {
        Client { token: Some(token), ..self.clone() }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When nothing comes back.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> anyhow::Result<Answer> {
        let bytes = body.map(|body| body.to_string().into_bytes());
        self.send_bytes(method, path, headers, bytes).await
    }

    /// Sends a request with a body of any kind.
    ///
    /// # Errors
    /// When nothing comes back.
    pub async fn send_bytes(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> anyhow::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if body.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await?;
        Ok(Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// Reads.
    ///
    /// # Errors
    /// When nothing comes back.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Creates.
    ///
    /// # Errors
    /// When nothing comes back.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    /// Changes whatever version it is.
    ///
    /// # Errors
    /// When nothing comes back.
    pub async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let headers = [("if-match", "*"), ("content-type", "application/merge-patch+json")];
        self.send(Method::PATCH, path, &headers, Some(body)).await
    }

    /// The only record of a list.
    ///
    /// # Errors
    /// When there is none.
    pub async fn only(&self, path: &str) -> anyhow::Result<Value> {
        let page = self.get(path).await?.success()?;
        page.body.pointer("/items/0").cloned().with_context(|| format!("nothing at {path}"))
    }
}
