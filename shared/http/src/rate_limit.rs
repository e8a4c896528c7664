//! Limits on requests per caller: counted in the process, and together in Redis where several processes serve (losing it
//! must not stop the service), told in `RateLimit` headers.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{HttpMessage, HttpRequest};
use redis::aio::ConnectionManager;

use crate::{Problem, ProblemKind, ServiceContext};

/// Redis is told of a caller's requests a hundredth of the quota at a time, so that few of them wait for it; each process
/// may let that many too many pass. Small quotas, such as that of passwords tried, are counted one by one.
const SHARE: u64 = 100;
/// Callers remembered in one window; more share the last place.
const MOST_CALLERS: usize = 100_000;

/// How many requests of one kind a caller may make.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// The policy's name, in headers and as part of the counter.
    pub name: &'static str,
    /// Requests per window.
    pub quota: u64,
    /// The window's length.
    pub window: Duration,
}

impl Default for RateLimit {
    fn default() -> Self {
        RateLimit { name: "default", quota: 6000, window: Duration::from_secs(60) }
    }
}

/// Counts requests per caller. Cheap to clone.
#[derive(Clone)]
pub struct RateLimiter {
    default: RateLimit,
    redis: Option<ConnectionManager>,
    local: Arc<Mutex<HashMap<&'static str, Window>>>,
}

/// What was counted in the present window of a policy.
#[derive(Default)]
struct Window {
    number: i64,
    counts: HashMap<String, Count>,
}

/// What was counted of a caller.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// By all processes, when Redis was last told.
    told: u64,
    /// Here, since then.
    since: u64,
}

impl Count {
    fn all(self) -> u64 {
        self.told + self.since
    }
}

/// What is left of a caller's quota, for the response's headers.
#[derive(Clone, Copy, Debug)]
pub struct Remaining {
    limit: RateLimit,
    left: u64,
    /// Seconds until the window ends.
    reset: u64,
    /// One too many.
    over: bool,
}

impl Remaining {
    /// The `RateLimit-Policy` and `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers).
    #[must_use]
    pub fn headers(self) -> [(&'static str, String); 2] {
        let RateLimit { name, quota, window } = self.limit;
        [("ratelimit-policy", format!("\"{name}\";q={quota};w={}", window.as_secs())), ("ratelimit", format!("\"{name}\";r={};t={}", self.left, self.reset))]
    }
}

impl RateLimiter {
    /// Counts in `redis` when there is one, in this process otherwise. `default` holds where no policy is named.
    #[must_use]
    pub fn new(default: RateLimit, redis: Option<ConnectionManager>) -> Self {
        RateLimiter { default, redis, local: Arc::default() }
    }

    /// Counts one request of `caller` at `now` (seconds since 1970).
    pub async fn count(&self, limit: RateLimit, caller: &str, now: i64) -> Remaining {
        let length = i64::try_from(limit.window.as_secs().max(1)).unwrap_or(60);
        let window = now.div_euclid(length);
        let share = if self.redis.is_some() { (limit.quota / SHARE).max(1) } else { u64::MAX };
        let (mut count, more) = self.count_here(limit.name, caller, window, share);
        if let (Some(redis), Some(more)) = (&self.redis, more) {
            let telling = tokio::time::timeout(Duration::from_millis(200), count_in_redis(redis.clone(), limit.name, caller, (window, length), more));
            if let Ok(Ok(all)) = telling.await {
                count = self.counted(limit.name, caller, window, |count| count.told = count.told.max(all));
            }
        }
        let counted = count.all();
        let reset = u64::try_from((window + 1) * length - now).unwrap_or(1);
        Remaining { limit, left: limit.quota.saturating_sub(counted), reset, over: counted > limit.quota }
    }

    /// Counts one more; answers also what Redis is to be told now, which is a share or nothing.
    fn count_here(&self, policy: &'static str, caller: &str, number: i64, share: u64) -> (Count, Option<u64>) {
        let mut more = None;
        let count = self.counted(policy, caller, number, |count| {
            count.since += 1;
            if count.since >= share {
                more = Some(count.since);
                *count = Count { told: count.all(), since: 0 };
            }
        });
        (count, more)
    }

