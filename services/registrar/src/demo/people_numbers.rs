//! Personal numbers for made-up people, no two alike.

use registrar_domain::Gender;

use super::draws::Draws;

/// Years of birth of staff, first and number of years.
const STAFF_BIRTH_YEARS: (i32, u64) = (1965, 38);

/// Area prefixes of personal numbers with how many of a hundred people have them: Quảng Nam, its neighbours, then the
/// provinces people move from.
pub const AREAS: &[(&str, u32)] = &[("049", 84), ("048", 5), ("051", 2), ("046", 2), ("045", 1), ("044", 1), ("052", 1), ("042", 1), ("040", 1), ("079", 1), ("001", 1)];

/// The six free digits of personal numbers, shared out so that no number comes twice.
///
/// Staff and pupils have ranges of their own. Within its range an index gets a digit group that no other index of the
/// same *turn* gets; when the range is used up, the next turn begins. Two people with the same digits therefore have
/// the same place in different turns, and these are told apart elsewhere: staff by the year of birth, which moves on by
/// one with each turn (38 turns), pupils by gender, which changes with each turn, and area, which moves on with every
/// second (22 turns).
pub struct NumberRange {
    first: u64,
    count: u64,
}

impl NumberRange {
    /// The range of staff.
    pub const STAFF: Self = Self { first: 0, count: 200_000 };
    /// The range of pupils.
    pub const PUPILS: Self = Self { first: 200_000, count: 800_000 };

    /// The turn and the place in it of an index.
    #[must_use]
    pub fn locate(&self, index: u64) -> (u64, u64) {
        (index / self.count, index % self.count)
    }

    /// The number of 12 digits of the person at `place`.
    #[must_use]
    pub fn number(&self, seed: u64, place: u64, area: &str, gender: Gender, birth_year: i32) -> String {
        let century_and_gender = 2 * ((birth_year - 1900) / 100) + i32::from(gender == Gender::Female);
        let free = self.first + spread(seed, place, self.count);
        format!("{area}{century_and_gender}{:02}{free:06}", birth_year % 100)
    }
}

/// The year of birth of the member of staff at `place` in `turn`, most often in the middle of the range.
#[must_use]
pub fn staff_birth_year(seed: u64, turn: u64, place: u64) -> i32 {
    let (first, years) = STAFF_BIRTH_YEARS;
    let mut draws = Draws::new(seed, "staff place", place);
    let year = (draws.below(years / 2 + 1) + draws.below(years / 2) + turn) % years;
    first + i32::try_from(year).unwrap_or_default()
}

/// The gender and the area prefix of the pupil at `place` in `turn`.
#[must_use]
pub fn pupil_gender_and_area(seed: u64, turn: u64, place: u64) -> (Gender, &'static str) {
    let mut draws = Draws::new(seed, "pupil place", place);
    let female = draws.chance(48) != (turn % 2 == 1);
    let home = draws.weighted(AREAS);
    let position = AREAS.iter().position(|(area, _)| *area == home).unwrap_or_default();
    let steps = usize::try_from(turn / 2).unwrap_or_default() % AREAS.len();
    let area = AREAS.iter().cycle().nth(position + steps).map_or(home, |(area, _)| *area);
    (if female { Gender::Female } else { Gender::Male }, area)
}

/// A bijection of `0..count` that follows from the seed; `count` may have no prime factors but 2 and 5.
#[must_use]
pub fn spread(seed: u64, place: u64, count: u64) -> u64 {
    let mut draws = Draws::new(seed, "spread", count);
    let factor = draws.below(count) / 10 * 10 + 7;
    let shift = draws.below(count);
    (place % count * factor + shift) % count
}
