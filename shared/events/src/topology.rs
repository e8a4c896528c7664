//! Who consumes what.

/// Which services consume which aggregates. Every process declares the whole of it, so that nothing is lost before a
/// consumer's first start: its queue already gathers what it will have to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Each consuming service and the aggregates (`<service>.<aggregate>`) it has a copy of.
    pub consumers: Vec<(String, Vec<String>)>,
}

impl Topology {
    /// The services that consume the aggregate.
    pub fn consumers_of<'a>(&'a self, aggregate: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.consumers.iter().filter(move |(_, aggregates)| aggregates.iter().any(|a| a == aggregate)).map(|(service, _)| service.as_str())
    }

    /// Whether any service consumes the aggregate.
    #[must_use]
    pub fn is_consumed(&self, aggregate: &str) -> bool {
        self.consumers_of(aggregate).next().is_some()
    }

    /// Whether `service` consumes the aggregate.
    #[must_use]
    pub fn consumes(&self, service: &str, aggregate: &str) -> bool {
        self.consumers_of(aggregate).any(|s| s == service)
    }
}
