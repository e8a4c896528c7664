//! The page itself. What is put between the tags is escaped by `html!`.

use chrono::{DateTime, SubsecRound, Utc};
use maud::{DOCTYPE, Markup, html};

use super::{
    Operations,
    errors::Line,
    routes::Told,
    session::Denied,
    state::{Rows, ServiceState},
};

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) operations: &'a Operations,
    /// The path of this page.
    pub(super) path: &'a str,
    /// Who reads it.
    pub(super) reader: &'a str,
    pub(super) states: &'a [ServiceState],
    pub(super) errors: &'a [Line],
    pub(super) told: Told,
}

/// Seconds from which on a figure is worth a look: those of deploy/prometheus/alerts.yaml.
const OUTBOX: f64 = 60.0;
const CONSUMER: f64 = 60.0;
const AUTHORITY: f64 = 30.0;
const FEED: f64 = 120.0;

pub(super) fn page(shown: &Shown) -> Markup {
    let states = shown.states;
    frame(html! {
        header {
            div {
                h1 { "Operations" }
                p.quiet {
                    "Registrar " (env!("CARGO_PKG_VERSION")) " · running for " (span((Utc::now() - shown.operations.started).as_seconds_f64()))
                    " · as of " (time(Utc::now()))
                }
            }
            form.account method="post" action="/ops/sign-out" { span { (shown.reader) } button.plain { "Sign out" } }
        }
        (places(shown))
        (told(shown.told))
        section { h2 { "Services" } (services(shown)) }
        section { h2 { "Delays" } (delays(states)) }
        section { h2 { "Parked events" } (parked(states)) }
        section { h2 { "Jobs" } (jobs(states)) }
        section { h2 { "Copies compared with their owners" } (comparisons(states)) }
        section { h2 { "Recent errors" } (errors(shown.errors)) }
    })
}

/// Where one is, and where the other services are.
fn places(shown: &Shown) -> Markup {
    let operations = shown.operations;
    html! {
        nav {
            @if operations.is_whole() { a href="/ops" aria-current=[current(shown.path, "/ops")] { "All services" } }
            @for service in &operations.everywhere {
                @let path = format!("/ops/{service}");
                a href=(path) aria-current=[current(shown.path, &path)] { (service) }
            }
        }
        p.quiet {
            @if operations.is_whole() {
                "All services run in this one process."
            } @else {
                "This process runs " (operations.mounted.iter().map(|part| part.service.name).collect::<Vec<_>>().join(", "))
                ". Each process shows its own: the links above lead to the others, by way of the gateway. Of several replicas, the one that answers is shown."
            }
        }
    }
}

fn current(path: &str, link: &str) -> Option<&'static str> {
    (path == link).then_some("page")
}

fn told(told: Told) -> Markup {
    html! {
        @match told {
            Told { retrying: Some(true), .. } => p.told role="status" { "The events are still being tried again." },
            Told { mended: Some(mended), failed: Some(failed), .. } => p.told role="status" { (mended) " mended, " (failed) " failed again." },
            _ => {}
        }
    }
}

fn services(shown: &Shown) -> Markup {
    let broker = shown.operations.transport.is_connected();
    html! {
        table {
            thead { tr { th { "Service" } th { "State" } th { "Database" } th { "Rights" } th { "Events" } th.number { "Connections" } } }
            tbody {
                @for state in shown.states {
                    tr {
                        th scope="row" { (state.name) }
                        td data-label="State" { (verdict(state.readiness.authority, "ready", "not ready")) }
                        td data-label="Database" { (verdict(state.readiness.database, "answers", "does not answer")) }
                        td data-label="Rights" { (verdict(state.readiness.authority, "known", "not known yet")) }
                        td data-label="Events" { (verdict(broker, "connected", "not connected")) }
                        td.number data-label="Connections" { (state.pool.0) " of " (state.pool.1) }
                    }
                }
            }
        }
    }
}

fn delays(states: &[ServiceState]) -> Markup {
    html! {
        table {
            thead { tr { th { "Service" } th.number { "To publish" } th.number { "Oldest" } th { "Newest event took" } th.number { "Rights as of" } th.number { "Feeds held back" } } }
            tbody {
                @for state in states {
                    tr {
                        th scope="row" { (state.name) }
                        td.number data-label="To publish" { @match state.outbox_depth { Some(depth) => (depth), None => (nothing()) } }
                        td.number data-label="Oldest" { (delay(state.outbox_age, OUTBOX)) }
                        td data-label="Newest event took" {
                            @for (source, lag) in &state.consumer_lag { span.pair { (delay(Some(*lag), CONSUMER)) " from " (source) } }
                            @if state.consumer_lag.is_empty() { (nothing()) }
                        }
                        td.number data-label="Rights as of" { (delay(state.authority_age, AUTHORITY)) @if state.authority_age.is_some() { " ago" } }
                        td.number data-label="Feeds held back" { (delay(state.feed_lag, FEED)) }
                    }
                }
            }
        }
    }
}

