//! What a server says without being asked.
//!
//! Invariant (coherence 2): it is heard in the driver of the connection, before any reply that came
//! later is handed to whoever waits for it. No queue in between lets an answer overtake what outdates it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use athena_cache_core::backend::Change;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;

use super::client::Client;
use super::maintenance;

/// A message on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Push {
    pub(crate) channel: String,
    pub(crate) payload: String,
}

/// What is listened to on each connection that is made to a node.
///
/// Whoever hears is called by the driver of the connection, and must never block.
#[derive(Clone)]
pub(crate) enum PushHandler {
    /// Every channel, as sentinels publish on them.
    Channels(Arc<dyn Fn(Push) + Send + Sync>),
    /// Changes of what was read on that connection; the listeners of all caches are told.
    Changes(Arc<Client>),
    /// Nothing: operators only ask.
    Nobody(SpareKind),
}

/// What a connection beside those of operations leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpareKind {
    Node,
    Sentinel,
}

impl PushHandler {
    /// Whether the connection leads to a sentinel.
    pub(super) fn is_at_sentinel(&self) -> bool {
        matches!(self, Self::Channels(_) | Self::Nobody(SpareKind::Sentinel))
    }
}

/// Whether a node serves nothing yet, or nothing any more: what happens to it is of no interest.
///
/// Coherence 2: it ends before anything is read that the node has to announce changes of. A replica that is
/// synchronized anew, say, tells everybody that it has emptied itself.
#[derive(Debug, Default)]
pub(super) struct Standby {
    is_on: AtomicBool,
    /// Whether somebody waits for an answer all the same.
    is_urged: AtomicBool,
    changed: Notify,
}

impl Standby {
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.is_urged.store(false, Ordering::Relaxed);
        self.is_on.store(true, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.is_on.store(false, Ordering::Relaxed);
        self.changed.notify_one();
    }

    pub(super) fn urge(&self) {
        self.is_urged.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Whether others may be dialed first.
    pub(super) fn is_patient(&self) -> bool {
        self.is_on() && !self.is_urged.load(Ordering::Relaxed)
    }

    /// Waits until others may not be dialed first any more.
    pub(super) async fn impatient(&self) {
        while self.is_patient() {
            self.changed.notified().await;
        }
    }
}

impl PushHandler {
    /// Hears a message of a node; of changes only those where it serves.
    ///
    /// `is_new`: the connection is not used yet.
    pub(super) fn hear(&self, info: PushInfo, standby: &Standby, is_new: bool) {
        match self {
            Self::Channels(hear) => {
                if let Some(push) = message(&info) {
                    hear(push);
                }
            }
            Self::Changes(client) => {
                if standby.is_on() {
                    return;
                }
                let notice = match message(&info) {
                    Some(push) => maintenance::published(&push.channel, &push.payload),
                    None => maintenance::pushed(&info, is_new),
                };
                let told = notice.map(|notice| Change::Maintenance(Box::new(notice)));
                if let Some(change) = told.or_else(|| change(info)) {
                    client.tell(&change);
                }
            }
            Self::Nobody(_) => {}
        }
    }
}

impl fmt::Debug for PushHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Channels(_) => "Channels",
            Self::Changes(_) => "Changes",
            Self::Nobody(_) => "Nobody",
        })
    }
}

/// The message, if it is one that came by a pattern.
pub(super) fn message(info: &PushInfo) -> Option<Push> {
    match (&info.kind, &info.data[..]) {
        (PushKind::PMessage, [_pattern, channel, payload]) => {
            Some(Push { channel: text(channel)?, payload: text(payload)? })
        }
        _ => None,
    }
}

/// The change, if it is one of names that may be ours: those are always text.
pub(super) fn change(info: PushInfo) -> Option<Change> {
    if info.kind != PushKind::Invalidate {
        return None;
    }
    match info.data.into_iter().next()? {
        // The server has emptied itself, or forgotten what it had to announce.
        Value::Nil => Some(Change::Flushed),
        Value::Array(names) => {
            let names: Vec<_> = names.into_iter().filter_map(name).collect();
            (!names.is_empty()).then_some(Change::Announced { names })
        }
        _ => None,
    }
}

fn name(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn of_a_node_that_does_not_serve_nothing_is_heard() {
        let client = Arc::new(Client::new(std::time::Duration::from_secs(1)));
        let heard: Arc<std::sync::Mutex<Vec<Change>>> = Arc::default();
        let hearing = Arc::clone(&heard);
        let listener: athena_cache_core::backend::Listener =
            Arc::new(move |change: &Change| hearing.lock().unwrap().push(change.clone()));
        client.add_listener(&listener);
        let (handler, standby) = (PushHandler::Changes(client), Standby::default());
        let changes = || [Value::Nil, Value::Array(vec![bytes("a")])];
        let hear = || {
            for data in changes() {
                let data = vec![data];
                handler.hear(PushInfo { kind: PushKind::Invalidate, data }, &standby, false);
            }
            std::mem::take(&mut *heard.lock().unwrap())
        };
        let all = [Change::Flushed, Change::Announced { names: vec!["a".to_owned()] }];
        assert_eq!(hear(), all);
        standby.begin();
        assert_eq!(hear(), []);
        standby.end();
        assert_eq!(hear(), all);
    }

    #[test]
    fn only_messages_are_heard() {
        let push = |kind, words: &[&str]| {
            message(&PushInfo { kind, data: words.iter().map(|word| bytes(word)).collect() })
        };
        let heard = Push { channel: "+sdown".into(), payload: "master m 127.0.0.1 1".into() };
        assert_eq!(push(PushKind::PMessage, &["*", "+sdown", "master m 127.0.0.1 1"]), Some(heard));
        assert_eq!(push(PushKind::PMessage, &["*", "+sdown"]), None);
        assert_eq!(push(PushKind::PSubscribe, &["*", "+sdown", "1"]), None);
        assert_eq!(push(PushKind::Disconnection, &[]), None);
    }

    #[test]
    fn names_that_changed_are_read_and_those_that_cannot_be_ours_left_out() {
        let push = |kind, data| change(PushInfo { kind, data });
        let invalidate = |data| push(PushKind::Invalidate, vec![data]);
        let names = |names: &[&str]| {
            Some(Change::Announced { names: names.iter().map(|&name| name.to_owned()).collect() })
        };
        let foreign = || Value::BulkString(vec![0xff]);
        assert_eq!(invalidate(Value::Array(vec![bytes("a")])), names(&["a"]));
        let several = vec![bytes("a"), foreign(), bytes("b"), Value::Int(1)];
        assert_eq!(invalidate(Value::Array(several)), names(&["a", "b"]));
        assert_eq!(invalidate(Value::Array(vec![foreign()])), None);
        assert_eq!(invalidate(Value::Nil), Some(Change::Flushed));
        assert_eq!(invalidate(Value::Int(1)), None);
        assert_eq!(push(PushKind::Invalidate, vec![]), None);
        assert_eq!(push(PushKind::Message, vec![Value::Nil]), None);
    }
}
