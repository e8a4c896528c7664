//! What one account is told beside what it should be told.

use registrar_testkit::{Api, Call};
use uuid::Uuid;

use super::{
    Dice,
    reader::{self, Query},
};

/// An account that asks.
pub struct Told<'a> {
    pub api: &'a Api,
    /// Whether it is answered at all; else lists and feeds are refused with 403.
    pub answered: bool,
    /// Who it is and what it holds, to be said of an answer that is wrong.
    pub who: &'a (dyn Fn() -> String + Sync),
    /// What there is to know of a record.
    pub tell: &'a (dyn Fn(Uuid) -> String + Sync),
}

impl Told<'_> {
    /// All pages of a list: these records in this order, and their number.
    pub async fn list(&self, path: &str, query: &Query, paging: Paging, expected: &[Uuid]) {
        let asked = format!("{path} {query:?} {paging:?}");
        match reader::list(self.api, path, query, paging).await {
            Ok(found) => {
                self.assert_answered(&asked);
                self.assert_same(&asked, &found.ids, expected);
                assert_eq!(found.total, paging.count.then_some(expected.len()), "the total of {asked}, {}", (self.who)());
            }
            Err(status) => self.assert_refused(&asked, status),
        }
    }

    /// A change feed: these records once each, in whichever order they changed.
    pub async fn feed(&self, path: &str, limit: usize, expected: &[Uuid]) {
        let asked = format!("{path} by {limit}");
        match reader::feed(self.api, path, limit).await {
            Ok(mut found) => {
                self.assert_answered(&asked);
                let mut expected = expected.to_vec();
                found.sort_unstable();
                expected.sort_unstable();
                self.assert_same(&asked, &found, &expected);
            }
            Err(status) => self.assert_refused(&asked, status),
        }
    }

    /// A request about one record.
    pub async fn read(&self, call: Call, record: Uuid, expected: u16) {
        let asked = format!("{call:?}");
        let answer = call.await;
        assert_eq!(answer.status, expected, "{} to {asked}, {}{}", answer.text, (self.who)(), (self.tell)(record));
    }

    fn assert_answered(&self, asked: &str) {
        assert!(self.answered, "{asked} was not refused, {}", (self.who)());
    }

    fn assert_refused(&self, asked: &str, status: u16) {
        assert_eq!((status, self.answered), (403, false), "{asked}, {}", (self.who)());
    }

    fn assert_same(&self, asked: &str, found: &[Uuid], expected: &[Uuid]) {
        if found == expected {
            return;
        }
        let only = |these: &[Uuid], not: &[Uuid]| -> Vec<String> { these.iter().filter(|id| !not.contains(id)).map(|id| (self.tell)(*id)).collect() };
        let (missing, extra) = (only(expected, found), only(found, expected));
        let first = found.iter().zip(expected).find(|(found, expected)| found != expected);
        let order = first.map(|(found, expected)| format!("{}\n  stands where this should:\n  {}", (self.tell)(*found), (self.tell)(*expected)));
        assert!(
            found == expected,
            "{asked}, {}{} answered, {} expected\n{} missing: {:?}\n{} too many: {:?}\n  {}",
            (self.who)(),
            found.len(),
            expected.len(),
            missing.len(),
            missing.first(),
            extra.len(),
            extra.first(),
            order.unwrap_or_default()
        );
    }
}

/// How a list is read.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// Records to a page: so many that there are some pages, and not hundreds.
    pub limit: usize,
    /// Whether it is asked how many there are.
    pub count: bool,
}

impl Paging {
    /// Of a list of this many records.
    pub fn random(dice: &mut Dice, records: usize) -> Self {
        Paging { limit: (1 + dice.below(200)).max(records / 3).min(200), count: dice.chance(50) }
    }
}
