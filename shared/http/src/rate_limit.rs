//! Limits on requests per caller: counted in Redis where several processes serve (and in the process when Redis is
//! away: losing it must not stop the service), told in `RateLimit` headers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{HttpMessage, HttpRequest};
use redis::aio::ConnectionManager;

use crate::{Problem, ProblemKind, ServiceContext};

/// Callers remembered in one window; more share the last place.
const MOST_CALLERS: usize = 100_000;

/// How many requests a caller may make.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// Requests per window.
    pub quota: u64,
    /// The window's length.
    pub window: Duration,
}

impl Default for RateLimit {
    fn default() -> Self {
        RateLimit { quota: 6000, window: Duration::from_secs(60) }
    }
}

/// Counts requests per caller. Cheap to clone.
#[derive(Clone)]
pub struct RateLimiter {
    limit: RateLimit,
    redis: Option<ConnectionManager>,
    local: Arc<Mutex<(i64, HashMap<String, u64>)>>,
}

/// What is left of a caller's quota, for the response's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    quota: u64,
    left: u64,
    /// Seconds until the window ends.
    reset: u64,
    /// One too many.
    over: bool,
}

impl Remaining {
    /// The `RateLimit-Policy` and `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers).
    #[must_use]
    pub fn headers(self, window: Duration) -> [(&'static str, String); 2] {
        [("ratelimit-policy", format!("\"default\";q={};w={}", self.quota, window.as_secs())), ("ratelimit", format!("\"default\";r={};t={}", self.left, self.reset))]
    }
}

impl RateLimiter {
    /// Counts in `redis` when there is one, in this process otherwise.
    #[must_use]
    pub fn new(limit: RateLimit, redis: Option<ConnectionManager>) -> Self {
        RateLimiter { limit, redis, local: Arc::default() }
    }

    /// The window's length.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.limit.window
    }

    /// Counts one request of `caller` at `now` (seconds since 1970).
    pub async fn count(&self, caller: &str, now: i64) -> Remaining {
        let length = i64::try_from(self.limit.window.as_secs().max(1)).unwrap_or(60);
        let window = now.div_euclid(length);
        let counted = match &self.redis {
            Some(redis) => match tokio::time::timeout(Duration::from_millis(200), count_in_redis(redis.clone(), caller, window, length)).await {
                Ok(Ok(count)) => count,
                _ => self.count_here(caller, window),
            },
            None => self.count_here(caller, window),
        };
        let reset = u64::try_from((window + 1) * length - now).unwrap_or(1);
        let quota = self.limit.quota;
        Remaining { quota, left: quota.saturating_sub(counted), reset, over: counted > quota }
    }

    fn count_here(&self, caller: &str, window: i64) -> u64 {
        let Ok(mut counts) = self.local.lock() else { return 0 };
        if counts.0 != window {
            *counts = (window, HashMap::new());
        }
        let key = if counts.1.len() < MOST_CALLERS || counts.1.contains_key(caller) { caller } else { "others" };
        let count = counts.1.entry(key.to_owned()).or_default();
        *count += 1;
        *count
    }
}

async fn count_in_redis(mut redis: ConnectionManager, caller: &str, window: i64, length: i64) -> redis::RedisResult<u64> {
    let key = format!("registrar:rate:{caller}:{window}");
    let (count,): (u64,) = redis::pipe().atomic().incr(&key, 1).expire(&key, length + 1).ignore().query_async(&mut redis).await?;
    Ok(count)
}

/// Counts a request of `caller`; the outermost middleware adds the headers.
///
/// # Errors
/// `too_many_requests` with `Retry-After`.
pub async fn count(request: &HttpRequest, context: &ServiceContext, caller: &str) -> Result<(), Problem> {
    let remaining = context.limiter.count(caller, context.clock.now().timestamp()).await;
    request.extensions_mut().insert((remaining, context.limiter.window()));
    if remaining.over { Err(Problem::new(ProblemKind::TooMany).retry_after(remaining.reset)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_quota_is_per_caller_and_window() {
        let limiter = RateLimiter::new(RateLimit { quota: 2, window: Duration::from_secs(60) }, None);
        assert_eq!(limiter.count("a", 60).await.left, 1);
        assert_eq!(limiter.count("a", 61).await.left, 0);
        assert!(!limiter.count("b", 61).await.over);
        assert!(limiter.count("a", 62).await.over);
        assert_eq!(limiter.count("a", 120).await.left, 1);
    }
}
