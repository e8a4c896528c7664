//! An event as an AMQP message: CloudEvents 1.0 in binary mode, so that other vendors' software can read it too.
//!
//! The body is the payload, the attributes are headers `cloudEvents:*`. What orders events has no place among
//! CloudEvents' own attributes (their integers have 32 bits) and is in headers `registrar-*`.

use chrono::{DateTime, SecondsFormat};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, LongString, ShortString},
};
use uuid::Uuid;

use super::{EXCHANGE, batch};
use crate::{Event, event::is_aggregate};

const CONTENT_TYPE: &str = "application/protobuf";
const TYPE_PREFIX: &str = "edu.registrar.";
/// The delivery mode of what outlives the broker's process.
pub(super) const PERSISTENT: u8 = 2;

const SPEC_VERSION: &str = "cloudEvents:specversion";
const ID: &str = "cloudEvents:id";
const SOURCE: &str = "cloudEvents:source";
const TYPE: &str = "cloudEvents:type";
const TIME: &str = "cloudEvents:time";
const SUBJECT: &str = "cloudEvents:subject";
const TRACEPARENT: &str = "traceparent";
const TENANT: &str = "registrar-tenant";
const EPOCH: &str = "registrar-epoch";
const VERSION: &str = "registrar-version";
const RESYNC: &str = "registrar-resync";

/// A name for the protocol; names longer than its 255 bytes, of which we have none, become empty, which the broker refuses.
pub(super) fn short(text: String) -> ShortString {
    ShortString::try_new(text).unwrap_or_default()
}

