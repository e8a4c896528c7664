//! The event itself.

use chrono::{DateTime, SecondsFormat, Utc};
use prost::Message;
use uuid::Uuid;

use crate::{ApplyError, contracts::envelope::Envelope};

/// A state-transfer event: the aggregate's state at (epoch, version).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The aggregate's name, `<service>.<aggregate>`, such as `personnel.staff`.
    pub aggregate: String,
    /// The aggregate's id.
    pub id: Uuid,
    /// The tenant it belongs to.
    pub tenant_id: Uuid,
    /// The generation of the owner's database.
    pub epoch: i64,
    /// The aggregate's version within the generation.
    pub version: i64,
    /// Whether the aggregate has ended; the copy keeps a tombstone.
    pub ended: bool,
    /// When the state came about.
    pub occurred_at: DateTime<Utc>,
    /// The aggregate's contract, encoded as protobuf.
    pub payload: Vec<u8>,
    /// The trace that caused it (W3C Trace Context).
    pub traceparent: Option<String>,
    /// Sent to mend a copy: also written over an equal version.
    pub resync: bool,
}

impl Event {
    /// `<aggregate>/<id>/<epoch>.<version>`: the same state has the same id, however often it is sent.
    #[must_use]
    pub fn event_id(&self) -> String {
        format!("{}/{}/{}.{}", self.aggregate, self.id, self.epoch, self.version)
    }

    /// `<aggregate>.changed`, or `<aggregate>.ended`.
    #[must_use]
    pub fn routing_key(&self) -> String {
        let verb = if self.ended { "ended" } else { "changed" };
        format!("{}.{verb}", self.aggregate)
    }

    /// The service that owns the aggregate.
    #[must_use]
    pub fn service(&self) -> &str {
        self.aggregate.split('.').next().unwrap_or_default()
    }

    /// The place of this state among the aggregate's states.
    #[must_use]
    pub fn order(&self) -> (i64, i64) {
        (self.epoch, self.version)
    }

    /// Whether it takes the place of `other`, a state of the same aggregate: newer, or equal and meant to mend.
    #[must_use]
    pub fn supersedes(&self, other: &Event) -> bool {
        (self.order(), self.resync) > (other.order(), other.resync)
    }

    /// The payload as its contract.
    ///
    /// # Errors
    /// [`ApplyError::Poison`] when it is not one.
    pub fn decode<M: Message + Default>(&self) -> Result<M, ApplyError> {
        M::decode(self.payload.as_slice()).map_err(|error| ApplyError::Poison(format!("the payload is not a {}: {error}", self.aggregate)))
    }

    /// The whole event as bytes (the `Envelope` contract), for parked rows and the internal pull.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_envelope().encode_to_vec()
    }

    /// Reads what [`Event::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ApplyError::Poison`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ApplyError> {
        Envelope::decode(bytes).map_err(|error| ApplyError::Poison(format!("not an envelope: {error}"))).and_then(Event::from_envelope)
    }

    /// The whole event as its contract.
    #[must_use]
    pub fn to_envelope(&self) -> Envelope {
        Envelope {
            aggregate: self.aggregate.clone(),
            id: self.id.to_string(),
            tenant_id: self.tenant_id.to_string(),
            epoch: self.epoch,
            version: self.version,
            ended: self.ended,
            occurred_at: self.occurred_at.to_rfc3339_opts(SecondsFormat::Nanos, true),
            payload: self.payload.clone(),
            traceparent: self.traceparent.clone(),
            resync: self.resync,
        }
    }

    /// The event that an envelope holds.
    ///
    /// # Errors
    /// [`ApplyError::Poison`] naming the field that is malformed.
    pub fn from_envelope(envelope: Envelope) -> Result<Self, ApplyError> {
        let event = Event {
            id: uuid("id", &envelope.id)?,
            tenant_id: uuid("tenant_id", &envelope.tenant_id)?,
            epoch: envelope.epoch,
            version: envelope.version,
            ended: envelope.ended,
            occurred_at: time(&envelope.occurred_at)?,
            payload: envelope.payload,
            traceparent: envelope.traceparent,
            resync: envelope.resync,
            aggregate: envelope.aggregate,
        };
        if is_aggregate(&event.aggregate) { Ok(event) } else { Err(ApplyError::Poison("malformed aggregate".to_owned())) }
    }
}

