//! A client for tests: requests that are short to write, answers that say what was wrong.

#![allow(clippy::panic, reason = "a request without any answer fails the test; `Call::send` is for tests that expect that")]

use std::{
    fmt::Display,
    future::{Future, IntoFuture},
    pin::Pin,
};

use anyhow::{Context, Result};
use reqwest::{Client, Method, RequestBuilder};
use serde::Serialize;
use serde_json::Value;

use crate::Answer;

/// A client of one base URL, with or without a token. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Api {
    /// A client without a token.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(base: impl Into<String>) -> Result<Self> {
        // Idle connections would hold up the orderly end of a server.
        let client = Client::builder().pool_max_idle_per_host(0).no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Api { client, base: base.into(), token: None })
    }

    /// The same with an access token.
    #[must_use]
    pub fn token(&self, token: impl Into<String>) -> Self {
        Api { token: Some(token.into()), ..self.clone() }
    }

    /// GET. The path begins with a slash and may have a query.
    pub fn get(&self, path: impl Display) -> Call {
        self.call(Method::GET, path)
    }

    /// POST.
    pub fn post(&self, path: impl Display) -> Call {
        self.call(Method::POST, path)
    }

    /// PUT.
    pub fn put(&self, path: impl Display) -> Call {
        self.call(Method::PUT, path)
    }

    /// PATCH.
    pub fn patch(&self, path: impl Display) -> Call {
        self.call(Method::PATCH, path)
    }

    /// DELETE.
    pub fn delete(&self, path: impl Display) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Any method.
    pub fn call(&self, method: Method, path: impl Display) -> Call {
        let description = format!("{method} {path}");
        let request = self.client.request(method, format!("{}{path}", self.base));
        Call { request, description, body: None }.with_token(self.token.as_deref())
    }
}

/// A request to be sent by awaiting it.
#[must_use = "a request is sent by awaiting it"]
#[derive(Debug)]
pub struct Call {
    request: RequestBuilder,
    description: String,
    body: Option<(&'static str, Vec<u8>)>,
}

impl Call {
    fn with_token(mut self, token: Option<&str>) -> Self {
        if let Some(token) = token {
            self.request = self.request.bearer_auth(token);
        }
        self
    }

    /// With a header, which replaces one of that name set before.
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        let mut headers = reqwest::header::HeaderMap::new();
        if let (Ok(name), Ok(value)) = (reqwest::header::HeaderName::try_from(name), value.to_string().try_into()) {
            headers.insert(name, value);
        } else {
            panic!("{name} is no header with that value");
        }
        self.request = self.request.headers(headers);
        self
    }

    /// With query parameters.
    pub fn query<T: Serialize + ?Sized>(mut self, query: &T) -> Self {
        self.request = self.request.query(query);
        self
    }

    /// With a JSON body; for PATCH use [`Call::merge`].
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Self {
        self.with_json("application/json", body)
    }

    /// With a JSON Merge Patch (RFC 7396).
    pub fn merge<T: Serialize + ?Sized>(self, body: &T) -> Self {
        self.with_json("application/merge-patch+json", body)
    }

    fn with_json<T: Serialize + ?Sized>(self, kind: &'static str, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body(kind, bytes),
            Err(error) => panic!("{}: the body is not JSON: {error}", self.description),
        }
    }

    /// With any body.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some((content_type, body.into()));
        self
    }

    /// For the version that `answer` showed: `If-Match` with its `ETag`.
    #[track_caller]
    pub fn if_match(self, answer: &Answer) -> Self {
        let etag = answer.etag();
        self.header("If-Match", etag)
    }

    /// Sends it.
    ///
    /// # Errors
    /// When no answer comes: nobody listens, or the connection broke.
    pub async fn send(self) -> Result<Answer> {
        let Call { mut request, description, body } = self;
        let mut shown = description.clone();
        if let Some((content_type, bytes)) = body {
            shown = format!("{description} {}", String::from_utf8_lossy(bytes.get(..bytes.len().min(2000)).unwrap_or_default()));
            request = request.header(reqwest::header::CONTENT_TYPE, content_type).body(bytes);
        }
        let response = request.send().await.with_context(|| description.clone())?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.with_context(|| description)?;
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { request: shown, status, headers, json, text: String::from_utf8_lossy(&bytes).into_owned(), bytes: bytes.to_vec() })
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.send().await {
                Ok(answer) => answer,
                Err(error) => panic!("no answer: {error:#}"),
            }
        })
    }
}
