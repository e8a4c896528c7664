//! A day's work for as long as asked: what grows with time?

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};

use super::{
    load::{Load, Requests, probe},
    report::{Figure, Limit},
    work::{SERVICES, Work, get, patch, sign_in},
};

/// What is noticed of a soak's beginning and end is each so much of it; a token lives longer than one part.
const PARTS: u32 = 10;
/// How much more memory a process may hold at the end than after the first part.
const MEMORY: f64 = 1.1;
/// How much longer a read may take at the end.
const LONGER: f64 = 1.2;

/// What was seen in one part.
struct Part {
    reads: Load,
    /// Answers a second: reads, pages, edits, sign-ins.
    rates: [f64; 4],
    /// MB by service.
    memory: BTreeMap<&'static str, u64>,
}

impl Work<'_> {
    /// For so long: two hundred reads a second, fifty pages, a hundred edits which three other services follow, and two
    /// sign-ins. At the end every copy is as its owner, and nothing is left in an outbox.
    pub async fn soak(&self, time: Duration) -> Result<Vec<Figure>> {
        let mut parts = Vec::new();
        for number in 1..=PARTS {
            let part = self.part(number, time / PARTS).await?;
            eprintln!("part {number} of {PARTS}: {:.0?} a second, reads {:.1?} / {:.1?}, MB {:?}", part.rates, part.reads.p50, part.reads.p99, part.memory);
            parts.push(part);
        }
        self.settled().await?;
        let (first, last) = (parts.first().context("no part")?, parts.last().context("no part")?);
        let mut figures = vec![Figure::times("p50 of reads at the end of a soak against its beginning", (last.reads.p50, first.reads.p50), Limit::Most(LONGER))];
        for (service, before) in &first.memory {
            let now = last.memory.get(service).context("a service has gone")?;
            figures.push(Figure::of(&format!("memory of {service} at the end of a soak against its beginning"), *now as f64, *before as f64, "MB", Limit::Most(MEMORY)));
        }
        Ok(figures)
    }

    async fn part(&self, part: u32, time: Duration) -> Result<Part> {
        let (officer, admin) = (self.installation.token("officer").await?, self.installation.token("admin").await?);
        let (personnel, identity) = (self.installation.address("personnel")?, self.installation.address("identity")?);
        let ids: Arc<[String]> = self.read_by("admin").into();
        let pages: Arc<[String]> = self.cursors(&officer, 200).await?.into();
        let (read, edited, bearer) = (ids.clone(), ids, officer.clone());
        // Other edits than in the parts before, which would change nothing.
        let begin = usize::try_from(part)? * 1_000_000;
        let reads = numbered(begin, move |number| get(&format!("/v1/staff/{}", one_of(&read, number)), &officer, ""));
        let paging = numbered(begin, move |number| get(&format!("/v1/staff?limit=50&sort=code&cursor={}", one_of(&pages, number)), &bearer, ""));
        let edits = numbered(begin, move |number| patch(one_of(&edited, number), &admin, number));
        let (reads, paging, edits, signing_in) = tokio::try_join!(
            probe(personnel, time, Duration::from_millis(5), 200, reads),
            probe(personnel, time, Duration::from_millis(20), 200, paging),
            probe(personnel, time, Duration::from_millis(10), 200, edits),
            probe(identity, time, Duration::from_millis(500), 201, numbered(begin, sign_in)),
        )?;
        let memory = SERVICES.into_iter().map(|service| Ok((service, self.installation.memory(service)?)));
        let rates = [&reads, &paging, &edits, &signing_in].map(|load| load.rate);
        Ok(Part { reads, rates, memory: memory.collect::<Result<_>>()? })
    }
}

/// Requests made from this number, the next one and so on.
fn numbered(begin: usize, request: impl Fn(usize) -> Vec<u8> + Send + 'static) -> Box<dyn Requests> {
    let mut numbers = begin..;
    Box::new((move || request(numbers.next().unwrap_or_default()), Vec::new()))
}

/// One of a list, from wherever in it.
fn one_of(list: &[String], number: usize) -> &str {
    list.get(number.wrapping_mul(7919) % list.len().max(1)).map_or("", String::as_str)
}