/// Whether `name` is `<service>.<aggregate>` in lower-case words of at most 60 characters each.
pub(crate) fn is_aggregate(name: &str) -> bool {
    let word = |part: &str| (1..=60).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    name.split_once('.').is_some_and(|(service, aggregate)| word(service) && word(aggregate))
}

fn uuid(field: &str, text: &str) -> Result<Uuid, ApplyError> {
    text.parse().map_err(|_| ApplyError::Poison(format!("{field} is not a UUID")))
}

fn time(text: &str) -> Result<DateTime<Utc>, ApplyError> {
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| ApplyError::Poison("occurred_at is not a time".to_owned()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contracts::identity::Heartbeat;

    pub(crate) fn sample() -> Event {
        Event {
            aggregate: "personnel.staff".to_owned(),
            id: Uuid::from_u128(7),
            tenant_id: Uuid::from_u128(1),
            epoch: 2,
            version: 5,
            ended: false,
            occurred_at: DateTime::from_timestamp(1_760_000_000, 123_456_789).unwrap(),
            payload: Heartbeat { as_of: "2025-10-09T08:53:20Z".to_owned() }.encode_to_vec(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            resync: true,
        }
    }

    #[test]
    fn an_event_survives_the_round_trip() {
        let event = sample();
        assert_eq!(Event::from_bytes(&event.to_bytes()).unwrap(), event);
        assert_eq!(event.decode::<Heartbeat>().unwrap().as_of, "2025-10-09T08:53:20Z");
    }

    #[test]
    fn names_follow_from_the_state() {
        let mut event = sample();
        assert_eq!(event.event_id(), "personnel.staff/00000000-0000-0000-0000-000000000007/2.5");
        assert_eq!(event.routing_key(), "personnel.staff.changed");
        event.ended = true;
        assert_eq!(event.routing_key(), "personnel.staff.ended");
        assert_eq!(event.service(), "personnel");
    }

    #[test]
    fn what_is_no_event_is_poison() {
        let mut wrong = vec![b"\xff".to_vec(), Vec::new()];
        for spoil in [
            |e: &mut Envelope| e.id = "7".to_owned(),
            |e: &mut Envelope| e.occurred_at = "yesterday".to_owned(),
            |e: &mut Envelope| e.aggregate = "staff".to_owned(),
            |e: &mut Envelope| e.aggregate = "personnel.staff.changed".to_owned(),
            |e: &mut Envelope| e.aggregate = "personnel.st\0aff".to_owned(),
        ] {
            let mut envelope = sample().to_envelope();
            spoil(&mut envelope);
            wrong.push(envelope.encode_to_vec());
        }
        for bytes in wrong {
            assert!(matches!(Event::from_bytes(&bytes), Err(ApplyError::Poison(_))), "{bytes:?}");
        }
        let mut event = sample();
        event.payload = vec![0xff];
        assert!(matches!(event.decode::<Heartbeat>(), Err(ApplyError::Poison(_))));
    }

    #[test]
    fn newer_supersedes_older_and_an_epoch_outweighs_every_version() {
        let at = |epoch, version, resync| Event { epoch, version, resync, ..sample() };
        assert!(at(1, 2, false).supersedes(&at(1, 1, true)));
        assert!(at(2, 1, false).supersedes(&at(1, 9, true)));
        assert!(at(1, 1, true).supersedes(&at(1, 1, false)));
        assert!(!at(1, 1, false).supersedes(&at(1, 1, false)));
    }
}
