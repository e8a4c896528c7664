//! How much was compared: an oracle that compares nothing is always right.

use std::{collections::BTreeMap, fmt, sync::Mutex};

#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<&'static str, usize>>);

impl Tally {
    pub fn add(&self, what: &'static str, count: usize) {
        *self.0.lock().unwrap().entry(what).or_default() += count;
    }

    pub fn of(&self, what: &str) -> usize {
        self.0.lock().unwrap().get(what).copied().unwrap_or_default()
    }

    /// There were at least this many of each.
    pub fn require(&self, least: &[(&'static str, usize)]) {
        for (what, least) in least {
            assert!(self.of(what) >= *least, "only {} {what}, of {least} at least: {self}", self.of(what));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.0.lock().unwrap().iter().map(|(what, count)| format!("{count} {what}")).collect();
        f.write_str(&counts.join(", "))
    }
}
