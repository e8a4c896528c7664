//! Which units and classes there are.

use anyhow::Context;
use registrar_domain::EducationLevel;

use super::{SEED, people};

/// The school that the demo logins belong to.
pub const SHOWN: &str = "HA-17";

/// Pupils of an average class.
const USUAL_CLASS: u32 = 35;
/// Parallel classes of the real schools at most; more pupils come to generated schools.
const MOST_PARALLEL: u32 = 2;
/// Classes of a generated primary school: five grades, four parallel classes.
const GENERATED_CLASSES: u32 = 20;

/// A school and its classes.
#[derive(Clone, Debug)]
pub struct School {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its education levels, "TH;THCS".
    pub levels: String,
    /// Its web address.
    pub website: String,
    /// The code of the commune that manages it since July 2025; none for generated schools.
    pub commune: Option<String>,
    /// Its classes.
    pub classes: Vec<SchoolClass>,
}

/// A class.
#[derive(Clone, Debug)]
pub struct SchoolClass {
    /// Its name, such as 5A.
    pub name: String,
    /// Its education level.
    pub level: EducationLevel,
    /// Its grade; none in preschool.
    pub grade: Option<i16>,
    /// Its pupils.
    pub size: usize,
}

/// Everything that will be generated.
#[derive(Clone, Debug)]
pub struct Population {
    /// The schools, real ones first.
    pub schools: Vec<School>,
}

impl Population {
    /// About `students` students.
    ///
    /// # Errors
    /// When the list of schools cannot be read.
    pub fn of(students: u32) -> anyhow::Result<Self> {
        let mut schools = real_schools()?;
        let slots: u32 = schools.iter().map(|school| u32::try_from(slots_of(&school.levels).len()).unwrap_or_default()).sum();
        let wanted = (students / USUAL_CLASS).max(1);
        let real = wanted.min(slots * MOST_PARALLEL);
        let mut slot = 0;
        let mut class_number = 0;
        for school in &mut schools {
            for (level, grade, group) in slots_of(&school.levels) {
                // Spreads the wanted classes evenly over the grades of all schools.
                let parallel = (slot + 1) * real / slots - slot * real / slots;
                slot += 1;
                for letter in (b'A'..).take(usize::try_from(parallel).unwrap_or_default()) {
                    school.classes.push(SchoolClass { name: format!("{group}{}", char::from(letter)), level, grade, size: people::class_size(SEED, class_number) });
                    class_number += 1;
                }
            }
        }
        let generated = wanted.saturating_sub(slots * MOST_PARALLEL).div_ceil(GENERATED_CLASSES);
        schools.extend((1..=generated).map(|number| generated_school(number, &mut class_number)));
        Ok(Population { schools })
    }

    /// Classes of all schools.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.schools.iter().map(|school| school.classes.len()).sum()
    }

    /// Students of all schools.
    #[must_use]
    pub fn students(&self) -> usize {
        self.schools.iter().flat_map(|school| &school.classes).map(|class| class.size).sum()
    }
}

fn real_schools() -> anyhow::Result<Vec<School>> {
    let mut reader = csv::Reader::from_reader(include_str!("schools_hoi_an.csv").as_bytes());
    let mut schools = Vec::new();
    for record in reader.records() {
        let record = record?;
        let cell = |index: usize| record.get(index).map(str::to_owned).context("a short row of schools_hoi_an.csv");
        let commune = cell(5)?;
        schools.push(School {
            code: format!("HA-{:0>2}", cell(0)?),
            name: cell(1)?,
            kind: cell(2)?,
            levels: cell(3)?,
            website: cell(4)?,
            // Only the island commune Tân Hiệp is not named there.
            commune: Some(if commune.is_empty() { "20434".to_owned() } else { commune }),
            classes: Vec::new(),
        });
    }
    Ok(schools)
}

fn generated_school(number: u32, class_number: &mut u64) -> School {
    let classes = slots_of("TH").into_iter().flat_map(|slot| (b'A'..=b'D').map(move |letter| (slot, letter)));
    let classes = classes.map(|((level, grade, group), letter)| {
        let size = people::class_size(SEED, *class_number);
        *class_number += 1;
        SchoolClass { name: format!("{group}{}", char::from(letter)), level, grade, size }
    });
    School {
        code: format!("DN-{number:04}"),
        name: format!("TH Số {number}"),
        kind: "primary".to_owned(),
        levels: "TH".to_owned(),
        website: String::new(),
        commune: None,
        classes: classes.collect(),
    }
}

type Slot = (EducationLevel, Option<i16>, &'static str);

/// The grades (or age groups) that schools of these levels have.
fn slots_of(levels: &str) -> Vec<Slot> {
    const NAMES: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let mut slots: Vec<Slot> = Vec::new();
    if levels.contains("MN") {
        slots.extend(["Mầm ", "Chồi ", "Lá "].map(|group| (EducationLevel::MN, None, group)));
    }
    for (grade, name) in (1_i16..).zip(NAMES) {
        let level = if grade <= 5 { EducationLevel::TH } else { EducationLevel::THCS };
        if levels.split(';').any(|code| code == level.as_str()) {
            slots.push((level, Some(grade), name));
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_34_schools_of_hoi_an_are_there() {
        // S1-110, S1-111: 34 schools: 13 kindergartens, 11 primary, 3 combined, 7 lower secondary.
        let population = Population::of(10_000).unwrap();
        let of = |kind: &str| population.schools.iter().filter(|school| school.kind == kind).count();
        assert_eq!((population.schools.len(), of("kindergarten"), of("primary"), of("primary_and_lower_secondary"), of("lower_secondary")), (34, 13, 11, 3, 7));
        assert!(population.schools.iter().flat_map(|school| &school.classes).all(|class| (25..=45).contains(&class.size)));
    }

    #[test]
    fn the_scale_is_kept_within_a_tenth() {
        for wanted in [1_000_u32, 10_000, 100_000, 1_000_000] {
            let made = Population::of(wanted).unwrap().students();
            assert!(made.abs_diff(wanted as usize) < wanted as usize / 10, "{wanted}: {made}");
        }
    }
}
