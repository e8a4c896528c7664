//! Hides figures that would show single persons.

use std::collections::BTreeMap;

use super::crosstab::Cell;

/// A figure below this one may show single persons.
pub const FEW: i64 = 5;

/// Hides figures below [`FEW`], and as many more as it takes that they cannot be found by subtraction: in each line of
/// cells that differ in one dimension only, whose sum is another report's figure, what is hidden are at least two cells
/// and [`FEW`] persons.
pub fn suppress(cells: &mut [Cell]) {
    let mut lines = Lines::of(cells);
    for place in 0..cells.len() {
        if cells.get(place).is_some_and(|cell| (1..FEW).contains(&cell.count)) {
            lines.hide(cells, place);
        }
    }
    // What is hidden in one line may betray another.
    let mut changed = true;
    while changed {
        changed = false;
        for line in 0..lines.cells.len() {
            while let Some(place) = lines.next_to_hide(cells, line) {
                lines.hide(cells, place);
                changed = true;
            }
        }
    }
}

/// The cells that agree in all but one dimension, the unit being one too.
struct Lines {
    /// The places of the cells of each line.
    cells: Vec<Vec<usize>>,
    /// The lines of each cell.
    of_cell: Vec<Vec<usize>>,
    /// How many cells of each line are hidden, and how many persons they count.
    hidden: Vec<(usize, i64)>,
}

impl Lines {
    fn of(cells: &[Cell]) -> Self {
        let dimensions = cells.first().map_or(0, |cell| cell.values.len());
        let mut lines: Vec<Vec<usize>> = Vec::new();
        for left_out in 0..=dimensions {
            let mut line: BTreeMap<(i32, Vec<&Option<String>>), Vec<usize>> = BTreeMap::new();
            for (place, cell) in cells.iter().enumerate() {
                let target = if left_out == dimensions { 0 } else { cell.target };
                let values = cell.values.iter().enumerate().filter(|(number, _)| *number != left_out).map(|(_, value)| value).collect();
                line.entry((target, values)).or_default().push(place);
            }
            lines.extend(line.into_values());
        }
        let mut of_cell = vec![Vec::new(); cells.len()];
        for (line, places) in lines.iter().enumerate() {
            for place in places {
                if let Some(lines) = of_cell.get_mut(*place) {
                    lines.push(line);
                }
            }
        }
        Lines { hidden: vec![(0, 0); lines.len()], cells: lines, of_cell }
    }

    fn hide(&mut self, cells: &mut [Cell], place: usize) {
        let Some(cell) = cells.get_mut(place) else { return };
        cell.suppressed = true;
        for line in self.of_cell.get(place).into_iter().flatten() {
            if let Some((number, sum)) = self.hidden.get_mut(*line) {
                *number += 1;
                *sum += cell.count;
            }
        }
    }

    fn is_untouched(&self, line: usize) -> bool {
        self.hidden.get(line).is_some_and(|(number, _)| *number == 0)
    }

    /// The figure of a line that has to be hidden with those that are: of those that betray fewest other lines the smallest.
    fn next_to_hide(&self, cells: &[Cell], line: usize) -> Option<usize> {
        let (number, sum) = self.hidden.get(line)?;
        if *number == 0 || (*number > 1 && *sum >= FEW) {
            return None;
        }
        let shown = self.cells.get(line)?.iter().filter_map(|place| Some((*place, cells.get(*place)?))).filter(|(_, cell)| !cell.suppressed && cell.count > 0);
        let untouched = |place: usize| self.of_cell.get(place).into_iter().flatten().filter(|line| self.is_untouched(**line)).count();
        shown.min_by_key(|(place, cell)| (untouched(*place), cell.count)).map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &str, i64)]) -> Vec<Cell> {
        let value = |text: &str| Some(text.to_owned());
        rows.iter().map(|(a, b, count)| Cell { target: 0, values: vec![value(a), value(b)], count: *count, suppressed: false }).collect()
    }

    fn shown(cells: &[Cell]) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        cells
            .iter()
            .map(|cell| format!("{} {}", cell.values.iter().map(text).collect::<Vec<_>>().join(" "), if cell.suppressed { "*".into() } else { cell.count.to_string() }))
            .collect()
    }

    #[test]
    fn what_is_hidden_cannot_be_found_by_subtraction() {
        let mut cells = table(&[("kinh", "5", 30), ("kinh", "6", 40), ("tay", "5", 3), ("tay", "6", 9)]);
        suppress(&mut cells);
        // The one small figure alone could be told from the sums of its row and its column, and so could any three.
        assert_eq!(shown(&cells), ["kinh 5 *", "kinh 6 *", "tay 5 *", "tay 6 *"]);
        let mut cells = table(&[("kinh", "5", 30), ("kinh", "6", 40), ("kinh", "7", 35), ("tay", "5", 3), ("tay", "6", 9), ("tay", "7", 20)]);
        suppress(&mut cells);
        assert_eq!(shown(&cells), ["kinh 5 *", "kinh 6 40", "kinh 7 *", "tay 5 *", "tay 6 9", "tay 7 *"]);
    }

    #[test]
    fn two_small_figures_hide_each_other_only_when_their_sum_is_none() {
        let one = |counts: &[i64]| {
            let mut cells: Vec<Cell> =
                counts.iter().enumerate().map(|(place, count)| Cell { target: 0, values: vec![Some(place.to_string())], count: *count, suppressed: false }).collect();
            suppress(&mut cells);
            cells.iter().map(|cell| cell.suppressed).collect::<Vec<_>>()
        };
        assert_eq!(one(&[50, 1, 1, 20]), [false, true, true, true], "two of one each would be two");
        assert_eq!(one(&[50, 3, 4, 20]), [false, true, true, false]);
        assert_eq!(one(&[50, 20]), [false, false]);
        assert_eq!(one(&[3]), [true]);
    }
}
