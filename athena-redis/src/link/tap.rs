//! What passes over a connection, both ways, and what is told of it: which values hold up everything else.
//!
//! Whoever waits for a value may be gone long before it has arrived, or wait for another one behind it. So it is
//! told here, where the value is, and not by those who gave up alone.
//!
//! Invariant: a value that was told of as slow is told of as late when its last byte has come, or it is answered
//! that it was written, never after.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache_core::backend::Change;

use super::client::Client;
use super::flow::{ArrivingReply, Greeting, NamedValue, OutgoingValue, PresentValue};
use super::meter::{ArrivingValue, Meter, OversizedReply, Sifted};

/// The bytes of one connection, as they pass.
#[derive(Debug)]
pub(super) struct Tap {
    meter: Meter,
    greeting: Greeting,
    client: Arc<Client>,
    /// The reply that is known to be arriving: its number.
    shown: Option<u64>,
    /// Whether a large value is being written.
    is_any_outgoing: bool,
}

impl Tap {
    pub(super) fn new(max_reply: u64, greeting: Greeting, client: Arc<Client>) -> Self {
        Self { meter: Meter::new(max_reply), greeting, client, shown: None, is_any_outgoing: false }
    }

    /// Takes in what was written, and whether it had to wait until there was room.
    pub(super) fn wrote(&mut self, bytes: &[u8], had_to_wait: bool) {
        let begun = self.meter.ask(bytes);
        for sent in self.meter.take_sent() {
            self.is_any_outgoing = true;
            self.greeting.note_sent(sent, self.client.limit());
        }
        self.greeting.note_written(bytes.len(), had_to_wait, begun);
    }

    /// Takes in what has arrived, or its beginning if the answer is not all of it.
    pub(super) fn arrived(&mut self, bytes: &[u8]) -> Result<Sifted, OversizedReply> {
        let sifted = self.meter.add(bytes);
        self.greeting.note_read(self.meter.replied(), self.meter.ended());
        self.end_outgoing();
        self.follow();
        if let Err(oversized) = sifted {
            // First: whoever waits is told of the end of the connection next, and may ask again.
            self.tell_oversized(oversized);
            self.greeting.note_oversized(oversized);
        }
        sifted
    }

    /// Tells of those that were written, and took too long.
    fn end_outgoing(&mut self) {
        if !self.is_any_outgoing {
            return;
        }
        let (through, is_any) = self.greeting.take_through(self.meter.ended());
        self.is_any_outgoing = is_any;
        for OutgoingValue { value: NamedValue { name, bytes }, since, .. } in through {
            let took = since.elapsed();
            self.client.tell(&Change::Late { names: vec![name], bytes, took });
        }
    }

    /// Notes which values are arriving now, and that others are there.
    fn follow(&mut self) {
        let Self { meter, greeting, client, shown, .. } = self;
        let now = meter.arriving().map(|_| meter.ended());
        if shown.is_none() && now.is_none() {
            return;
        }
        let changes = greeting.with_arriving(|arriving| {
            let mut changes = Vec::new();
            let limit = client.limit();
            if *shown != now {
                let ended = arriving.take().and_then(|reply| reply.present);
                changes.extend(ended.into_iter().flat_map(|value| told_at_end(value, limit)));
                *arriving = now.map(|_| ArrivingReply::default());
                *shown = now;
            }
            if let (Some(reply), Some(values)) = (arriving, meter.arriving()) {
                follow_reply(reply, values, meter, limit, &mut changes);
            }
            changes
        });
        for change in &changes {
            client.tell(change);
        }
    }

    fn tell_oversized(&self, oversized: OversizedReply) {
        let value = self.meter.arriving().and_then(|_| self.meter.name(self.meter.next()));
        if let Some(name) = value {
            let value = NamedValue { name, bytes: oversized.bytes };
            self.client.tell(&slow(value, Duration::ZERO));
        }
    }
}

