//! A random world of authority and an answer to "who may do what" that knows nothing of SQL, for the oracles of the
//! services: each puts records of its own into the world, asks its API, and compares with a walk over plain values.
//!
//! A service's tests take it in with `#[path]`, so that there is one brute-force answer and not one per service:
//!
//! * [`dice`]: numbers that are the same for the same seed
//! * [`names`]: Vietnamese names, and their order and search as the alphabet has them
//! * [`authority`]: units, hierarchies, accounts, grants; [`rules`]: the answer
//! * [`load`]: all of that into a service's copies
//! * [`reader`]: what the API says; [`told`]: the same beside what it should say; [`tally`]: how much was compared

pub mod authority;
pub mod dice;
pub mod load;
pub mod names;
pub mod reader;
pub mod rules;
pub mod tally;
pub mod told;

pub use authority::{Account, Authority};
pub use dice::{Dice, seeds};
pub use rules::Standing;
pub use tally::Tally;
pub use told::Told;
