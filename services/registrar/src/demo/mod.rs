//! Demo data: the 34 schools of Hội An with their real superiors over time (S1-110, S1-111), generated people, all of it
//! loaded through the import API and nothing else.

mod draws;
mod files;
mod load;
mod people;
mod people_names;
mod people_numbers;
mod schools;

use chrono::NaiveDate;
use registrar_domain::dates::{VIET_NAM_OFFSET_HOURS, local_date};
use registrar_store::Clock;

pub use load::{Loaded, Loader};
pub use schools::Population;

/// Today in Viet Nam.
#[must_use]
pub fn today() -> NaiveDate {
    local_date(Clock::system().now(), VIET_NAM_OFFSET_HOURS)
}

/// The tenant's code, typed at sign-in.
pub const TENANT: &str = "demo";
/// The password of every demo login.
pub const PASSWORD: &str = "Hoi-An-2026";
/// What the demo people are generated from.
const SEED: u64 = 20_250_701;

/// A demo login: user name, role, code of the unit it is granted in, hierarchy, and what it shows.
pub const LOGINS: [(&str, &str, &str, &str, &str); 6] = [
    ("officer", "officer", "SGD-48", "professional", "an officer of the department: all 34 schools since July 2025"),
    ("commune", "officer", "UBND-20413", "administrative", "an officer of the ward Hội An Đông: the schools it manages"),
    ("head", "head_teacher", schools::SHOWN, "professional", "the head teacher of TH Cẩm Thanh"),
    ("clerk", "clerk", schools::SHOWN, "professional", "the clerk of TH Cẩm Thanh"),
    ("teacher", "teacher", schools::SHOWN, "professional", "a homeroom teacher of TH Cẩm Thanh: colleagues, and the own class"),
    ("viewer", "viewer", "SGD-48", "professional", "figures of the department, no persons"),
];
