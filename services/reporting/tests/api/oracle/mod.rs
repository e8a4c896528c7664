//! The oracle of authority over reports: random units, grants and people, and every figure that an account is told equal to
//! a count of people one by one. `ORACLE_SEED=1,2,3` gives other worlds.

mod compare;
mod expected;
mod people;

#[path = "../../../../../shared/testkit/oracle/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each service uses the part that it needs")]
mod world;

use std::{sync::Arc, time::Instant};

use self::{compare::Oracle, world::seeds};

/// The worlds of a usual run.
const USUAL: [u64; 1] = [20_250_915];

#[tokio::test]
async fn reports_count_what_grants_say_and_nothing_else() {
    for seed in seeds(&USUAL) {
        println!("repeat this with ORACLE_SEED={seed}");
        let started = Instant::now();
        let oracle = Arc::new(Oracle::new(seed).await);
        println!("loaded after {:?}", started.elapsed());
        compare::every_account(&oracle).await;
        println!("{} after {:?}", oracle.tally, started.elapsed());
        oracle.tally.require(&[
            ("reports answered", 150),
            ("reports narrowed to some levels", 35),
            ("people counted", 5000),
            ("rows of units", 300),
            ("answers of the unit that grants are over", 12),
            ("reports that hide few persons", 6),
            ("reports that show few persons to who may see them", 15),
            ("reports refused as forbidden", 200),
            ("reports of units that are not known", 100),
            ("reports that are asked over several units", 15),
        ]);
    }
}
