//! The KV writes under way, so that a purge can undo them.
//!
//! There is one write of a key at a time. With two, KV might keep the older record, and undoing a purged write might delete
//! a newer one.

use std::collections::HashMap;
use std::rc::Rc;

use super::flight::Flight;

/// The maximum number of running writes, for each flight that may be under way. With a slow KV, further writes are
/// skipped, so that memory does not grow.
const WRITES_PER_FLIGHT: usize = 4;

/// A write that has not ended after this time was cancelled: the write itself has a shorter time limit.
const WRITE_LIMIT_MS: u64 = 15_000;

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key's metadata field.
    pub metadata: String,
    /// How long KV keeps it, in seconds.
    pub ttl_s: u64,
}

/// What is left to do when a write has ended.
#[derive(Debug)]
pub enum WriteEnd<S, T> {
    /// Nothing.
    Kept,
    /// The key was purged while the write ran: delete the record.
    Purged,
    /// The key was purged while the write ran, and a later flight has a newer record: write it.
    Next(Rc<Flight<S, T>>, Write),
}

#[derive(Debug)]
struct Running<S, T> {
    flight: Rc<Flight<S, T>>,
    until_ms: u64,
    /// The record of a flight that started after a purge. It is written when this write has ended.
    next: Option<(Rc<Flight<S, T>>, Write)>,
}

/// The writes under way, by key.
#[derive(Debug)]
pub struct KvWrites<S, T> {
    running: HashMap<Rc<str>, Running<S, T>>,
    capacity: usize,
}

impl<S, T> KvWrites<S, T> {
    /// Room for the writes of `flights` flights at a time.
    #[must_use]
    pub fn new(flights: usize) -> Self {
        Self {
            running: HashMap::new(),
            capacity: flights.saturating_mul(WRITES_PER_FLIGHT),
        }
    }

    /// Returns `write` if it is to be sent now; the caller must then [end](Self::end) it.
    ///
    /// Returns `None` if `flight` is invalidated, if too many writes are under way, or if one of this key is. If that one is
    /// to be undone after a purge, `write` waits for its end.
    pub fn begin(
        &mut self,
        key: &Rc<str>,
        flight: &Rc<Flight<S, T>>,
        write: Write,
        now_ms: u64,
    ) -> Option<Write> {
        if flight.is_invalidated() {
            return None;
        }
        if self.running.len() >= self.capacity || self.running.contains_key(key) {
            self.running.retain(|_, running| running.until_ms >= now_ms);
        }
        if let Some(running) = self.running.get_mut(key) {
            if running.flight.is_invalidated() {
                running.next = Some((Rc::clone(flight), write));
            }
            return None;
        }
        if self.running.len() >= self.capacity {
            return None;
        }
        self.insert(key, flight, now_ms);
        Some(write)
    }

    /// Ends the write of `flight`.
    pub fn end(&mut self, key: &Rc<str>, flight: &Rc<Flight<S, T>>, now_ms: u64) -> WriteEnd<S, T> {
        let is_current = |running: &Running<S, T>| Rc::ptr_eq(&running.flight, flight);
        let next = if self.running.get(key).is_some_and(is_current) {
            self.running.remove(key).and_then(|running| running.next)
        } else {
            None
        };
        match next {
            Some((next, write)) => {
                self.insert(key, &next, now_ms);
                WriteEnd::Next(next, write)
            }
            None if flight.is_invalidated() => WriteEnd::Purged,
            None => WriteEnd::Kept,
        }
    }

    /// Invalidates the write of `key`: it is undone when it ends.
    pub fn invalidate(&mut self, key: &str) {
        if let Some(running) = self.running.get_mut(key) {
            running.invalidate();
        }
    }

    /// [Invalidates](Self::invalidate) the writes of all keys that begin with `prefix`.
    pub fn invalidate_prefix(&mut self, prefix: &str) {
        let running = self.running.iter_mut();
        running
            .filter(|(key, _)| key.starts_with(prefix))
            .for_each(|(_, running)| running.invalidate());
    }

    fn insert(&mut self, key: &Rc<str>, flight: &Rc<Flight<S, T>>, now_ms: u64) {
        let running = Running {
            flight: Rc::clone(flight),
            until_ms: now_ms.saturating_add(WRITE_LIMIT_MS),
            next: None,
        };
        self.running.insert(Rc::clone(key), running);
    }
}