fn parked(states: &[ServiceState]) -> Markup {
    let some: Vec<(&ServiceState, &Rows)> = with_rows(states).filter(|(_, rows)| rows.parked_count > 0).collect();
    html! {
        @if some.is_empty() { p.good { "None." } }
        @for (state, rows) in some {
            div.bar {
                h3 { (state.name) " " span.bad { (rows.parked_count) } }
                form method="post" action={ "/ops/" (state.name) "/parked" } { button { "Try all again" } }
            }
            table {
                thead { tr { th { "Event" } th { "Reason" } th { "Since" } th.number { "Attempts" } th { "Next by itself" } th { } } }
                tbody {
                    @for event in &rows.parked {
                        tr {
                            td data-label="Event" { code { (event.event_id) } }
                            td data-label="Reason" { (event.reason) }
                            td data-label="Since" { (time(event.parked_at)) }
                            td.number data-label="Attempts" { (event.attempts) }
                            td data-label="Next by itself" { (time(event.next_attempt_at)) }
                            td { form method="post" action={ "/ops/" (state.name) "/parked" } { input type="hidden" name="event" value=(event.event_id); button { "Try again" } } }
                        }
                    }
                }
            }
            @if usize::try_from(rows.parked_count).is_ok_and(|all| all > rows.parked.len()) { p.quiet { "The first " (rows.parked.len()) " are listed." } }
        }
    }
}

