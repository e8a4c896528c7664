//! The newest error-level log lines of this process, kept in memory for the operations page.
//!
//! Log lines hold no names or numbers of persons; a database, though, may quote a value in its own message. Of a line's
//! fields only those are kept that say where and why, and what they quote only where it looks like a name of ours.

use std::{
    collections::VecDeque,
    fmt::{Debug, Write},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Lines kept; older ones go.
const KEPT: usize = 50;
/// The longest line, in characters.
const LONGEST: usize = 500;
/// Fields that say where and why.
const SHOWN: [&str; 6] = ["service", "aggregate", "event", "reason", "error", "panic"];

static NEWEST: Mutex<VecDeque<Line>> = Mutex::new(VecDeque::new());

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// The module that logged it.
    pub module: &'static str,
    /// What it says.
    pub text: String,
    /// The request it belongs to, as the answer named it.
    pub request_id: Option<String>,
}

/// The errors kept, the newest first.
#[must_use]
pub fn newest() -> Vec<Line> {
    NEWEST.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
}

/// Keeps error-level lines; to be added to the process's subscriber.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepErrors;

/// The request of a span.
struct RequestOf(String);

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for KeepErrors {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(request_id), Some(span)) = (fields.request_id, context.span(id)) {
            span.extensions_mut().insert(RequestOf(request_id));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let request_id = context.event_scope(event).and_then(|mut spans| spans.find_map(|span| span.extensions().get::<RequestOf>().map(|request| request.0.clone())));
        let line = Line { at: Utc::now(), module: event.metadata().target(), text: shown(&fields.text()), request_id };
        let mut newest = NEWEST.lock().unwrap_or_else(PoisonError::into_inner);
        newest.push_back(line);
        while newest.len() > KEPT {
            newest.pop_front();
        }
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: String,
    request_id: Option<String>,
}

impl Fields {
    fn text(&self) -> String {
        if self.others.is_empty() { self.message.clone() } else { format!("{} ({})", self.message, self.others) }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "request_id" => self.request_id = Some(format!("{value:?}")),
            name if SHOWN.contains(&name) => {
                let separator = if self.others.is_empty() { "" } else { ", " };
                // Writing to a string cannot fail.
                let _ = write!(self.others, "{separator}{name}: {value:?}");
            }
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// The text with its quotations left out, except those of names of ours, and no longer than what fits.
fn shown(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for (place, part) in text.split('"').enumerate() {
        let quoted = place % 2 == 1;
        match (quoted, is_name(part)) {
            (false, _) => kept.push_str(part),
            (true, true) => kept.extend(["\"", part, "\""]),
            (true, false) => kept.push_str("\"…\""),
        }
    }
    kept.chars().take(LONGEST).collect()
}

/// Whether it looks like a table, a column, a constraint or an aggregate.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn what_is_quoted_is_kept_only_when_it_names_something_of_ours() {
        assert_eq!(shown("violates check constraint \"staff_code_check\""), "violates check constraint \"staff_code_check\"");
        for value in ["Nguyễn Văn An", "048190000123", "G001", "<b>"] {
            assert_eq!(shown(&format!("invalid input: \"{value}\" is wrong")), "invalid input: \"…\" is wrong");
        }
        assert_eq!(shown("an odd \"quote Nguyễn"), "an odd \"…\"");
        assert_eq!(shown(&"ă".repeat(600)).chars().count(), LONGEST);
    }

    #[test]
    fn the_newest_errors_are_kept_with_their_request_and_nothing_else() {
        let subscriber = tracing_subscriber::registry().with(KeepErrors);
        tracing::subscriber::with_default(subscriber, || {
            let request = tracing::info_span!("request", request_id = %"r-1");
            request.in_scope(|| {
                tracing::info!("no error");
                tracing::error!(error = "refused", full_name = "Nguyễn Văn An", "it failed");
            });
            for number in 0..KEPT {
                tracing::error!("error {number}");
            }
        });
        let lines = newest();
        assert_eq!((lines.len(), lines[0].text.as_str()), (KEPT, "error 49"));
        assert!(!lines.iter().any(|line| line.text.contains("it failed")), "the oldest has gone");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(KeepErrors), || {
            let request = tracing::info_span!("request", request_id = %"r-1");
            request.in_scope(|| tracing::error!(error = "refused", full_name = "Nguyễn Văn An", "it failed"));
        });
        let newest = newest().remove(0);
        assert_eq!((newest.text.as_str(), newest.request_id.as_deref()), ("it failed (error: refused)", Some("r-1")));
    }
}