    fn counted(&self, policy: &'static str, caller: &str, number: i64, change: impl FnOnce(&mut Count)) -> Count {
        let Ok(mut windows) = self.local.lock() else { return Count::default() };
        let window = windows.entry(policy).or_default();
        if window.number != number {
            *window = Window { number, counts: HashMap::new() };
        }
        let key = if window.counts.len() < MOST_CALLERS || window.counts.contains_key(caller) { caller } else { "others" };
        let count = window.counts.entry(key.to_owned()).or_default();
        change(count);
        *count
    }
}

async fn count_in_redis(mut redis: ConnectionManager, policy: &str, caller: &str, (window, length): (i64, i64), more: u64) -> redis::RedisResult<u64> {
    let key = format!("registrar:rate:{policy}:{caller}:{window}");
    let (count,): (u64,) = redis::pipe().atomic().incr(&key, more).expire(&key, length + 1).ignore().query_async(&mut redis).await?;
    Ok(count)
}

/// Counts a request of `caller` under the default policy; the outermost middleware adds the headers.
///
/// # Errors
/// `too_many_requests` with `Retry-After`.
pub async fn count(request: &HttpRequest, context: &ServiceContext, caller: &str) -> Result<(), Problem> {
    count_under(context.limiter.default, request, context, caller).await
}

/// Counts a request of `caller` under a policy of its own.
///
/// # Errors
/// `too_many_requests` with `Retry-After`.
pub async fn count_under(limit: RateLimit, request: &HttpRequest, context: &ServiceContext, caller: &str) -> Result<(), Problem> {
    let remaining = context.limiter.count(limit, caller, context.clock.now().timestamp()).await;
    request.extensions_mut().insert(remaining);
    if remaining.over { Err(Problem::new(ProblemKind::TooMany).retry_after(remaining.reset)) } else { Ok(()) }
}

/// The address of whoever is calling, to count by: that of the connection; the last one in `X-Forwarded-For` when the
/// connection is a trusted gateway's. Empty when the connection has none.
#[must_use]
pub fn address(request: &HttpRequest, context: &ServiceContext) -> String {
    let forwarded = request.headers().get_all("x-forwarded-for").last().and_then(|value| value.to_str().ok());
    request.peer_addr().map(|peer| caller(peer.ip(), forwarded, &context.trusted_proxies).to_string()).unwrap_or_default()
}

/// Anybody can write the header, so it is read only of those that are trusted, and only what they added themselves.
fn caller(peer: IpAddr, forwarded: Option<&str>, trusted: &[IpAddr]) -> IpAddr {
    // An IPv4 peer of a socket that listens on IPv6 too.
    let peer = peer.to_canonical();
    let said = || forwarded?.rsplit(',').next()?.trim().parse::<IpAddr>().ok();
    if trusted.contains(&peer) { said().map_or(peer, |address| address.to_canonical()) } else { peer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_gateway_says_who_is_calling() {
        let [peer, gateway, other] = ["192.0.2.1", "10.0.0.1", "198.51.100.7"].map(|text| text.parse::<IpAddr>().unwrap());
        let trusted = [gateway];
        assert_eq!(caller(peer, Some("198.51.100.7"), &trusted), peer);
        assert_eq!(caller(gateway, Some("198.51.100.7"), &[]), gateway);
        assert_eq!(caller(gateway, Some("203.0.113.9, 198.51.100.7 "), &trusted), other);
        assert_eq!(caller("::ffff:10.0.0.1".parse().unwrap(), Some("::ffff:198.51.100.7"), &trusted), other);
        for nonsense in [None, Some(""), Some("unknown"), Some("198.51.100.7:80"), Some("198.51.100.7,")] {
            assert_eq!(caller(gateway, nonsense, &trusted), gateway, "{nonsense:?}");
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_quota_is_per_policy_caller_and_window() {
        let limit = RateLimit { quota: 2, ..RateLimit::default() };
        let other = RateLimit { name: "sign-in", quota: 1, window: MINUTE };
        let limiter = RateLimiter::new(limit, None);
        assert_eq!(limiter.count(limit, "a", 60).await.left, 1);
        assert_eq!(limiter.count(limit, "a", 61).await.left, 0);
        assert!(!limiter.count(limit, "b", 61).await.over);
        assert!(!limiter.count(other, "a", 61).await.over);
        assert!(limiter.count(other, "a", 62).await.over);
        assert!(limiter.count(limit, "a", 62).await.over);
        assert_eq!(limiter.count(limit, "a", 120).await.left, 1);
    }

    #[test]
    fn redis_is_told_a_share_at_a_time() {
        let limiter = RateLimiter::new(RateLimit::default(), None);
        let told: Vec<Option<u64>> = (0..5).map(|_| limiter.count_here("default", "a", 1, 2).1).collect();
        assert_eq!(told, [None, Some(2), None, Some(2), None]);
        assert_eq!(limiter.count_here("default", "a", 1, u64::MAX).0.all(), 6);
        // Others have counted meanwhile.
        assert_eq!(limiter.counted("default", "a", 1, |count| count.told = count.told.max(40)).all(), 42);
    }
}
