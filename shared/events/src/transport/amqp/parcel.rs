//! Which events go into one message.

use std::{borrow::Cow, collections::BTreeMap, iter, mem};

use lapin::BasicProperties;

use super::{batch, message};
use crate::Event;

/// Fewer go one by one, as CloudEvents: they cost little that way, and anybody can read them.
const FEW: usize = 8;

/// An event, and where it stands among those that were split.
type Placed<'a> = (usize, &'a Event);

/// What goes into one message: a single event, or a batch of events with the same routing key.
pub(super) struct Parcel<'a> {
    first: Placed<'a>,
    others: Vec<Placed<'a>>,
}

/// Puts the events into as few messages as the bounds of a batch allow; what would be a batch of less than eight goes one
/// by one.
pub(super) fn split(events: &[Event]) -> Vec<Parcel<'_>> {
    let mut groups: BTreeMap<(&str, bool), Vec<Placed<'_>>> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        groups.entry((&event.aggregate, event.ended)).or_default().push((place, event));
    }
    groups.into_values().flat_map(bounded).flat_map(parcels).collect()
}

/// Runs that a batch can hold.
fn bounded(group: Vec<Placed<'_>>) -> Vec<Vec<Placed<'_>>> {
    let (mut runs, mut run, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (place, event) in group {
        let size = batch::size(event);
        if run.len() == batch::MOST || bytes + size > batch::BYTES {
            runs.push(mem::take(&mut run));
            bytes = 0;
        }
        bytes += size;
        run.push((place, event));
    }
    runs.push(run);
    runs
}

fn parcels(run: Vec<Placed<'_>>) -> Vec<Parcel<'_>> {
    let many = run.len() >= FEW;
    let mut events = run.into_iter();
    if many {
        return events.next().map(|first| Parcel { first, others: events.collect() }).into_iter().collect();
    }
    events.map(|first| Parcel { first, others: Vec::new() }).collect()
}

impl Parcel<'_> {
    /// The aggregate that all its events are of.
    pub(super) fn aggregate(&self) -> &str {
        &self.first.1.aggregate
    }

    /// The routing key that all its events have.
    pub(super) fn routing_key(&self) -> String {
        self.first.1.routing_key()
    }

    /// Where its events stand among those that were split.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        iter::once(&self.first).chain(&self.others).map(|(place, _)| *place)
    }

    /// The message's id: the first event's, and how many others go with it.
    pub(super) fn id(&self) -> String {
        match self.others.len() {
            0 => self.first.1.event_id(),
            others => format!("{}+{others}", self.first.1.event_id()),
        }
    }

    /// The message's properties and its body.
    pub(super) fn message(&self) -> (BasicProperties, Cow<'_, [u8]>) {
        if self.others.is_empty() {
            return (message::properties(self.first.1), Cow::Borrowed(&self.first.1.payload));
        }
        let events: Vec<&Event> = iter::once(&self.first).chain(&self.others).map(|(_, event)| *event).collect();
        (batch::properties(self.id()), Cow::Owned(batch::body(&events)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::event::tests::sample;

    fn numbered(count: u128) -> Vec<Event> {
        (0..count).map(|n| Event { id: Uuid::from_u128(n), ..sample() }).collect()
    }

    fn counts(events: &[Event]) -> Vec<usize> {
        split(events).iter().map(|parcel| parcel.places().count()).collect()
    }

    #[test]
    fn few_events_go_one_by_one_and_many_together() {
        assert_eq!(counts(&[]), [0; 0]);
        assert_eq!(counts(&numbered(7)), [1; 7]);
        assert_eq!(counts(&numbered(8)), [8]);
        assert_eq!(counts(&numbered(250)), [100, 100, 50]);
        assert_eq!(counts(&numbered(203)), [100, 100, 1, 1, 1]);
    }

    #[test]
    fn a_batch_has_one_routing_key_and_its_events_know_their_places() {
        let mut events = numbered(30);
        for (place, event) in events.iter_mut().enumerate() {
            event.ended = place % 3 == 1;
            event.aggregate = if place % 3 == 2 { "personnel.salary" } else { "personnel.staff" }.to_owned();
        }
        let parcels = split(&events);
        let mut keys: Vec<String> = parcels.iter().map(Parcel::routing_key).collect();
        keys.sort();
        assert_eq!(keys, ["personnel.salary.changed", "personnel.staff.changed", "personnel.staff.ended"]);
        for parcel in &parcels {
            assert_eq!(parcel.places().count(), 10);
            assert!(parcel.places().all(|place| events[place].routing_key() == parcel.routing_key() && events[place].aggregate == parcel.aggregate()));
        }
    }

    #[test]
    fn the_bytes_of_a_batch_are_bounded() {
        let large = |payload: usize, count| numbered(count).into_iter().map(|event| Event { payload: vec![7; payload], ..event }).collect::<Vec<_>>();
        let events = large(10_000, 60);
        let parcels = split(&events);
        assert_eq!(parcels.iter().map(|parcel| parcel.places().count()).collect::<Vec<_>>(), [25, 25, 10]);
        assert!(parcels.iter().all(|parcel| parcel.message().1.len() <= batch::BYTES));
        assert_eq!(counts(&large(50_000, 9)), [1; 9]);
        assert_eq!(counts(&large(300_000, 9)), [1; 9]);
    }

    #[test]
    fn a_message_is_what_was_split() {
        let events = numbered(107);
        let parcels = split(&events);
        let (properties, body) = parcels[0].message();
        assert_eq!(batch::events("registrar.events", &parcels[0].routing_key(), &body).unwrap(), events[..100]);
        assert_eq!(properties.message_id().as_ref().unwrap().as_str(), format!("{}+99", events[0].event_id()));
        let (properties, body) = parcels[1].message();
        assert_eq!(message::events("registrar.events", &parcels[1].routing_key(), &properties, body.into_owned()).unwrap(), events[100..101]);
        assert_eq!(properties.message_id().as_ref().unwrap().as_str(), parcels[1].id());
    }
}
