//! The oracle of authority over students, classes and what is between them: thousands of random records, and every
//! answer of the API equal to what a walk over plain values says. `ORACLE_SEED=1,2,3` gives other worlds.

mod compare;
mod enter;
mod exports;
mod filter;
mod school;
mod viewer;

#[path = "../../../../../shared/testkit/oracle/mod.rs"]
#[allow(dead_code, reason = "each service uses the part that it needs")]
mod world;

use std::{sync::Arc, time::Instant};

use self::{compare::Oracle, world::seeds};

/// The worlds of a usual run.
const USUAL: [u64; 1] = [20_250_915];

#[tokio::test]
async fn lists_reads_feeds_and_exports_of_students_are_what_grants_and_classes_say_and_nothing_else() {
    for seed in seeds(&USUAL) {
        println!("repeat this with ORACLE_SEED={seed}");
        let started = Instant::now();
        let oracle = Arc::new(Oracle::new(seed).await);
        println!("loaded after {:?}", started.elapsed());
        compare::every_account(&oracle).await;
        println!("compared after {:?}", started.elapsed());
        exports::some_accounts(&oracle).await;
        println!("{} after {:?}", oracle.tally, started.elapsed());
        oracle.tally.require(&[
            ("accounts that see some and not all", 50),
            ("accounts that see more by their classes", 25),
            ("refused accounts", 8),
            ("lists", 300),
            ("records in lists", 10_000),
            ("records in filtered lists", 500),
            ("reads answered", 150),
            ("reads forbidden", 100),
            ("reads of what is hidden", 100),
            ("changes that come too late", 15),
            ("exports", 30),
        ]);
    }
}
