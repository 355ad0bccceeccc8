//! Flights by key: of all requests for one image, the first leads and the others follow.
//!
//! Destructors do not run in a cancelled context, so a leader cannot be relied on to remove its flight: the next request to
//! look removes flights that are too old.

use std::collections::HashMap;
use std::rc::Rc;

use super::flight::Flight;
use super::kv_writes::KvWrites;

/// How a request takes part in a flight.
#[derive(Debug)]
pub enum Join<S, T> {
    /// It starts one.
    Lead(Rc<Flight<S, T>>),
    /// It waits for the one that is under way.
    Follow(Rc<Flight<S, T>>),
    /// There are too many of them.
    Full,
}

/// All flights of an isolate, at most `capacity`, and the KV writes that follow them.
#[derive(Debug)]
pub struct Flights<S, T> {
    flights: HashMap<Rc<str>, Rc<Flight<S, T>>>,
    pub(super) writes: KvWrites<S, T>,
    capacity: usize,
    limit_ms: u64,
}

impl<S: Clone, T: Clone> Flights<S, T> {
    /// A flight older than `limit_ms` counts as lost: everything that it waits for has shorter limits.
    #[must_use]
    pub fn new(capacity: usize, limit_ms: u64) -> Self {
        Self {
            flights: HashMap::new(),
            writes: KvWrites::new(capacity),
            capacity,
            limit_ms,
        }
    }

    /// Joins the flight of `key`, or starts one.
    pub fn join(&mut self, key: &Rc<str>, now_ms: u64) -> Join<S, T> {
        if let Some(flight) = self.flights.get(key) {
            if flight.remaining_ms(now_ms).is_some() {
                return Join::Follow(Rc::clone(flight));
            }
            self.invalidate(key);
        }
        if self.flights.len() >= self.capacity {
            self.remove_lost(now_ms);
        }
        if self.flights.len() >= self.capacity {
            return Join::Full;
        }
        let flight = Rc::new(Flight::new(now_ms, self.limit_ms));
        self.flights.insert(Rc::clone(key), Rc::clone(&flight));
        Join::Lead(flight)
    }

    /// Completes `flight` for its followers and removes it. A late leader leaves its successor's flight alone.
    pub fn complete(&mut self, key: &str, flight: &Rc<Flight<S, T>>, outcome: T) {
        flight.set_outcome(outcome);
        if self.is_current(key, flight) {
            self.flights.remove(key);
        }
    }

    /// Removes `flight`, whose leader is lost, if it is still the one of `key`.
    pub fn abandon(&mut self, key: &str, flight: &Rc<Flight<S, T>>) {
        if self.is_current(key, flight) {
            self.invalidate(key);
        }
    }

    /// Makes the flight of `key` store nothing, and the next request start another. A KV write under way cannot be
    /// cancelled: [`KvWrites::end`] says what to do when it ends.
    pub fn invalidate(&mut self, key: &str) {
        if let Some(flight) = self.flights.remove(key) {
            flight.invalidate();
        }
        self.writes.invalidate(key);
    }

    /// [Invalidates](Self::invalidate) the flights of all keys that begin with `prefix`.
    pub fn invalidate_prefix(&mut self, prefix: &str) {
        self.flights.retain(|key, flight| {
            let is_purged = key.starts_with(prefix);
            if is_purged {
                flight.invalidate();
            }
            !is_purged
        });
        self.writes.invalidate_prefix(prefix);
    }

    /// The number of flights under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flights.len()
    }

    fn is_current(&self, key: &str, flight: &Rc<Flight<S, T>>) -> bool {
        let current = self.flights.get(key);
        current.is_some_and(|current| Rc::ptr_eq(current, flight))
    }

    fn remove_lost(&mut self, now_ms: u64) {
        self.flights.retain(|_, flight| {
            let is_lost = flight.remaining_ms(now_ms).is_none();
            if is_lost {
                flight.invalidate();
            }
            !is_lost
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestFlights = Flights<(), &'static str>;

    fn lead(flights: &mut TestFlights, key: &Rc<str>, now_ms: u64) -> Rc<Flight<(), &'static str>> {
        match flights.join(key, now_ms) {
            Join::Lead(flight) => flight,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_second_request_follows_the_first() {
        let (mut flights, key) = (TestFlights::new(10, 100), Rc::from("a"));
        let first = lead(&mut flights, &key, 0);
        let Join::Follow(second) = flights.join(&key, 100) else {
            panic!("did not follow");
        };
        flights.complete(&key, &first, "done");
        assert_eq!(second.outcome(), Some("done"));
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn a_late_leader_leaves_the_flight_of_its_successor_alone() {
        let (mut flights, key) = (TestFlights::new(10, 100), Rc::from("a"));
        let late = lead(&mut flights, &key, 0);
        let successor = lead(&mut flights, &key, 101);
        assert!(late.is_invalidated() && !successor.is_invalidated());
        flights.complete(&key, &late, "late");
        assert_eq!((flights.len(), late.outcome()), (1, Some("late")));
        assert_eq!(successor.outcome(), None);
        flights.abandon(&key, &late);
        assert!(!successor.is_invalidated());
    }

    #[test]
    fn an_invalidated_flight_still_answers_the_requests_that_wait_for_it() {
        let (mut flights, key) = (TestFlights::new(10, 100), Rc::from("a"));
        let purged = lead(&mut flights, &key, 0);
        flights.invalidate(&key);
        assert!(purged.is_invalidated());
        let fresh = lead(&mut flights, &key, 0);
        flights.complete(&key, &purged, "old");
        assert_eq!((purged.outcome(), fresh.outcome()), (Some("old"), None));
    }

    #[test]
    fn a_full_table_takes_followers_and_removes_lost_flights() {
        let mut flights = TestFlights::new(2, 100);
        let keys: Vec<Rc<str>> = ["a", "b", "c"].map(Rc::from).into();
        lead(&mut flights, &keys[0], 0);
        lead(&mut flights, &keys[1], 50);
        assert!(matches!(flights.join(&keys[2], 100), Join::Full));
        assert!(matches!(flights.join(&keys[0], 100), Join::Follow(_)));
        lead(&mut flights, &keys[2], 101);
        assert_eq!(flights.len(), 2);
    }

    #[test]
    fn a_prefix_invalidates_the_flights_below_it_and_no_others() {
        let mut flights = TestFlights::new(10, 100);
        let keys: Vec<Rc<str>> = ["m:a/1", "m:a/2", "m:ab/1"].map(Rc::from).into();
        let started: Vec<_> = keys.iter().map(|key| lead(&mut flights, key, 0)).collect();
        flights.invalidate_prefix("m:a/");
        let invalidated: Vec<_> = started
            .iter()
            .map(|flight| flight.is_invalidated())
            .collect();
        assert_eq!((invalidated, flights.len()), (vec![true, true, false], 1));
    }
}