fn jobs(states: &[ServiceState]) -> Markup {
    html! {
        @if with_rows(states).all(|(_, rows)| rows.jobs.is_empty()) { p.quiet { "No imports or exports are kept." } } @else {
            table {
                thead { tr { th { "Service" } th { "Job" } th { "State" } th.number { "Number" } th { "Newest" } } }
                tbody {
                    @for (state, rows) in with_rows(states) {
                        @for jobs in &rows.jobs {
                            tr {
                                th scope="row" { (state.name) }
                                td data-label="Job" { (jobs.kind) " of " (jobs.resource) }
                                td data-label="State" { (job_state(&jobs.state)) }
                                td.number data-label="Number" { (jobs.number) }
                                td data-label="Newest" { (time(jobs.newest)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn job_state(state: &str) -> Markup {
    html! { @match state { "failed" | "held" => span.bad { (state) }, "done" => span.good { (state) }, _ => span.quiet { (state) } } }
}

fn comparisons(states: &[ServiceState]) -> Markup {
    html! {
        @for (state, rows) in with_rows(states) {
            div.bar {
                h3 { (state.name) }
                @match (state.comparing_since, state.comparable) {
                    (Some(since), _) => span.quiet { "being compared since " (time(since)) },
                    (None, true) => form method="post" action={ "/ops/" (state.name) "/compare" } { button { "Compare now" } },
                    (None, false) => span.quiet { "the owners run elsewhere: " code { "registrar verify" } " compares" },
                }
            }
            @if rows.comparisons.is_empty() { p.quiet { "Not compared yet." } } @else {
                table {
                    thead { tr { th { "Copy of" } th { "Result" } th.number { "Rows" } th { "Compared" } } }
                    tbody {
                        @for comparison in &rows.comparisons {
                            tr {
                                th scope="row" { (comparison.aggregate) }
                                td data-label="Result" {
                                    @if comparison.divergent() == 0 && comparison.complete { span.good { "equal" } } @else {
                                        span.bad { (comparison.divergent()) " differ" @if !comparison.complete { " or more" } }
                                        " (" (findings(comparison)) ")"
                                    }
                                }
                                td.number data-label="Rows" { (comparison.compared) }
                                td data-label="Compared" { (time(comparison.compared_at)) }
                            }
                        }
                    }
                }
                @if rows.comparisons.iter().any(|comparison| comparison.divergent() > 0) {
                    p.quiet { code { "registrar verify " (state.name) } " names the rows, " code { "registrar resync OWNER --to " (state.name) } " mends them." }
                }
            }
        }
    }
}

fn findings(found: &registrar_events::comparisons::Comparison) -> String {
    let kinds = [("missing", found.missing), ("older", found.older), ("newer", found.newer), ("different", found.differing), ("unknown to the owner", found.surplus)];
    kinds.into_iter().filter(|(_, number)| *number > 0).map(|(kind, number)| format!("{number} {kind}")).collect::<Vec<_>>().join(", ")
}

fn errors(errors: &[Line]) -> Markup {
    html! {
        @if errors.is_empty() { p.good { "None since this process started." } } @else {
            table {
                thead { tr { th { "When" } th { "Error" } th { "In" } th { "Request" } } }
                tbody {
                    @for line in errors {
                        tr {
                            td data-label="When" { (time(line.at)) }
                            td data-label="Error" { (line.text) }
                            td data-label="In" { code { (line.module) } }
                            td data-label="Request" { @match &line.request_id { Some(request) => code { (request) }, None => (nothing()) } }
                        }
                    }
                }
            }
        }
    }
}

/// The sign-in form; after an attempt, with what became of it.
pub(super) fn sign_in(denied: Option<Denied>) -> Markup {
    frame(html! {
        form.sign-in method="post" action="/ops/sign-in" {
            h1 { "Operations" }
            p.quiet { "For those who run this installation." }
            @if let Some(denied) = denied {
                p.told.bad role="alert" {
                    @match denied {
                        Denied::Wrong => "The tenant, the username or the password is not right.",
                        Denied::TooMany => "Too many attempts. Wait a minute.",
                        Denied::Away => "Identity does not answer, so nobody can sign in now.",
                    }
                }
            }
            label { "Tenant" input name="tenant" required maxlength="50" autocomplete="organization" autocapitalize="none"; }
            label { "Username" input name="username" required maxlength="100" autocomplete="username" autocapitalize="none"; }
            label { "Password" input name="password" type="password" required maxlength="200" autocomplete="current-password"; }
            button { "Sign in" }
        }
    })
}

/// For those who are signed in and may not be here.
pub(super) fn refused(reader: &str) -> Markup {
    frame(html! {
        form.sign-in method="post" action="/ops/sign-out" {
            h1 { "Not for this account" }
            p { (reader) " does not run this installation: that takes the role operator or administrator over the whole of its first tenant." }
            button { "Sign out" }
        }
    })
}

/// For a form that another site sent.
pub(super) fn elsewhere() -> Markup {
    frame(html! { div.sign-in { h1 { "Refused" } p { "The form was not sent from this page. " a href="/ops" { "Go to it." } } } })
}

fn frame(content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Operations · Registrar" }
                link rel="stylesheet" href="/ops/style.css";
            }
            body { main { (content) } }
        }
    }
}

/// The services whose databases answer.
fn with_rows(states: &[ServiceState]) -> impl Iterator<Item = (&ServiceState, &Rows)> {
    states.iter().filter_map(|state| Some((state, state.rows.as_ref()?)))
}

fn verdict(good: bool, yes: &str, no: &str) -> Markup {
    html! { @if good { span.good { (yes) } } @else { span.bad { (no) } } }
}

/// A number of seconds, marked when it is more than it should be.
fn delay(seconds: Option<f64>, most: f64) -> Markup {
    html! { @match seconds { Some(seconds) if seconds > most => span.bad { (span(seconds)) }, Some(seconds) => (span(seconds)), None => (nothing()) } }
}

fn nothing() -> Markup {
    html! { span.quiet { "–" } }
}

fn time(at: DateTime<Utc>) -> Markup {
    let text = at.trunc_subsecs(0).format("%Y-%m-%d %H:%M:%S").to_string();
    html! { time datetime=(at.to_rfc3339()) { (text) " UTC" } }
}

/// Seconds for a person.
fn span(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{:.1} s", s.max(0.0)),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_for_people() {
        let spans: Vec<String> = [-1.0, 0.25, 59.6, 150.0, 7200.0, 1e6].into_iter().map(span).collect();
        assert_eq!(spans, ["0.0 s", "0.2 s", "60 s", "2 min", "2 h", "12 days"]);
    }

    #[test]
    fn what_is_shown_is_text_whatever_it_holds() {
        let line = Line { at: Utc::now(), module: "registrar", text: "<script>alert(1)</script>".to_owned(), request_id: Some("\"><img src=x>".to_owned()) };
        let page = errors(&[line]).into_string();
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(!refused("<b>").into_string().contains("<b>"));
    }
}
