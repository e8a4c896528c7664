//! What is measured, as Prometheus reads it: the page and the alerts go by the same figures.

/// The figures of one moment.
pub(super) struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Figures {
    /// Reads the text format of Prometheus; lines that are none of our gauges are left out.
    pub(super) fn read(text: &str) -> Self {
        Figures(text.lines().filter_map(figure).collect())
    }

    /// A figure of a service.
    pub(super) fn of(&self, name: &str, service: &str) -> Option<f64> {
        self.all(name, service).next().map(|figure| figure.value)
    }

    /// The figures of a service by another label.
    pub(super) fn by(&self, name: &str, service: &str, label: &str) -> Vec<(String, f64)> {
        self.all(name, service).filter_map(|figure| Some((figure.label(label)?.to_owned(), figure.value))).collect()
    }

    fn all<'a>(&'a self, name: &'a str, service: &'a str) -> impl Iterator<Item = &'a Figure> {
        self.0.iter().filter(move |figure| figure.name == name && figure.label("service") == Some(service))
    }
}

impl Figure {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

/// `name{label="value",...} number`; our labels hold neither quotes nor commas.
fn figure(line: &str) -> Option<Figure> {
    let (name, rest) = line.split_once('{')?;
    let (labels, value) = rest.split_once('}')?;
    let labels = labels.split(',').filter_map(|label| label.split_once('=')).map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned()));
    Some(Figure { name: name.to_owned(), labels: labels.collect(), value: value.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_name_service_and_label() {
        let figures = Figures::read("# TYPE a gauge\na{service=\"x\"} 1\na{service=\"y\"} 2.5\nb{service=\"x\",source=\"s\"} 3\nb{service=\"x\",source=\"t\"} 4\nc 5\n");
        assert_eq!((figures.of("a", "y"), figures.of("a", "z"), figures.of("c", "x")), (Some(2.5), None, None));
        assert_eq!(figures.by("b", "x", "source"), [("s".to_owned(), 3.0), ("t".to_owned(), 4.0)]);
    }
}