impl<S, T> Running<S, T> {
    fn invalidate(&mut self) {
        self.flight.invalidate();
        if let Some((flight, _)) = self.next.take() {
            flight.invalidate();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestWrites = KvWrites<(), ()>;
    type TestFlight = Rc<Flight<(), ()>>;

    fn flight() -> TestFlight {
        Rc::new(Flight::new(0, 100))
    }

    fn write(metadata: &str) -> Write {
        Write {
            metadata: metadata.to_owned(),
            ttl_s: 60,
        }
    }

    fn begins(writes: &mut TestWrites, key: &Rc<str>, flight: &TestFlight, now_ms: u64) -> bool {
        writes.begin(key, flight, write(""), now_ms).is_some()
    }

    #[test]
    fn a_write_is_undone_if_its_key_was_purged_while_it_ran() {
        let (mut writes, key, flight) = (TestWrites::new(1), Rc::from("a"), flight());
        assert!(begins(&mut writes, &key, &flight, 0));
        writes.invalidate(&key);
        let end = writes.end(&key, &flight, 0);
        assert!(matches!(end, WriteEnd::Purged), "{end:?}");
        assert!(!begins(&mut writes, &key, &flight, 0), "not again");
    }

    #[test]
    fn writes_are_limited_and_lost_ones_removed() {
        let mut writes = TestWrites::new(1);
        let write = |writes: &mut TestWrites, n: usize, now_ms| {
            begins(writes, &n.to_string().into(), &flight(), now_ms)
        };
        assert!((0..WRITES_PER_FLIGHT).all(|n| write(&mut writes, n, 0)));
        assert!(!write(&mut writes, 9, WRITE_LIMIT_MS));
        assert!(write(&mut writes, 9, WRITE_LIMIT_MS + 1));
    }

    #[test]
    fn a_key_is_written_once_at_a_time_so_that_a_purge_finds_every_write() {
        let (mut writes, key) = (TestWrites::new(10), Rc::from("key"));
        let [first, second, third] = [flight(), flight(), flight()];
        assert!(begins(&mut writes, &key, &first, 0));
        assert!(!begins(&mut writes, &key, &second, 10));
        writes.invalidate(&key);
        let end = writes.end(&key, &first, 20);
        assert!(matches!(end, WriteEnd::Purged), "{end:?}");
        assert!(begins(&mut writes, &key, &third, 20));
        let end = writes.end(&key, &third, 30);
        assert!(matches!(end, WriteEnd::Kept), "{end:?}");
    }

    #[test]
    fn a_write_that_ends_after_a_purge_is_followed_by_the_newer_record() {
        let (mut writes, key) = (TestWrites::new(10), Rc::from("key"));
        let [old, new] = [flight(), flight()];
        assert!(begins(&mut writes, &key, &old, 0));
        writes.invalidate(&key);
        assert_eq!(writes.begin(&key, &new, write("new"), 10), None);
        let WriteEnd::Next(next, record) = writes.end(&key, &old, 20) else {
            panic!("the newer record is lost");
        };
        assert!(Rc::ptr_eq(&next, &new) && record == write("new"));
        // A purge finds this one as well.
        writes.invalidate(&key);
        let end = writes.end(&key, &new, 30);
        assert!(matches!(end, WriteEnd::Purged), "{end:?}");
    }

    #[test]
    fn a_second_purge_drops_the_record_that_waits() {
        let (mut writes, key) = (TestWrites::new(10), Rc::from("key"));
        let [old, new] = [flight(), flight()];
        assert!(begins(&mut writes, &key, &old, 0));
        writes.invalidate_prefix("k");
        assert!(!begins(&mut writes, &key, &new, 10));
        writes.invalidate(&key);
        assert!(new.is_invalidated());
        let end = writes.end(&key, &old, 20);
        assert!(matches!(end, WriteEnd::Purged), "{end:?}");
    }

    #[test]
    fn a_write_whose_context_was_cancelled_blocks_no_other() {
        let (mut writes, key) = (TestWrites::new(10), Rc::from("key"));
        let [lost, next] = [flight(), flight()];
        assert!(begins(&mut writes, &key, &lost, 0));
        assert!(!begins(&mut writes, &key, &next, WRITE_LIMIT_MS));
        assert!(begins(&mut writes, &key, &next, WRITE_LIMIT_MS + 1));
    }
}
