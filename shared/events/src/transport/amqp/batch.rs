//! Many events as one AMQP message: what a bulk import or a mass edit leads to would otherwise cost the broker a message
//! with a dozen headers for each event, in each consumer's queue.
//!
//! The body is the contract `Envelopes`. CloudEvents knows no batches over AMQP, so that the content type is one of our
//! own; exchange and routing key are those of the events, so that a batch goes wherever they would have gone and needs
//! the same permission. See `docs/adr/0007-batches.md`.

use lapin::{BasicProperties, types::ShortString};
use prost::Message;

use super::{EXCHANGE, message};
use crate::{Event, contracts::envelope::Envelopes};

/// What a message says that is a batch.
const CONTENT_TYPE: &str = "application/vnd.registrar.envelopes+protobuf";
/// The most events of a batch. A consumer refuses more: a later release that sends more must first have read more.
pub(super) const MOST: usize = 100;
/// The most bytes of a batch's body; a consumer refuses more.
pub(super) const BYTES: usize = 256 * 1024;
/// What an event takes in a batch at most, besides its texts and its payload.
const FRAME: usize = 192;

/// The properties of a batch.
pub(super) fn properties(id: String) -> BasicProperties {
    let properties = BasicProperties::default().with_content_type(ShortString::from(CONTENT_TYPE));
    properties.with_delivery_mode(message::PERSISTENT).with_message_id(message::short(id))
}

/// The body of a batch.
pub(super) fn body(events: &[&Event]) -> Vec<u8> {
    Envelopes { events: events.iter().map(|event| event.to_envelope()).collect() }.encode_to_vec()
}

/// How many bytes the event takes in a batch, at most.
pub(super) fn size(event: &Event) -> usize {
    FRAME + event.aggregate.len() + event.payload.len() + event.traceparent.as_ref().map_or(0, String::len)
}

/// Whether a message says that it is a batch.
pub(super) fn is_batch(properties: &BasicProperties) -> bool {
    properties.content_type().as_ref().is_some_and(|kind| kind.as_str() == CONTENT_TYPE)
}

/// The events in a batch, or what is wrong with it. Each must belong to the routing key, as a single event must: nothing
/// of a batch in which one does not is believed. It has at least one event and at most 100.
pub(super) fn events(exchange: &str, routing_key: &str, body: &[u8]) -> Result<Vec<Event>, String> {
    if body.len() > BYTES {
        return Err(format!("a batch of {} bytes", body.len()));
    }
    let envelopes = Envelopes::decode(body).map_err(|error| format!("not a batch: {error}"))?.events;
    if !(1..=MOST).contains(&envelopes.len()) {
        return Err(format!("a batch of {} events", envelopes.len()));
    }
    let events = envelopes.into_iter().map(Event::from_envelope).collect::<Result<Vec<Event>, _>>().map_err(|error| error.to_string())?;
    if exchange == EXCHANGE && events.iter().any(|event| event.routing_key() != routing_key) {
        return Err("an event of the batch does not belong to the routing key".to_owned());
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::event::tests::sample;

    const KEY: &str = "personnel.staff.changed";

    fn numbered(count: u128) -> Vec<Event> {
        (0..count).map(|n| Event { id: Uuid::from_u128(n), traceparent: Some(format!("00-{n:032x}-b7ad6b7169203331-01")), resync: n == 1, ..sample() }).collect()
    }

    fn written(events: &[Event]) -> Vec<u8> {
        body(&events.iter().collect::<Vec<_>>())
    }

    #[test]
    fn every_event_survives_the_round_trip_with_its_own_trace() {
        let sent = numbered(100);
        assert_eq!(events(EXCHANGE, KEY, &written(&sent)).unwrap(), sent);
        let ended: Vec<Event> = sent.into_iter().map(|event| Event { ended: true, ..event }).collect();
        assert_eq!(events(EXCHANGE, "personnel.staff.ended", &written(&ended)).unwrap(), ended);
    }

    #[test]
    fn a_batch_says_what_it_is() {
        let properties = properties("x".to_owned());
        assert!(is_batch(&properties) && !is_batch(&message::properties(&sample())) && !is_batch(&BasicProperties::default()));
        assert_eq!(*properties.delivery_mode(), Some(2));
    }

    #[test]
    fn a_service_cannot_speak_for_another_in_a_batch() {
        for stranger in
            [Event { aggregate: "identity.grant".to_owned(), ..sample() }, Event { aggregate: "personnel.salary".to_owned(), ..sample() }, Event { ended: true, ..sample() }]
        {
            let mut sent = numbered(9);
            sent.insert(5, stranger);
            assert!(events(EXCHANGE, KEY, &written(&sent)).unwrap_err().contains("routing key"));
            // A resync goes to a queue by its name; only the account that runs it may.
            assert_eq!(events("", "registrar.students", &written(&sent)).unwrap(), sent);
        }
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        let refused = |body: &[u8]| events(EXCHANGE, KEY, body).unwrap_err();
        assert!(refused(b"\xff").starts_with("not a batch"));
        assert_eq!(refused(b""), "a batch of 0 events");
        assert_eq!(refused(&written(&numbered(101))), "a batch of 101 events");
        assert!(refused(&written(&[Event { payload: vec![0; BYTES], ..sample() }])).ends_with("bytes"));
        let mut spoilt = Envelopes { events: numbered(8).iter().map(Event::to_envelope).collect() };
        spoilt.events[3].id = "7".to_owned();
        assert_eq!(refused(&spoilt.encode_to_vec()), "id is not a UUID");
    }

    #[test]
    fn no_event_takes_more_than_was_reckoned() {
        let long = "a".repeat(60);
        let least = Event { traceparent: None, ended: false, resync: false, payload: Vec::new(), ..sample() };
        let most = Event {
            aggregate: format!("{long}.{long}"),
            epoch: i64::MIN,
            version: -1,
            ended: true,
            occurred_at: DateTime::from_timestamp(-1_000_000_000_000, 1).unwrap(),
            payload: vec![1; BYTES],
            traceparent: Some("0".repeat(300)),
            ..sample()
        };
        for event in [least, most] {
            let taken = body(&[&event]).len();
            assert!(taken <= size(&event) && size(&event) < taken + 120, "{taken} of {}", size(&event));
        }
    }
}
