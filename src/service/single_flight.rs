//! Fetches under way: one for each key, followed by every request that asks for the same.
//!
//! A flight is *landed* when its result lies in memory. Whoever waits for it waits for a signal
//! of the runtime and then looks here. A signal without a outcome means that the leader's context
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
    outcome: OnceCell<T>,
    invalidated: Cell<bool>,
}

impl<S: Clone, T: Clone> Flight<S, T> {
    /// Its result, once it has landed.
    #[must_use]
    pub fn outcome(&self) -> Option<T> {
        self.outcome.get().cloned()
    }

    /// Tells its end. `None` only between [`Flights::join`] and [`Flight::set_signal`].
    #[must_use]
    pub fn signal(&self) -> Option<S> {
        self.signal.get().cloned()
    }

    /// Names the signal that followers wait for.
    pub fn set_signal(&self, signal: S) {
        // A flight takes off once, right after it is joined.
        let _ = self.signal.set(signal);
    }

    /// Whether it may not store what it brings: a successor has taken its place, or the key was
    /// purged after it began.
    #[must_use]
    pub fn is_invalidated(&self) -> bool {
        self.invalidated.get()
    }

    /// For how long it may still be waited for, in milliseconds; `None` once it counts as lost.
    #[must_use]
    pub fn remaining_ms(&self, now_ms: u64) -> Option<u64> {
        let age_ms = now_ms.saturating_sub(self.started_ms);
        self.limit_ms.checked_sub(age_ms)
    }
}

/// How a request takes part in a flight.
#[derive(Debug)]
pub enum Join<S, T> {
    /// It begins one.
    Lead(Rc<Flight<S, T>>),
    /// It joins the one that is under way.
    Follow(Rc<Flight<S, T>>),
    /// There are too many of them.
    Full,
}

/// A record on its way to KV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key's metadata field.
    pub metadata: String,
    /// How long KV keeps it, in seconds.
    pub ttl_s: u64,
}

/// How a write ended, and what is left to do.
#[derive(Debug)]
pub enum WriteEnd<S, T> {
    /// Nothing.
    Kept,
    /// A purge came in between: what was written must be deleted.
    Purged,
    /// A purge came in between, and a later flight has a newer record, which is to be written over it.
    Next(Rc<Flight<S, T>>, Write),
}

/// A write under way. A purge leaves it here until it ends.
#[derive(Debug)]
struct Writing<S, T> {
    flight: Rc<Flight<S, T>>,
    /// Later than this its context is gone, and it does not end.
    until_ms: u64,
    /// What a flight after the purge has to write. There is one write of a key at a time: of two, KV may take the older one
    /// last, and the end of a purged one must not delete a newer record.
    next: Option<(Rc<Flight<S, T>>, Write)>,
}

impl<S, T> Writing<S, T> {
    fn invalidate(&mut self) {
        self.flight.invalidated.set(true);
        if let Some((flight, _)) = self.next.take() {
            flight.invalidated.set(true);
        }
    }
}

/// All flights of this isolate, at most `capacity`, and the writes that follow their outcome.
#[derive(Debug)]
pub struct Flights<S, T> {
    flights: Table<S, T>,
    writing: HashMap<Rc<str>, Writing<S, T>>,
    capacity: usize,
    limit_ms: u64,
}

/// For each flight that may be under way, how many landed ones may still be written to KV. A slow
/// KV then costs writes, not memory.
const WRITES_PER_FLIGHT: usize = 4;

