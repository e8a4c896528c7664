//! What a chart shows.

use registrar_domain::Locale;

use super::labels;

/// The most bars of a chart; with more nobody reads the labels.
const BARS: usize = 60;
/// The most parts of a bar: as many as there are colours.
const SERIES: usize = 8;

/// A bar chart, stacked when it has several series.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What it shows, where and when.
    pub title: String,
    /// The same and the figures in words, for those who cannot see it.
    pub description: String,
    /// What the length of a bar means.
    pub axis: String,
    /// What the parts of the bars are; one without a name when they have no parts.
    pub series: Vec<String>,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// A bar.
#[derive(Clone, Debug, Default)]
pub struct Bar {
    /// What it is of.
    pub label: String,
    /// The length of each part, by series; none where it is not told.
    pub parts: Vec<Option<f64>>,
}

impl Bar {
    /// The length of the bar.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.parts.iter().flatten().sum()
    }

    /// The figure beside it, marked when some part is not told.
    #[must_use]
    pub fn figure(&self) -> String {
        format!("{}{}", self.sum(), if self.parts.contains(&None) { labels::HIDDEN } else { "" })
    }
}

/// What a chart is made of.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Which bar it belongs to; figures of one bar come one after another.
    pub bar: String,
    /// Which part of the bar it is.
    pub series: String,
    /// How much; none where it is not told.
    pub value: Option<f64>,
}

impl Chart {
    /// A chart of figures, in the order in which they come, with these series. Of many series the smaller ones become one,
    /// of many bars the first are drawn.
    #[must_use]
    pub fn of(locale: Locale, title: String, axis: String, series: Vec<String>, figures: Vec<Figure>) -> Self {
        let (mut series, others) = most_weighty(series, &figures);
        let width = series.len() + usize::from(others);
        let mut bars: Vec<Bar> = Vec::new();
        for figure in figures {
            let place = series.iter().position(|known| *known == figure.series).unwrap_or(series.len());
            if bars.last().is_none_or(|bar| bar.label != figure.bar) {
                bars.push(Bar { label: figure.bar, parts: vec![Some(0.0); width] });
            }
            if let Some(part) = bars.last_mut().and_then(|bar| bar.parts.get_mut(place)) {
                *part = part.zip(figure.value).map(|(sum, value)| sum + value);
            }
        }
        if others {
            series.push(locale.pick(labels::OTHERS).to_owned());
        }
        let left_out = bars.len().saturating_sub(BARS);
        bars.truncate(BARS);
        let mut chart = Chart { title, axis, series, bars, ..Chart::default() };
        chart.description = chart.words(locale, left_out);
        chart
    }

    fn words(&self, locale: Locale, left_out: usize) -> String {
        let figures: Vec<String> = self.bars.iter().map(|bar| format!("{}: {}", bar.label, bar.figure())).collect();
        let rest = if left_out > 0 { labels::left_out(locale, left_out) } else { String::new() };
        format!("{}. {}. {rest}", self.title, figures.join("; ")).trim().to_owned()
    }
}

/// The series to be drawn each by itself, and whether there are others.
fn most_weighty(series: Vec<String>, figures: &[Figure]) -> (Vec<String>, bool) {
    if series.len() <= SERIES {
        return (series, false);
    }
    let weight = |name: &String| figures.iter().filter(|figure| figure.series == *name).filter_map(|figure| figure.value).sum::<f64>();
    let mut weighty: Vec<(usize, String)> = series.into_iter().enumerate().collect();
    weighty.sort_by(|(_, left), (_, right)| weight(right).total_cmp(&weight(left)));
    weighty.truncate(SERIES - 1);
    weighty.sort();
    (weighty.into_iter().map(|(_, name)| name).collect(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(bar: &str, series: &str, value: Option<f64>) -> Figure {
        Figure { bar: bar.into(), series: series.into(), value }
    }

    #[test]
    fn figures_become_bars_of_parts() {
        let figures = vec![figure("6", "female", Some(3.0)), figure("6", "male", Some(4.0)), figure("7", "male", None)];
        let chart = Chart::of(Locale::En, "Students".into(), "number".into(), vec!["female".into(), "male".into()], figures);
        assert_eq!(chart.bars.iter().map(|bar| bar.parts.clone()).collect::<Vec<_>>(), [[Some(3.0), Some(4.0)], [Some(0.0), None]]);
        assert_eq!(chart.description, "Students. 6: 7; 7: 0*.");
    }

    #[test]
    fn small_series_are_drawn_as_one() {
        let figures = (0..10).map(|number| figure("a", &number.to_string(), Some(f64::from(if number == 3 { 100 } else { 10 - number })))).collect();
        let chart = Chart::of(Locale::En, String::new(), String::new(), (0..10).map(|number| number.to_string()).collect(), figures);
        assert_eq!(chart.series, ["0", "1", "2", "3", "4", "5", "6", "others"]);
        assert_eq!(chart.bars[0].parts.last(), Some(&Some(3.0 + 2.0 + 1.0)));
    }
}