/// Brings what is known of a reply up to date.
fn follow_reply(
    reply: &mut ArrivingReply,
    (present, large): (Option<ArrivingValue>, &[ArrivingValue]),
    meter: &Meter,
    limit: Duration,
    changes: &mut Vec<Change>,
) {
    if reply.present.as_ref().map(|value| value.index) != present.map(|value| value.index) {
        let ended = reply.present.take();
        changes.extend(ended.into_iter().flat_map(|value| told_at_end(value, limit)));
        reply.present = present.and_then(|ArrivingValue { index, bytes, .. }| {
            let value = NamedValue { name: meter.name(index)?, bytes };
            Some(PresentValue { index, value, since: Instant::now(), is_blamed: false })
        });
    }
    for ArrivingValue { index, bytes, is_passed_over } in
        large.get(reply.seen..).unwrap_or_default()
    {
        reply.seen += 1;
        let Some(name) = meter.name(*index) else { continue };
        let value = NamedValue { name, bytes: *bytes };
        if *is_passed_over || reply.is_given_up {
            // Asked for with others again it would hold them up, or not arrive again.
            changes.push(slow(value.clone(), Duration::ZERO));
        }
        if !is_passed_over {
            let present = reply.present.as_mut().filter(|present| present.index == *index);
            if let Some(present) = present {
                present.is_blamed |= reply.is_given_up;
            }
            reply.large.push(value);
        }
    }
}

/// What is told of a value that has arrived: nothing, unless it was too slow for whoever may ask for it.
fn told_at_end(value: PresentValue, limit: Duration) -> impl Iterator<Item = Change> {
    let PresentValue { value, since, is_blamed, .. } = value;
    let took = since.elapsed();
    let is_slow = is_blamed || took >= limit;
    let blame = (is_slow && !is_blamed).then(|| slow(value.clone(), limit));
    let NamedValue { name, bytes } = value;
    let late = is_slow.then(|| Change::Late { names: vec![name], bytes, took });
    blame.into_iter().chain(late)
}

