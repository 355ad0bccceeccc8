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
    limit_ms: u64,
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

    /// For how long it may still be waited for, in milliseconds; `None` once it counts as lost.
    #[must_use]
    pub fn left_ms(&self, now_ms: u64) -> Option<u64> {
        let age_ms = now_ms.saturating_sub(self.started_ms);
        self.limit_ms.checked_sub(age_ms)
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

/// All flights of this isolate, at most `capacity`, and the writes that follow their landing.
#[derive(Debug)]
pub struct Flights<S, T> {
    flights: Table<S, T>,
    writing: Table<S, T>,
    capacity: usize,
    limit_ms: u64,
}

/// For each flight that may be under way, how many landed ones may still be written to KV. A slow
/// KV then costs writes, not memory.
const WRITES_PER_FLIGHT: usize = 4;

impl<S: Clone, T: Clone> Flights<S, T> {
    /// A flight older than `limit_ms` counts as lost: what it waits for has shorter limits.
    #[must_use]
    pub fn new(capacity: usize, limit_ms: u64) -> Self {
        Self {
            flights: HashMap::new(),
            writing: HashMap::new(),
            capacity,
            limit_ms,
        }
    }

    /// Joins the flight of `key`, or begins one that may have to queue for `queue_ms`.
    pub fn board(&mut self, key: &Rc<str>, now_ms: u64, queue_ms: u64) -> Boarding<S, T> {
        if let Some(flight) = self.flights.get(key) {
            if flight.left_ms(now_ms).is_some() {
                return Boarding::Follow(Rc::clone(flight));
            }
            self.revoke(key);
        }
        if self.flights.len() >= self.capacity {
            remove_lost(&mut self.flights, now_ms);
        }
        if self.flights.len() >= self.capacity {
            return Boarding::Full;
        }
        let flight = Rc::new(Flight {
            started_ms: now_ms,
            limit_ms: self.limit_ms.saturating_add(queue_ms),
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
        if is_current(&self.flights, key, flight) {
            self.flights.remove(key);
        }
    }

    /// Gives up `flight`, whose leader is lost, if it is still the one of `key`.
    pub fn give_up(&mut self, key: &str, flight: &Rc<Flight<S, T>>) {
        if is_current(&self.flights, key, flight) {
            self.revoke(key);
        }
    }

    /// Makes the flight of `key` store nothing, and the next request begin another. A write that
    /// is on its way cannot be called back: whoever sent it is told when it [ends](Self::end_write).
    pub fn revoke(&mut self, key: &str) {
        for table in [&mut self.flights, &mut self.writing] {
            if let Some(flight) = table.remove(key) {
                flight.revoked.set(true);
            }
        }
    }

    /// [Revokes](Self::revoke) the flights of all keys that begin with `prefix`.
    pub fn revoke_prefix(&mut self, prefix: &str) {
        for table in [&mut self.flights, &mut self.writing] {
            table.retain(|key, flight| {
                let purged = key.starts_with(prefix);
                if purged {
                    flight.revoked.set(true);
                }
                !purged
            });
        }
    }

    /// Keeps `flight` in view while its result is written. `false` where it may not be, because it
    /// is revoked, too many writes are on their way, or one of this key is: a purge that comes has to
    /// find each of them.
    pub fn begin_write(&mut self, key: &Rc<str>, flight: &Rc<Flight<S, T>>, now_ms: u64) -> bool {
        let capacity = self.capacity.saturating_mul(WRITES_PER_FLIGHT);
        if self.writing.len() >= capacity {
            remove_lost(&mut self.writing, now_ms);
        }
        let is_written = |flight: &Rc<Flight<S, T>>| flight.left_ms(now_ms).is_some();
        let may = !flight.is_revoked()
            && self.writing.len() < capacity
            && !self.writing.get(key).is_some_and(is_written);
        if may && let Some(lost) = self.writing.insert(Rc::clone(key), Rc::clone(flight)) {
            lost.revoked.set(true);
        }
        may
    }

    /// Ends a write. `false` where the flight was revoked meanwhile: what was written must go.
    pub fn end_write(&mut self, key: &str, flight: &Rc<Flight<S, T>>) -> bool {
        if is_current(&self.writing, key, flight) {
            self.writing.remove(key);
        }
        !flight.is_revoked()
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
}

type Table<S, T> = HashMap<Rc<str>, Rc<Flight<S, T>>>;

fn is_current<S, T>(table: &Table<S, T>, key: &str, flight: &Rc<Flight<S, T>>) -> bool {
    table
        .get(key)
        .is_some_and(|current| Rc::ptr_eq(current, flight))
}

fn remove_lost<S: Clone, T: Clone>(table: &mut Table<S, T>, now_ms: u64) {
    table.retain(|_, flight| {
        let lost = flight.left_ms(now_ms).is_none();
        if lost {
            flight.revoked.set(true);
        }
        !lost
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestFlights = Flights<(), &'static str>;

    fn lead(table: &mut TestFlights, key: &Rc<str>, now_ms: u64) -> Rc<Flight<(), &'static str>> {
        match table.board(key, now_ms, 0) {
            Boarding::Lead(flight) => flight,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_second_follows_the_first() {
        let (mut table, key) = (TestFlights::new(10, 100), Rc::from("a"));
        let first = lead(&mut table, &key, 0);
        let Boarding::Follow(second) = table.board(&key, 100, 0) else {
            panic!("did not follow");
        };
        table.land(&key, &first, "done");
        assert_eq!(second.landing(), Some("done"));
        assert!(table.is_empty());
    }

    #[test]
    fn a_late_leader_leaves_its_successor_alone() {
        let (mut table, key) = (TestFlights::new(10, 100), Rc::from("a"));
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
        let (mut table, key) = (TestFlights::new(10, 100), Rc::from("a"));
        let purged = lead(&mut table, &key, 0);
        table.revoke(&key);
        assert!(purged.is_revoked());
        let fresh = lead(&mut table, &key, 0);
        table.land(&key, &purged, "old");
        assert_eq!((purged.landing(), fresh.landing()), (Some("old"), None));
    }

    #[test]
    fn a_full_table_takes_followers_and_forgets_the_lost() {
        let mut table = TestFlights::new(2, 100);
        let keys: Vec<Rc<str>> = ["a", "b", "c"].map(Rc::from).into();
        lead(&mut table, &keys[0], 0);
        lead(&mut table, &keys[1], 50);
        assert!(matches!(table.board(&keys[2], 100, 0), Boarding::Full));
        assert!(matches!(table.board(&keys[0], 100, 0), Boarding::Follow(_)));
        lead(&mut table, &keys[2], 101);
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn a_write_learns_that_its_key_was_purged_meanwhile() {
        let (mut table, key) = (TestFlights::new(1, 100), Rc::from("a"));
        let flight = lead(&mut table, &key, 0);
        table.land(&key, &flight, "old");
        assert!(table.begin_write(&key, &flight, 0));
        table.revoke(&key);
        assert!(!table.end_write(&key, &flight));
        assert!(
            !table.begin_write(&key, &flight, 0),
            "nor is it written again"
        );
    }

    #[test]
    fn writes_are_limited_and_the_lost_ones_forgotten() {
        let mut table = TestFlights::new(1, 100);
        let write = |table: &mut TestFlights, n: usize, now_ms| {
            let key: Rc<str> = n.to_string().into();
            let flight = lead(table, &key, now_ms);
            table.land(&key, &flight, "");
            table.begin_write(&key, &flight, now_ms)
        };
        assert!((0..WRITES_PER_FLIGHT).all(|n| write(&mut table, n, 0)));
        assert!(!write(&mut table, 9, 100));
        assert!(write(&mut table, 9, 101));
    }

    #[test]
    fn a_flight_that_has_to_queue_is_waited_for_longer() {
        let (mut table, key) = (TestFlights::new(10, 100), Rc::from("a"));
        let Boarding::Lead(flight) = table.board(&key, 0, 50) else {
            panic!("did not lead");
        };
        assert_eq!(flight.left_ms(150), Some(0));
        assert_eq!(flight.left_ms(151), None);
    }

    #[test]
    fn a_key_is_written_once_at_a_time_so_that_a_purge_finds_every_write() {
        let mut table = TestFlights::new(10, 100);
        let key: Rc<str> = "key".into();
        let first = lead(&mut table, &key, 0);
        table.land(&key, &first, "first");
        assert!(table.begin_write(&key, &first, 0));
        let second = lead(&mut table, &key, 10);
        table.land(&key, &second, "second");
        assert!(!table.begin_write(&key, &second, 10));
        table.revoke(&key);
        assert!(!table.end_write(&key, &first), "what was written must go");
        // One that is lost holds up no other, and is undone should it end after all.
        let slow = lead(&mut table, &key, 20);
        assert!(table.begin_write(&key, &slow, 20));
        let next = lead(&mut table, &key, 200);
        assert!(table.begin_write(&key, &next, 200));
        assert!(!table.end_write(&key, &slow));
        assert!(table.end_write(&key, &next));
    }

    #[test]
    fn a_prefix_revokes_all_below_it_and_nothing_beside_it() {
        let mut table = TestFlights::new(10, 100);
        let keys: Vec<Rc<str>> = ["m:a/1", "m:a/2", "m:ab/1"].map(Rc::from).into();
        let flights: Vec<_> = keys.iter().map(|key| lead(&mut table, key, 0)).collect();
        table.revoke_prefix("m:a/");
        let revoked: Vec<_> = flights.iter().map(|flight| flight.is_revoked()).collect();
        assert_eq!((revoked, table.len()), (vec![true, true, false], 1));
    }
}
