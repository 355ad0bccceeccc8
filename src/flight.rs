//! Fetches under way: one for each key, followed by every request that asks for the same.
//!
//! A flight is *landed* when its result lies in memory. Whoever waits for it waits for a signal
//! of the runtime and then looks here. A signal without a landing means that the leader's context
//! died: nothing of its Rust side ran to the end, not even a destructor. Flights are therefore
//! never cleaned up by their leader alone: the next one to look removes what is too old.

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::rc::Rc;

/// A fetch under way, shared by its leader and its followers.
#[derive(Debug)]
pub struct Flight<S, T> {
    started_ms: u64,
    signal: OnceCell<S>,
    landing: OnceCell<T>,
    revoked: Cell<bool>,
}

impl<S: Clone, T: Clone> Flight<S, T> {
    /// Its result, once it has landed.
    #[must_use]
    pub fn landing(&self) -> Option<T> {
        self.landing.get().cloned()
    }

    /// Tells its end. `None` only between [`Flights::board`] and [`Flight::take_off`].
    #[must_use]
    pub fn signal(&self) -> Option<S> {
        self.signal.get().cloned()
    }

    /// Names the signal that followers wait for.
    pub fn take_off(&self, signal: S) {
        // A flight takes off once, right after it is boarded.
        let _ = self.signal.set(signal);
    }

    /// Whether it may not store what it brings: a successor has taken its place, or the key was
    /// purged after it began.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked.get()
    }

    /// How long it has been under way, in milliseconds.
    #[must_use]
    pub fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.started_ms)
    }
}

/// How a request takes part in a flight.
#[derive(Debug)]
pub enum Boarding<S, T> {
    /// It begins one.
    Lead(Rc<Flight<S, T>>),
    /// It joins the one that is under way.
    Follow(Rc<Flight<S, T>>),
    /// There are too many of them.
    Full,
}

/// All flights of this isolate, at most `capacity`.
#[derive(Debug)]
pub struct Flights<S, T> {
    flights: HashMap<Rc<str>, Rc<Flight<S, T>>>,
    capacity: usize,
    max_age_ms: u64,
}

impl<S: Clone, T: Clone> Flights<S, T> {
    /// A flight older than `max_age_ms` counts as lost: every wait within it has a shorter limit.
    #[must_use]
    pub fn new(capacity: usize, max_age_ms: u64) -> Self {
        Self {
            flights: HashMap::new(),
            capacity,
            max_age_ms,
        }
    }

    /// Joins the flight of `key`, or begins one.
    pub fn board(&mut self, key: &Rc<str>, now_ms: u64) -> Boarding<S, T> {
        if let Some(flight) = self.flights.get(key) {
            if flight.age_ms(now_ms) <= self.max_age_ms {
                return Boarding::Follow(Rc::clone(flight));
            }
            self.revoke(key);
        }
        if self.flights.len() >= self.capacity {
            self.remove_lost(now_ms);
        }
        if self.flights.len() >= self.capacity {
            return Boarding::Full;
        }
        let flight = Rc::new(Flight {
            started_ms: now_ms,
            signal: OnceCell::new(),
            landing: OnceCell::new(),
            revoked: Cell::new(false),
        });
        self.flights.insert(Rc::clone(key), Rc::clone(&flight));
        Boarding::Lead(flight)
    }

    /// Lands `flight` for its followers and, if it is still the one of `key`, makes room for the
    /// next. A late leader leaves its successor alone.
    pub fn land(&mut self, key: &str, flight: &Rc<Flight<S, T>>, result: T) {
        let _ = flight.landing.set(result);
        if self.is_current(key, flight) {
            self.flights.remove(key);
        }
    }

    /// Gives up `flight`, whose leader is lost, if it is still the one of `key`.
    pub fn give_up(&mut self, key: &str, flight: &Rc<Flight<S, T>>) {
        if self.is_current(key, flight) {
            self.revoke(key);
        }
    }

    /// Makes the flight of `key` store nothing, and the next request begin another.
    pub fn revoke(&mut self, key: &str) {
        if let Some(flight) = self.flights.remove(key) {
            flight.revoked.set(true);
        }
    }

    /// For how long `flight` may still be waited for, in milliseconds.
    #[must_use]
    pub fn left_ms(&self, flight: &Flight<S, T>, now_ms: u64) -> u64 {
        self.max_age_ms.saturating_sub(flight.age_ms(now_ms))
    }

    /// How many are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flights.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    fn is_current(&self, key: &str, flight: &Rc<Flight<S, T>>) -> bool {
        self.flights
            .get(key)
            .is_some_and(|current| Rc::ptr_eq(current, flight))
    }

    fn remove_lost(&mut self, now_ms: u64) {
        let max_age_ms = self.max_age_ms;
        self.flights.retain(|_, flight| {
            let lost = flight.age_ms(now_ms) > max_age_ms;
            if lost {
                flight.revoked.set(true);
            }
            !lost
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Table = Flights<(), &'static str>;

    fn lead(table: &mut Table, key: &Rc<str>, now_ms: u64) -> Rc<Flight<(), &'static str>> {
        match table.board(key, now_ms) {
            Boarding::Lead(flight) => flight,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_second_follows_the_first() {
        let (mut table, key) = (Table::new(10, 100), Rc::from("a"));
        let first = lead(&mut table, &key, 0);
        let Boarding::Follow(second) = table.board(&key, 100) else {
            panic!("did not follow");
        };
        table.land(&key, &first, "done");
        assert_eq!(second.landing(), Some("done"));
        assert!(table.is_empty());
    }

    #[test]
    fn a_late_leader_leaves_its_successor_alone() {
        let (mut table, key) = (Table::new(10, 100), Rc::from("a"));
        let late = lead(&mut table, &key, 0);
        let successor = lead(&mut table, &key, 101);
        assert!(late.is_revoked() && !successor.is_revoked());
        table.land(&key, &late, "late");
        assert_eq!((table.len(), late.landing()), (1, Some("late")));
        assert_eq!(successor.landing(), None);
        table.give_up(&key, &late);
        assert!(!successor.is_revoked());
    }

    #[test]
    fn a_revoked_flight_still_answers_those_who_wait_for_it() {
        let (mut table, key) = (Table::new(10, 100), Rc::from("a"));
        let purged = lead(&mut table, &key, 0);
        table.revoke(&key);
        assert!(purged.is_revoked());
        let fresh = lead(&mut table, &key, 0);
        table.land(&key, &purged, "old");
        assert_eq!((purged.landing(), fresh.landing()), (Some("old"), None));
    }

    #[test]
    fn a_full_table_takes_followers_and_forgets_the_lost() {
        let mut table = Table::new(2, 100);
        let keys: Vec<Rc<str>> = ["a", "b", "c"].map(Rc::from).into();
        lead(&mut table, &keys[0], 0);
        lead(&mut table, &keys[1], 50);
        assert!(matches!(table.board(&keys[2], 100), Boarding::Full));
        assert!(matches!(table.board(&keys[0], 100), Boarding::Follow(_)));
        lead(&mut table, &keys[2], 101);
        assert_eq!(table.len(), 2);
    }
}