/// That a value holds up others, or would.
pub(super) fn slow(value: NamedValue, took: Duration) -> Change {
    let NamedValue { name, bytes } = value;
    Change::Slow { names: vec![name], bytes, took }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use athena_cache_core::backend::Listener;

    use super::*;
    use crate::link::flow::Passed;
    use crate::link::questions::packed;

    /// What was told of which name, with how many bytes.
    type Heard = Arc<Mutex<Vec<(&'static str, String, u64)>>>;

    fn tap(limit: Duration) -> (Tap, Greeting, Heard) {
        let (client, heard) = (Client::new(limit), Heard::default());
        let hearing = Arc::clone(&heard);
        let listener: Listener = Arc::new(move |change: &Change| {
            let (what, names, bytes) = match change {
                Change::Slow { names, bytes, .. } => ("slow", names, bytes),
                Change::Late { names, bytes, .. } => ("late", names, bytes),
                _ => panic!("nothing else is told of bytes"),
            };
            hearing.lock().unwrap().push((what, names.join(" "), *bytes));
        });
        client.add_listener(&listener);
        let greeting = Greeting::default();
        (Tap::new(64 << 20, greeting.clone(), Arc::new(client)), greeting, heard)
    }

    fn ask(tap: &mut Tap, line: &str) {
        tap.wrote(&packed(line), false);
    }

    /// Somebody gives up while bytes arrive; how many values are to blame.
    fn blame(greeting: &Greeting) -> usize {
        let passed = greeting.goes_on_since(Passed::default()).unwrap();
        greeting.blame(passed, Instant::now()).len()
    }

    fn told(heard: &Heard) -> Vec<(&'static str, String, u64)> {
        std::mem::take(&mut *heard.lock().unwrap())
    }

    fn about(what: &'static str, name: &str, bytes: u64) -> (&'static str, String, u64) {
        (what, name.to_owned(), bytes)
    }

    const LATE: Duration = Duration::from_millis(1);
    const NEVER: Duration = Duration::from_secs(3_600);

    /// One value whose bytes come over a while.
    fn arrive_slowly(tap: &mut Tap) {
        tap.arrived(b"*1\r\n$300000\r\n").unwrap();
        let begun = Instant::now();
        while begun.elapsed() <= LATE {
            std::thread::yield_now();
        }
        tap.arrived(&vec![b'x'; 300_000]).unwrap();
    }

    #[test]
    fn a_value_that_nobody_can_wait_for_is_told_of_though_nobody_waited_so_long() {
        let (mut tap, _, heard) = tap(LATE);
        ask(&mut tap, "MGET large");
        arrive_slowly(&mut tap);
        assert_eq!(told(&heard), []);
        tap.arrived(b"\r\n").unwrap();
        assert_eq!(
            told(&heard),
            [about("slow", "large", 300_000), about("late", "large", 300_000)]
        );
    }

    #[test]
    fn a_value_that_comes_in_time_is_not_told_of() {
        let (mut tap, _, heard) = tap(NEVER);
        for line in ["MGET large", "MGET small"] {
            ask(&mut tap, line);
        }
        arrive_slowly(&mut tap);
        tap.arrived(b"\r\n*1\r\n$1\r\n1\r\n").unwrap();
        assert_eq!(told(&heard), []);
    }

    #[test]
    fn a_value_that_was_given_up_is_late_when_it_is_there_and_no_other_one_is() {
        let (mut tap, greeting, heard) = tap(NEVER);
        for line in ["MGET large", "MGET other"] {
            ask(&mut tap, line);
        }
        tap.arrived(b"*1\r\n$300000\r\nx").unwrap();
        assert_eq!(blame(&greeting), 1);
        tap.arrived(&vec![b'x'; 299_999]).unwrap();
        assert_eq!(told(&heard), [], "whoever gave up has told the rest");
        tap.arrived(b"\r\n").unwrap();
        assert_eq!(told(&heard), [about("late", "large", 300_000)]);
        arrive_slowly(&mut tap);
        tap.arrived(b"\r\n").unwrap();
        assert_eq!(told(&heard), []);
    }

    /// Writes a large value as a script does, the second half of it after a wait for room.
    fn write_slowly(tap: &mut Tap, name: &str) {
        let line = format!("EVALSHA digest 2 {name} lease token {} 1000", "x".repeat(300_000));
        let bytes = packed(&line);
        let (first, second) = bytes.split_at(bytes.len() / 2);
        tap.wrote(first, false);
        let begun = Instant::now();
        while begun.elapsed() <= LATE {
            std::thread::yield_now();
        }
        tap.wrote(second, true);
    }

    #[test]
    fn a_value_that_is_written_for_too_long_is_blamed_and_late_once_that_is_answered() {
        let (mut tap, greeting, heard) = tap(LATE);
        ask(&mut tap, "PING");
        write_slowly(&mut tap, "large");
        ask(&mut tap, "PING");
        assert_eq!([blame(&greeting), blame(&greeting)], [1, 0], "it is told of once");
        tap.arrived(b"+PONG\r\n").unwrap();
        assert_eq!(told(&heard), [], "it is not through, and whoever gave up has told the rest");
        tap.arrived(b":1\r\n").unwrap();
        assert_eq!(told(&heard), [about("late", "large", 300_000)]);
        tap.arrived(b"+PONG\r\n").unwrap();
        assert_eq!(told(&heard), []);
    }

    #[test]
    fn a_value_that_is_written_in_time_or_holds_up_nobody_is_not_told_of() {
        let (mut tap, greeting, heard) = tap(NEVER);
        write_slowly(&mut tap, "large");
        assert_eq!(blame(&greeting), 0, "it has its time still");
        tap.arrived(b":1\r\n").unwrap();
        let (mut tap, _, late) = self::tap(LATE);
        write_slowly(&mut tap, "large");
        tap.arrived(b":1\r\n").unwrap();
        assert_eq!((told(&heard), told(&late)), (vec![], vec![]));
    }

    #[test]
    fn in_a_reply_that_was_given_up_large_values_are_told_of_as_they_come() {
        let (mut tap, greeting, heard) = tap(NEVER);
        ask(&mut tap, "MGET a b c");
        tap.arrived(b"*3\r\n$300000\r\nx").unwrap();
        blame(&greeting);
        tap.arrived(&vec![b'x'; 299_999]).unwrap();
        tap.arrived(b"\r\n$1\r\n1\r\n$400000\r\nx").unwrap();
        assert_eq!(told(&heard), [about("late", "a", 300_000), about("slow", "c", 400_000)]);
    }

    #[test]
    fn of_values_that_end_a_connection_or_are_passed_over_the_one_is_told_of() {
        let (mut tap, _, heard) = tap(NEVER);
        ask(&mut tap, "MGET a b c d");
        let large = 40 << 20;
        tap.arrived(format!("*4\r\n$1\r\n1\r\n${large}\r\n").as_bytes()).unwrap();
        tap.arrived(&vec![b'x'; large]).unwrap();
        let sifted = tap.arrived(format!("\r\n${large}\r\n").as_bytes()).unwrap();
        assert!(matches!(sifted, Sifted::Drop { at: 2, .. }), "{sifted:?}");
        assert_eq!(told(&heard), [about("slow", "c", large as u64)]);
        tap.arrived(&vec![b'x'; large + 2]).unwrap();
        let too_large = 65 << 20;
        let refused = tap.arrived(format!("${too_large}\r\n").as_bytes()).unwrap_err();
        assert_eq!(told(&heard), [about("slow", "d", refused.bytes)]);
    }
}