/// The event's properties; its payload is the body.
pub(super) fn properties(event: &Event) -> BasicProperties {
    let mut headers = FieldTable::default();
    let mut put = |key: &str, value: AMQPValue| {
        headers.insert(ShortString::from(key), value);
    };
    put(SPEC_VERSION, text("1.0"));
    put(ID, text(&event.event_id()));
    put(SOURCE, text(&format!("/registrar/{}", event.service())));
    put(TYPE, text(&format!("{TYPE_PREFIX}{}", event.routing_key())));
    put(TIME, text(&event.occurred_at.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
    put(SUBJECT, text(&event.id.to_string()));
    put(TENANT, text(&event.tenant_id.to_string()));
    put(EPOCH, AMQPValue::LongLongInt(event.epoch));
    put(VERSION, AMQPValue::LongLongInt(event.version));
    if event.resync {
        put(RESYNC, AMQPValue::Boolean(true));
    }
    if let Some(traceparent) = &event.traceparent {
        put(TRACEPARENT, text(traceparent));
    }
    BasicProperties::default().with_content_type(ShortString::from(CONTENT_TYPE)).with_delivery_mode(PERSISTENT).with_message_id(short(event.event_id())).with_headers(headers)
}

/// The events in a message, a single one or a batch, or what is wrong with the message.
pub(super) fn events(exchange: &str, routing_key: &str, properties: &BasicProperties, body: Vec<u8>) -> Result<Vec<Event>, String> {
    if batch::is_batch(properties) { batch::events(exchange, routing_key, &body) } else { event(exchange, routing_key, properties, body).map(|event| vec![event]) }
}

/// The event in a message, or what is wrong with the message. The routing key must agree with the type: permissions
/// are given by routing key, so that a service cannot speak for another one.
fn event(exchange: &str, routing_key: &str, properties: &BasicProperties, payload: Vec<u8>) -> Result<Event, String> {
    let headers = properties.headers().as_ref().ok_or("no headers")?;
    let kind = string(headers, TYPE)?.strip_prefix(TYPE_PREFIX).ok_or("not a type of ours")?;
    let (aggregate, ended) = match kind.rsplit_once('.') {
        Some((aggregate, "changed")) => (aggregate, false),
        Some((aggregate, "ended")) => (aggregate, true),
        _ => return Err("an unknown type".to_owned()),
    };
    if !is_aggregate(aggregate) {
        return Err("a malformed type".to_owned());
    }
    if exchange == EXCHANGE && routing_key != kind {
        return Err("the type is not the routing key".to_owned());
    }
    Ok(Event {
        aggregate: aggregate.to_owned(),
        id: uuid(headers, SUBJECT)?,
        tenant_id: uuid(headers, TENANT)?,
        epoch: integer(headers, EPOCH)?,
        version: integer(headers, VERSION)?,
        ended,
        occurred_at: DateTime::parse_from_rfc3339(string(headers, TIME)?).map_err(|_| format!("{TIME} is not a time"))?.to_utc(),
        payload,
        traceparent: string(headers, TRACEPARENT).ok().map(str::to_owned),
        resync: matches!(headers.inner().get(RESYNC), Some(AMQPValue::Boolean(true))),
    })
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

fn string<'a>(headers: &'a FieldTable, key: &str) -> Result<&'a str, String> {
    match headers.inner().get(key) {
        Some(AMQPValue::LongString(value)) => std::str::from_utf8(value.as_bytes()).map_err(|_| format!("{key} is not text")),
        _ => Err(format!("no {key}")),
    }
}

fn uuid(headers: &FieldTable, key: &str) -> Result<Uuid, String> {
    string(headers, key)?.parse().map_err(|_| format!("{key} is not a UUID"))
}

fn integer(headers: &FieldTable, key: &str) -> Result<i64, String> {
    match headers.inner().get(key) {
        Some(AMQPValue::LongLongInt(value)) => Ok(*value),
        Some(AMQPValue::LongInt(value)) => Ok(i64::from(*value)),
        _ => Err(format!("no {key}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::sample;

    #[test]
    fn an_event_survives_the_round_trip() {
        for ended in [false, true] {
            for traceparent in [None, sample().traceparent] {
                let sent = Event { ended, traceparent, resync: ended, ..sample() };
                let received = event(EXCHANGE, &sent.routing_key(), &properties(&sent), sent.payload.clone()).unwrap();
                assert_eq!(received, sent);
            }
        }
    }

    #[test]
    fn a_message_speaks_cloud_events() {
        let properties = properties(&sample());
        let headers = properties.headers().as_ref().unwrap();
        assert_eq!(string(headers, "cloudEvents:specversion").unwrap(), "1.0");
        assert_eq!(string(headers, "cloudEvents:source").unwrap(), "/registrar/personnel");
        assert_eq!(string(headers, "cloudEvents:type").unwrap(), "edu.registrar.personnel.staff.changed");
        assert_eq!(string(headers, "cloudEvents:subject").unwrap(), sample().id.to_string());
        assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/protobuf");
    }

    #[test]
    fn a_service_cannot_speak_for_another() {
        let grant = Event { aggregate: "identity.grant".to_owned(), ..sample() };
        assert!(event(EXCHANGE, "personnel.staff.changed", &properties(&grant), Vec::new()).is_err());
        assert!(event("", "registrar.students", &properties(&grant), Vec::new()).is_ok());
    }

    #[test]
    fn what_is_no_event_is_refused_by_name() {
        assert_eq!(event(EXCHANGE, "x", &BasicProperties::default(), Vec::new()).unwrap_err(), "no headers");
        let with = |key: &str, value: AMQPValue| {
            let sent = properties(&sample());
            let mut headers = sent.headers().clone().unwrap();
            headers.insert(ShortString::from(key), value);
            event(EXCHANGE, &sample().routing_key(), &sent.with_headers(headers), Vec::new()).unwrap_err()
        };
        assert_eq!(with(EPOCH, text("1")), format!("no {EPOCH}"));
        assert_eq!(with(SUBJECT, text("1")), format!("{SUBJECT} is not a UUID"));
        assert_eq!(with(TIME, text("1")), format!("{TIME} is not a time"));
        assert_eq!(with(TYPE, text("edu.registrar.personnel.staff.exploded")), "an unknown type");
        assert_eq!(with(TYPE, text("com.example.thing")), "not a type of ours");
    }
}
