//! What the API says: whole lists, feeds and exports, as a caller with patience reads them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use registrar_testkit::{Answer, Api, eventually};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::told::Paging;

/// How many accounts ask at a time.
const AT_ONCE: usize = 4;

pub type Query = Vec<(&'static str, String)>;

/// A whole list.
pub struct Listed {
    pub ids: Vec<Uuid>,
    /// When it was asked for.
    pub total: Option<usize>,
}

/// All pages of a list, or the status with which it is refused.
pub async fn list(api: &Api, path: &str, query: &Query, Paging { limit, count }: Paging) -> Result<Listed, u16> {
    let common = [("fields", "id".to_owned()), ("limit", limit.to_string())];
    let mut answer = api.get(path).query(query).query(&common).query(&[("count", count)]).await;
    if answer.status != 200 {
        return Err(answer.status);
    }
    let total = answer.at("/total").as_u64().map(|total| usize::try_from(total).unwrap());
    let mut found = ids(&answer);
    while let Some(cursor) = answer.at("/next_cursor").as_str().map(str::to_owned) {
        assert_eq!(answer.at("/items").as_array().map(Vec::len), Some(limit), "a page before the last one is full");
        answer = api.get(path).query(query).query(&common).query(&[("cursor", cursor)]).await.ok();
        found.extend(ids(&answer));
    }
    Ok(Listed { ids: found, total })
}

/// A change feed from its start, or the status with which it is refused.
pub async fn feed(api: &Api, path: &str, limit: usize) -> Result<Vec<Uuid>, u16> {
    let limit = ("limit", limit.to_string());
    let mut answer = api.get(path).query(std::slice::from_ref(&limit)).await;
    if answer.status != 200 {
        return Err(answer.status);
    }
    let mut found = ids(&answer);
    while answer.at("/more") == true {
        let cursor = ("cursor", answer.at("/next_cursor").as_str().unwrap().to_owned());
        answer = api.get(path).query(&[limit.clone(), cursor]).await.ok();
        found.extend(ids(&answer));
    }
    Ok(found)
}

fn ids(answer: &Answer) -> Vec<Uuid> {
    answer.at("/items").as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

/// A list as a file, or the status with which it is refused.
pub async fn export(api: &Api, path: &str, query: &Query, sensitive: bool) -> Result<Vec<u8>, u16> {
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let body = json!({"format": "csv", "query": query.join("&"), "sensitive": sensitive});
    let accepted = api.post(format!("{path}/exports")).header("Accept-Language", "en").json(&body).await;
    if accepted.status != 202 {
        return Err(accepted.status);
    }
    let job = accepted.header("location").unwrap().to_owned();
    let ended: [Value; 2] = ["done".into(), "failed".into()];
    eventually(Duration::from_secs(30), || async { ended.contains(api.get(&job).await.ok().at("/state")) }).await;
    let done = api.get(&job).await.ok();
    assert_eq!(done.at("/state"), "done", "{}", done.text);
    Ok(api.get(format!("{job}/file")).await.ok().bytes)
}

/// For a query string: everything but letters and digits by its bytes.
fn escaped(value: &str) -> String {
    value.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The header of a CSV file: its columns have neither quotes nor commas.
pub fn header(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(file);
    text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default().split(',').map(str::to_owned).collect()
}

/// Does `check` with every number below `count`, some at a time; the first that fails ends it.
pub async fn each<F, Fut>(count: usize, check: F)
where
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (next, check) = (next.clone(), check.clone());
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                check(number).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
