//! How many passed and failed, read from what the test runners print.

use std::ops::AddAssign;

/// How many passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
}

impl Counts {
    /// One check.
    pub fn of(passed: bool) -> Self {
        Counts { passed: passed.into(), failed: (!passed).into() }
    }

    /// What a line of a test runner's output says, when it is a summary.
    pub fn in_line(line: &str) -> Option<Self> {
        let line = without_colours(line);
        // Indented it is the output of a failed test that nextest shows again.
        if let Some(rest) = line.strip_prefix("test result: ") {
            return Some(Counts { passed: number_before(rest, "passed"), failed: number_before(rest, "failed") });
        }
        let line = line.trim();
        // nextest: "Summary [ 1.2s] 16/20 tests run: 15 passed (1 slow), 1 failed, 1 timed out, 2 skipped"
        let (_, rest) = line.strip_prefix("Summary ")?.split_once("run:")?;
        let failed = ["failed", "timed out", "exec failed"].into_iter().map(|word| number_before(rest, word)).sum();
        Some(Counts { passed: number_before(rest, "passed"), failed })
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The number that stands before `words` in a list parted by commas, semicolons and full stops; 0 when they do not occur.
fn number_before(list: &str, words: &str) -> u64 {
    let parts = list.split([',', ';', '.']).map(str::trim);
    let mut found = parts.filter_map(|part| {
        let part = part.split_once(" (").map_or(part, |(before, _)| before);
        let (number, rest) = part.trim_start_matches("FAILED").trim_start_matches("ok").trim().split_once(' ')?;
        (rest == words).then(|| number.parse().ok())?
    });
    found.next().unwrap_or(0)
}

fn without_colours(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut parts = line.split('\u{1b}');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push_str(part.split_once('m').map_or("", |(_, after)| after));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_summary_of_each_binary_of_cargo_test() {
        let line = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s";
        assert_eq!(Counts::in_line(line), Some(Counts { passed: 12, failed: 2 }));
        let line = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(Counts::in_line(line), Some(Counts { passed: 3, failed: 0 }));
    }

    #[test]
    fn reads_the_summary_of_nextest() {
        let line = "     Summary [   3.456s] 120 tests run: 117 passed (2 slow, 1 leaky), 2 failed, 1 timed out, 4 skipped";
        assert_eq!(Counts::in_line(line), Some(Counts { passed: 117, failed: 3 }));
        let line = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.016s] \u{1b}[1m8\u{1b}[0m tests run: \u{1b}[1m8\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m \u{1b}[33;1mskipped\u{1b}[0m";
        assert_eq!(Counts::in_line(line), Some(Counts { passed: 8, failed: 0 }));
        assert_eq!(Counts::in_line("Summary [ 1.2s] 16/20 tests run: 15 passed, 1 failed, 2 skipped"), Some(Counts { passed: 15, failed: 1 }));
    }

    #[test]
    fn other_lines_are_no_summaries() {
        assert_eq!(Counts::in_line("test a_summary_is_read ... ok"), None);
        assert_eq!(Counts::in_line("1 passed, 1 failed"), None);
    }
}
