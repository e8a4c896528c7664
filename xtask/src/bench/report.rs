//! Figures as a table, as JSON and as docs/performance.md.

use std::{fmt::Write, time::Duration};

use anyhow::Result;
use serde::Serialize;

use super::load::Load;

/// What a ratio to the baseline must keep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// No less than this.
    Least(f64),
    /// No more than this.
    Most(f64),
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The work.
    pub work: String,
    /// What was measured, with its unit.
    pub measured: String,
    /// What the machine itself did in the same run.
    pub baseline: String,
    /// The first by the second.
    pub ratio: f64,
    /// What the ratio must keep.
    pub limit: Limit,
    /// How long half of the answers took at most, and 99 in a hundred; of loads.
    pub percentiles: Option<(Duration, Duration)>,
}

impl Figure {
    /// Of a measure against its baseline in the same unit.
    pub fn of(work: &str, measured: f64, baseline: f64, unit: &str, limit: Limit) -> Self {
        Figure { work: work.to_owned(), measured: format!("{measured:.0} {unit}"), baseline: format!("{baseline:.0} {unit}"), ratio: measured / baseline, limit, percentiles: None }
    }

    /// Of a load against a baseline per second.
    pub fn rate(work: &str, load: &Load, baseline: f64, limit: Limit) -> Self {
        Figure { percentiles: Some((load.p50, load.p99)), ..Figure::of(work, load.rate, baseline, "/s", limit) }
    }

    /// The slowest hundredth of a load against its median.
    pub fn slowest(&self) -> Option<Self> {
        let percentiles = self.percentiles?;
        Some(Figure::times(&format!("p99 against p50, {}", self.work), (percentiles.1, percentiles.0), Limit::Most(10.0)))
    }

    /// Of durations.
    pub fn times(work: &str, (measured, baseline): (Duration, Duration), limit: Limit) -> Self {
        let ratio = measured.as_secs_f64() / baseline.as_secs_f64();
        Figure { work: work.to_owned(), measured: format!("{measured:.1?}"), baseline: format!("{baseline:.1?}"), ratio, limit, percentiles: None }
    }

    /// Whether the limit is kept.
    pub fn is_kept(&self) -> bool {
        match self.limit {
            Limit::Least(least) => self.ratio >= least,
            Limit::Most(most) => self.ratio <= most,
        }
    }
}

/// The table in Markdown.
pub fn table(figures: &[Figure]) -> Result<String> {
    let mut text = "| work | measured | p50 / p99 | baseline | ratio | wanted | kept |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |\n".to_owned();
    for figure in figures {
        let percentiles = figure.percentiles.map_or_else(String::new, |(p50, p99)| format!("{p50:.1?} / {p99:.1?}"));
        let wanted = match figure.limit {
            Limit::Least(least) => format!(">= {least}"),
            Limit::Most(most) => format!("<= {most}"),
        };
        let kept = if figure.is_kept() { "yes" } else { "**no**" };
        writeln!(text, "| {} | {} | {percentiles} | {} | {:.2} | {wanted} | {kept} |", figure.work, figure.measured, figure.baseline, figure.ratio)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_kept_from_its_side() {
        let figure = |limit| Figure::of("x", 30.0, 100.0, "/s", limit).is_kept();
        assert!(figure(Limit::Least(0.3)) && !figure(Limit::Least(0.31)));
        assert!(figure(Limit::Most(0.3)) && !figure(Limit::Most(0.29)));
        assert!(table(&[Figure::of("x", 30.0, 100.0, "/s", Limit::Least(0.5))]).unwrap().contains("| x | 30 /s |  | 100 /s | 0.30 | >= 0.5 | **no** |"));
    }
}
