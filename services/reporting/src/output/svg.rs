//! Draws a chart: horizontal bars, whose labels are often long.

use std::fmt::Write;

use super::chart::Chart;

const WIDTH: f64 = 960.0;
/// Where bars begin, where they end at the latest.
const LEFT: f64 = 300.0;
const RIGHT: f64 = 880.0;
const ROW: f64 = 26.0;
const BAR: f64 = 18.0;
/// Letters of a label; the rest is in its tooltip.
const LABEL: usize = 40;
/// Colours that can be told apart, also by those who see fewer (Okabe and Ito).
const COLOURS: [&str; 8] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f"];

/// The chart as an SVG document.
#[must_use]
pub fn drawing(chart: &Chart) -> String {
    let legend = if chart.series.len() > 1 { f64::from(u32::try_from(chart.series.len().div_ceil(4)).unwrap_or(1)) * 22.0 } else { 0.0 };
    let top = 56.0 + legend;
    let rows = chart.bars.iter().map(|_| ROW).sum::<f64>();
    let (step, ticks) = scale(chart.bars.iter().map(super::Bar::sum).fold(0.0, f64::max));
    let most = step * f64::from(ticks);
    let place = |value: f64| LEFT + (RIGHT - LEFT) * value / most;
    let height = top + rows + 56.0;
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let mut put = |text: std::fmt::Arguments<'_>| svg.write_fmt(text).unwrap_or_default();
    put(format_args!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="title desc" font-family="system-ui, 'Noto Sans', 'Noto Sans SC', sans-serif" font-size="13" fill="#222222"><title id="title">{}</title><desc id="desc">{}</desc><rect width="100%" height="100%" fill="#ffffff"/><text x="16" y="30" font-size="18" font-weight="bold">{}</text>"##,
        escaped(&chart.title),
        escaped(&chart.description),
        escaped(&chart.title)
    ));
    for (number, (series, colour)) in (0_u32..).zip(chart.series.iter().zip(COLOURS)).filter(|_| chart.series.len() > 1) {
        let (x, y) = (16.0 + f64::from(number % 4) * 232.0, 48.0 + f64::from(number / 4) * 22.0);
        put(format_args!(r#"<rect x="{x}" y="{y}" width="14" height="14" fill="{colour}"/><text x="{}" y="{}">{}</text>"#, x + 20.0, y + 12.0, escaped(&cut(series, 30))));
    }
    for tick in 0..=ticks {
        let (value, x) = (step * f64::from(tick), place(step * f64::from(tick)));
        put(format_args!(
            r##"<line x1="{x:.1}" y1="{top}" x2="{x:.1}" y2="{:.1}" stroke="#d0d0d0"/><text x="{x:.1}" y="{:.1}" text-anchor="middle" fill="#555555">{}</text>"##,
            top + rows,
            top + rows + 18.0,
            rounded(value)
        ));
    }
    for (number, bar) in (0_u32..).zip(&chart.bars) {
        let y = top + f64::from(number) * ROW + (ROW - BAR) / 2.0;
        let base = y + BAR - 4.0;
        put(format_args!(r#"<text x="{}" y="{base:.1}" text-anchor="end"><title>{}</title>{}</text>"#, LEFT - 8.0, escaped(&bar.label), escaped(&cut(&bar.label, LABEL))));
        let mut from = 0.0;
        for (part, (series, colour)) in bar.parts.iter().zip(chart.series.iter().zip(COLOURS)) {
            let value = part.unwrap_or_default();
            if value > 0.0 {
                let (x, width) = (place(from), place(from + value) - place(from));
                put(format_args!(r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{BAR}" fill="{colour}"><title>{} {}</title></rect>"#, escaped(series), rounded(value)));
            }
            from += value;
        }
        put(format_args!(r#"<text x="{:.1}" y="{base:.1}">{}</text>"#, place(from) + 6.0, bar.figure()));
    }
    put(format_args!(
        r##"<line x1="{LEFT}" y1="{top}" x2="{LEFT}" y2="{:.1}" stroke="#222222"/><text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text></svg>"##,
        top + rows,
        (LEFT + RIGHT) / 2.0,
        top + rows + 40.0,
        escaped(&chart.axis)
    ));
    svg
}

/// The step of the axis, 1, 2 or 5 times a power of ten, and how many steps reach the greatest value. Numbers of people
/// have no fractions, shares nothing above 1.
fn scale(most: f64) -> (f64, u32) {
    if most <= 0.0 {
        return (1.0, 1);
    }
    let power = 10_f64.powf((most / 5.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power);
    let step = steps.filter(|step| most <= 1.0 || *step >= 1.0).find(|step| most / step <= 6.0).unwrap_or(most);
    // Six at most, by the choice of the step.
    let steps = (1..=6).find(|steps| f64::from(*steps) * step >= most).unwrap_or(6);
    (step, steps)
}

/// Without the noise of binary fractions.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// The beginning of a text, in letters.
fn cut(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters { text.to_owned() } else { text.chars().take(letters - 1).chain(['…']).collect() }
}

/// As text of XML 1.0, which has no control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use registrar_domain::Locale;

    use super::*;
    use crate::output::chart::Figure;

    #[test]
    fn axes_end_in_round_numbers_above_the_greatest_value() {
        for (most, expected) in [(0.0, (1.0, 1)), (2.0, (1.0, 2)), (7.0, (2.0, 4)), (100.0, (20.0, 5)), (1450.0, (500.0, 3)), (0.94, (0.2, 5))] {
            let (step, ticks) = scale(most);
            assert_eq!((rounded(step), ticks), expected, "{most}");
        }
    }

    #[test]
    fn names_are_text_whatever_they_hold() {
        let name = "Trường <script>alert('1')</script> & \u{1}\"A\"";
        let figures = vec![Figure { bar: name.into(), series: name.into(), value: Some(3.0) }, Figure { bar: name.into(), series: "b".into(), value: None }];
        let svg = drawing(&Chart::of(Locale::Vi, name.into(), "số lượng".into(), vec![name.into(), "b".into()], figures));
        assert!(!svg.contains("<script") && svg.contains("Trường &lt;script&gt;") && svg.contains("&amp;"));
        assert!(!svg.contains('\u{1}') && svg.starts_with("<svg ") && svg.ends_with("</svg>"));
        assert_eq!(svg.matches("<title").count(), svg.matches("</title>").count());
        assert!(svg.contains(r#"role="img" aria-labelledby="title desc""#) && svg.contains("<desc id=\"desc\">"));
    }
}
