//! Spans of statements and transactions, as diesel tells of them.

use std::fmt::{self, Write};

use diesel::connection::{DebugQuery, Instrumentation, InstrumentationEvent};
use tracing::{Span, info_span, span::Id};

use crate::within;

/// More than there are statements under way at once on one connection. Those of requests that were given up never end.
const OPEN: usize = 512;
/// The longest kind of a statement.
const LONGEST: usize = 20;

/// For each new connection.
#[allow(clippy::unnecessary_wraps, reason = "diesel wants it so")]
pub(crate) fn instrumentation() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(Statements::default()))
}

/// The spans of one connection that have not ended. Several requests may share it: a statement ends in the span in which it
/// began.
#[derive(Default)]
struct Statements {
    open: Vec<(Option<Id>, Span)>,
    transaction: Option<Span>,
}

impl Instrumentation for Statements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } if within() => {
                if self.open.len() >= OPEN {
                    self.open.clear();
                }
                let kind = kind(query);
                let span = info_span!("statement", otel.name = kind, otel.kind = "client", db.system.name = "postgresql", db.operation.name = kind);
                self.open.push((Span::current().id(), span));
            }
            InstrumentationEvent::FinishQuery { .. } if within() => {
                let request = Span::current().id();
                if let Some(ended) = self.open.iter().rposition(|(of, _)| *of == request) {
                    self.open.remove(ended);
                }
            }
            InstrumentationEvent::BeginTransaction { depth, .. } if depth.get() == 1 && within() => {
                self.transaction = Some(info_span!("transaction", db.system.name = "postgresql"));
            }
            InstrumentationEvent::CommitTransaction { depth, .. } | InstrumentationEvent::RollbackTransaction { depth, .. } if depth.get() == 1 => self.transaction = None,
            _ => {}
        }
    }
}

/// The first word of a statement. What follows it, parameters among it, is never looked at.
fn kind(query: &dyn DebugQuery) -> &'static str {
    let mut word = FirstWord(String::new());
    // Ends with an error as soon as there is a word.
    let _ = write!(word, "{query}");
    ["select", "insert", "update", "delete", "with", "begin", "commit", "rollback", "set"].into_iter().find(|known| word.0.eq_ignore_ascii_case(known)).unwrap_or("statement")
}

struct FirstWord(String);

impl Write for FirstWord {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let rest = if self.0.is_empty() { text.trim_start() } else { text };
        let word: String = rest.chars().take_while(char::is_ascii_alphabetic).take(LONGEST).collect();
        self.0.push_str(&word);
        if word.len() < rest.len() || self.0.len() >= LONGEST { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_word_of_a_statement_is_read() {
        let kind_of = |parts: &[&str]| {
            let mut word = FirstWord(String::new());
            let read = parts.iter().take_while(|part| word.write_str(part).is_ok()).count();
            (word.0, read)
        };
        assert_eq!(kind_of(&["SELECT", " ", "\"staff\"", "'Nguyễn'"]), ("SELECT".to_owned(), 1));
        assert_eq!(kind_of(&["\n    with x as (select"]), ("with".to_owned(), 0));
        assert_eq!(kind_of(&["up", "date staff set full_name = 'Nguyễn'"]), ("update".to_owned(), 1));
    }
}