/// A write that has not ended after this time never will: the wait for KV has a shorter limit.
const WRITE_LIMIT_MS: u64 = 15_000;

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

    /// Joins the flight of `key`, or begins one.
    pub fn join(&mut self, key: &Rc<str>, now_ms: u64) -> Join<S, T> {
        if let Some(flight) = self.flights.get(key) {
            if flight.remaining_ms(now_ms).is_some() {
                return Join::Follow(Rc::clone(flight));
            }
            self.invalidate(key);
        }
        if self.flights.len() >= self.capacity {
            remove_lost(&mut self.flights, now_ms);
        }
        if self.flights.len() >= self.capacity {
            return Join::Full;
        }
        let flight = Rc::new(Flight {
            started_ms: now_ms,
            limit_ms: self.limit_ms,
            signal: OnceCell::new(),
            outcome: OnceCell::new(),
            invalidated: Cell::new(false),
        });
        self.flights.insert(Rc::clone(key), Rc::clone(&flight));
        Join::Lead(flight)
    }

    /// Lands `flight` for its followers and, if it is still the one of `key`, makes room for the
    /// next. A late leader leaves its successor alone.
    pub fn complete(&mut self, key: &str, flight: &Rc<Flight<S, T>>, result: T) {
        let _ = flight.outcome.set(result);
        if is_current(&self.flights, key, flight) {
            self.flights.remove(key);
        }
    }

    /// Gives up `flight`, whose leader is lost, if it is still the one of `key`.
    pub fn abandon(&mut self, key: &str, flight: &Rc<Flight<S, T>>) {
        if is_current(&self.flights, key, flight) {
            self.invalidate(key);
        }
    }

    /// Makes the flight of `key` store nothing, and the next request begin another. A write that
    /// is on its way cannot be called back: whoever sent it is told when it [ends](Self::end_write).
    pub fn invalidate(&mut self, key: &str) {
        if let Some(flight) = self.flights.remove(key) {
            flight.invalidated.set(true);
        }
        if let Some(writing) = self.writing.get_mut(key) {
            writing.invalidate();
        }
    }

    /// [Revokes](Self::invalidate) the flights of all keys that begin with `prefix`.
    pub fn invalidate_prefix(&mut self, prefix: &str) {
        self.flights.retain(|key, flight| {
            let purged = key.starts_with(prefix);
            if purged {
                flight.invalidated.set(true);
            }
            !purged
        });
        let writing = self.writing.iter_mut();
        writing
            .filter(|(key, _)| key.starts_with(prefix))
            .for_each(|(_, writing)| writing.invalidate());
    }

    /// Hands `write` back if it is to be sent now, and keeps it in view until it [ends](Self::end_write).
    ///
    /// `None` if `flight` is invalidated, if too many writes are under way, or if one of this key is. If that one has to be
    /// undone for a purge, `write` waits for its end.
    pub fn begin_write(
        &mut self,
        key: &Rc<str>,
        flight: &Rc<Flight<S, T>>,
        write: Write,
        now_ms: u64,
    ) -> Option<Write> {
        if flight.is_invalidated() {
            return None;
        }
        let capacity = self.capacity.saturating_mul(WRITES_PER_FLIGHT);
        if self.writing.len() >= capacity || self.writing.contains_key(key) {
            self.writing.retain(|_, writing| writing.until_ms >= now_ms);
        }
        if let Some(writing) = self.writing.get_mut(key) {
            if writing.flight.is_invalidated() {
                writing.next = Some((Rc::clone(flight), write));
            }
            return None;
        }
        if self.writing.len() >= capacity {
            return None;
        }
        self.begin(key, flight, now_ms);
        Some(write)
    }

    fn begin(&mut self, key: &Rc<str>, flight: &Rc<Flight<S, T>>, now_ms: u64) {
        let writing = Writing {
            flight: Rc::clone(flight),
            until_ms: now_ms.saturating_add(WRITE_LIMIT_MS),
            next: None,
        };
        self.writing.insert(Rc::clone(key), writing);
    }

    /// Ends the write of `flight`.
    pub fn end_write(
        &mut self,
        key: &Rc<str>,
        flight: &Rc<Flight<S, T>>,
        now_ms: u64,
    ) -> WriteEnd<S, T> {
        let is_current = |writing: &Writing<S, T>| Rc::ptr_eq(&writing.flight, flight);
        let next = if self.writing.get(key).is_some_and(is_current) {
            self.writing.remove(key).and_then(|writing| writing.next)
        } else {
            None
        };
        match next {
            Some((next, write)) => {
                self.begin(key, &next, now_ms);
                WriteEnd::Next(next, write)
            }
            None if flight.is_invalidated() => WriteEnd::Purged,
            None => WriteEnd::Kept,
        }
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
        let lost = flight.remaining_ms(now_ms).is_none();
        if lost {
            flight.invalidated.set(true);
        }
        !lost
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestFlights = Flights<(), &'static str>;

    fn lead(table: &mut TestFlights, key: &Rc<str>, now_ms: u64) -> Rc<Flight<(), &'static str>> {
        match table.join(key, now_ms) {
            Join::Lead(flight) => flight,
            other => panic!("{other:?}"),
        }
    }

    fn write(metadata: &str) -> Write {
        Write {
            metadata: metadata.to_owned(),
            ttl_s: 60,
        }
    }

    fn begin_write(
        table: &mut TestFlights,
        key: &Rc<str>,
        flight: &Rc<Flight<(), &'static str>>,
        now_ms: u64,
    ) -> bool {
        table.begin_write(key, flight, write(""), now_ms).is_some()
    }

    #[test]
    fn the_second_follows_the_first() {
        let (mut table, key) = (TestFlights::new(10, 100), Rc::from("a"));
        let first = lead(&mut table, &key, 0);
        let Join::Follow(second) = table.join(&key, 100) else {
            panic!("did not follow");
        };
        table.complete(&key, &first, "done");
        assert_eq!(second.outcome(), Some("done"));
        assert!(table.is_empty());
    }

    #[test]
    fn a_late_leader_leaves_its_successor_alone() {
        let (mut table, key) = (TestFlights::new(10, 100), Rc::from("a"));
        let late = lead(&mut table, &key, 0);
        let successor = lead(&mut table, &key, 101);
        assert!(late.is_invalidated() && !successor.is_invalidated());
        table.complete(&key, &late, "late");
        assert_eq!((table.len(), late.outcome()), (1, Some("late")));
        assert_eq!(successor.outcome(), None);
        table.abandon(&key, &late);
        assert!(!successor.is_invalidated());
    }

    #[test]
    fn a_revoked_flight_still_answers_those_who_wait_for_it() {
        let (mut table, key) = (TestFlights::new(10, 100), Rc::from("a"));
        let purged = lead(&mut table, &key, 0);
        table.invalidate(&key);
        assert!(purged.is_invalidated());
        let fresh = lead(&mut table, &key, 0);
        table.complete(&key, &purged, "old");
        assert_eq!((purged.outcome(), fresh.outcome()), (Some("old"), None));
    }

    #[test]
    fn a_full_table_takes_followers_and_forgets_the_lost() {
        let mut table = TestFlights::new(2, 100);
        let keys: Vec<Rc<str>> = ["a", "b", "c"].map(Rc::from).into();
        lead(&mut table, &keys[0], 0);
        lead(&mut table, &keys[1], 50);
        assert!(matches!(table.join(&keys[2], 100), Join::Full));
        assert!(matches!(table.join(&keys[0], 100), Join::Follow(_)));
        lead(&mut table, &keys[2], 101);
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn a_write_learns_that_its_key_was_purged_meanwhile() {
        let (mut table, key) = (TestFlights::new(1, 100), Rc::from("a"));
        let flight = lead(&mut table, &key, 0);
        table.complete(&key, &flight, "old");
        assert!(begin_write(&mut table, &key, &flight, 0));
        table.invalidate(&key);
        let end = table.end_write(&key, &flight, 0);
        assert!(matches!(end, WriteEnd::Purged), "{end:?}");
        assert!(!begin_write(&mut table, &key, &flight, 0), "not again");
    }

    #[test]
    fn writes_are_limited_and_the_lost_ones_forgotten() {
        let mut table = TestFlights::new(1, 100);
        let write = |table: &mut TestFlights, n: usize, now_ms| {
            let key: Rc<str> = n.to_string().into();
            let flight = lead(table, &key, now_ms);
            table.complete(&key, &flight, "");
            begin_write(table, &key, &flight, now_ms)
        };
        assert!((0..WRITES_PER_FLIGHT).all(|n| write(&mut table, n, 0)));
        assert!(!write(&mut table, 9, WRITE_LIMIT_MS));
        assert!(write(&mut table, 9, WRITE_LIMIT_MS + 1));
    }

    #[test]
    fn a_key_is_written_once_at_a_time_so_that_a_purge_finds_every_write() {
        let mut table = TestFlights::new(10, 100);
        let key: Rc<str> = "key".into();
        let first = lead(&mut table, &key, 0);
        table.complete(&key, &first, "first");
        assert!(begin_write(&mut table, &key, &first, 0));
        let second = lead(&mut table, &key, 10);
        table.complete(&key, &second, "second");
        assert!(!begin_write(&mut table, &key, &second, 10));
        table.invalidate(&key);
        let end = table.end_write(&key, &first, 20);
        assert!(matches!(end, WriteEnd::Purged), "{end:?}");
        let third = lead(&mut table, &key, 20);
        assert!(begin_write(&mut table, &key, &third, 20));
        let end = table.end_write(&key, &third, 30);
        assert!(matches!(end, WriteEnd::Kept), "{end:?}");
    }

    #[test]
    fn a_write_that_ends_after_a_purge_is_followed_by_the_newer_record() {
        let mut table = TestFlights::new(10, 100);
        let key: Rc<str> = "key".into();
        let old = lead(&mut table, &key, 0);
        assert!(begin_write(&mut table, &key, &old, 0));
        table.invalidate(&key);
        let new = lead(&mut table, &key, 10);
        assert_eq!(table.begin_write(&key, &new, write("new"), 10), None);
        let WriteEnd::Next(next, record) = table.end_write(&key, &old, 20) else {
            panic!("the newer record is lost");
        };
        assert!(Rc::ptr_eq(&next, &new) && record == write("new"));
        // A purge finds this one as well.
        table.invalidate(&key);
        let end = table.end_write(&key, &new, 30);
        assert!(matches!(end, WriteEnd::Purged), "{end:?}");
    }

    #[test]
    fn a_second_purge_drops_the_record_that_waits() {
        let mut table = TestFlights::new(10, 100);
        let key: Rc<str> = "key".into();
        let old = lead(&mut table, &key, 0);
        assert!(begin_write(&mut table, &key, &old, 0));
        table.invalidate_prefix("k");
        let new = lead(&mut table, &key, 10);
        assert!(!begin_write(&mut table, &key, &new, 10));
        table.invalidate(&key);
        assert!(new.is_invalidated());
        let end = table.end_write(&key, &old, 20);
        assert!(matches!(end, WriteEnd::Purged), "{end:?}");
    }

    #[test]
    fn a_write_whose_context_is_gone_holds_up_no_other() {
        let mut table = TestFlights::new(10, 100);
        let key: Rc<str> = "key".into();
        let lost = lead(&mut table, &key, 0);
        assert!(begin_write(&mut table, &key, &lost, 0));
        let next = lead(&mut table, &key, 200);
        assert!(!begin_write(&mut table, &key, &next, WRITE_LIMIT_MS));
        assert!(begin_write(&mut table, &key, &next, WRITE_LIMIT_MS + 1));
    }

    #[test]
    fn a_prefix_revokes_all_below_it_and_nothing_beside_it() {
        let mut table = TestFlights::new(10, 100);
        let keys: Vec<Rc<str>> = ["m:a/1", "m:a/2", "m:ab/1"].map(Rc::from).into();
        let flights: Vec<_> = keys.iter().map(|key| lead(&mut table, key, 0)).collect();
        table.invalidate_prefix("m:a/");
        let invalidated: Vec<_> = flights
            .iter()
            .map(|flight| flight.is_invalidated())
            .collect();
        assert_eq!((invalidated, table.len()), (vec![true, true, false], 1));
    }
}
