//! From figures to the rows of a report: values as people know them, in order.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::model::{Dimension, Subject};
use crate::sums::store::Figure;

/// How many there are under one combination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which of the units that have rows.
    pub target: i32,
    /// The values of the report's dimensions besides the unit; none where there is nothing.
    pub values: Vec<Option<String>>,
    /// How many.
    pub count: i64,
    /// Whether the caller may not see how many.
    pub suppressed: bool,
}

/// What a cell is counted under: its target, the places of its values in the report's order, and the values.
type Key = (i32, Vec<String>, Vec<Option<String>>);

/// The cells of a report by `dimensions`, by target and value. `by` are the dimensions that the figures are divided by.
#[must_use]
pub fn cells(figures: Vec<Figure>, subject: Subject, on: NaiveDate, by: (Option<Dimension>, Option<Dimension>), dimensions: &[Dimension]) -> Vec<Cell> {
    let mut counts: BTreeMap<Key, i64> = BTreeMap::new();
    for figure in figures {
        let value = |dimension: &Dimension| {
            let value = match Some(*dimension) {
                Some(Dimension::EducationLevel) => &figure.education_level,
                known if known == by.0 => &figure.a_value,
                known if known == by.1 => &figure.b_value,
                _ => return None,
            };
            let shown = if *dimension == Dimension::AgeBand { subject.age(value, on) } else { value.clone() };
            Some(shown).filter(|text| !text.is_empty())
        };
        let values: Vec<Option<String>> = dimensions.iter().map(value).collect();
        let order = order(dimensions, &values);
        *counts.entry((figure.target, order, values)).or_default() += figure.count;
    }
    let counted = counts.into_iter().filter(|(_, count)| *count != 0);
    counted.map(|((target, _, values), count)| Cell { target, values, count, suppressed: false }).collect()
}

/// Where a cell stands among those of its unit.
#[must_use]
pub fn order(dimensions: &[Dimension], values: &[Option<String>]) -> Vec<String> {
    dimensions.iter().zip(values).map(|(dimension, value)| dimension.order(value.as_deref())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(level: &str, a: &str, b: &str, count: i64) -> Figure {
        Figure { target: 0, education_level: level.into(), a_value: a.into(), b_value: b.into(), count }
    }

    fn shown(cells: &[Cell]) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
        cells.iter().map(|cell| format!("{} {}", cell.values.iter().map(text).collect::<Vec<_>>().join(" "), cell.count)).collect()
    }

    #[test]
    fn figures_become_ages_and_levels_are_added_up() {
        let figures = vec![
            figure("TH", "2019", "female", 2),
            figure("TH", "2018", "female", 1),
            figure("", "", "male", 3),
            figure("THCS", "2019", "female", 1),
            figure("MN", "2019", "female", -1),
        ];
        let by = (Some(Dimension::AgeBand), Some(Dimension::Gender));
        let cells = cells(figures, Subject::Students, "2025-09-15".parse().unwrap(), by, &[Dimension::Gender, Dimension::AgeBand]);
        assert_eq!(shown(&cells), ["female 6 2", "female 7 1", "male - 3"]);
    }
}
