//! What a server says without being asked.

use std::fmt;
use std::sync::Arc;

use redis::{PushInfo, PushKind, Value};

/// A message on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Push {
    pub(crate) channel: String,
    pub(crate) payload: String,
}

/// Hears every channel of a node on each connection that is made to it.
#[derive(Clone)]
pub(crate) struct Ear(Arc<dyn Fn(Push) + Send + Sync>);

impl Ear {
    /// What hears is called by the driver of the connection, and must never block.
    pub(crate) fn new(hear: impl Fn(Push) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    pub(super) fn hear(&self, info: &PushInfo) {
        if let Some(push) = read(info) {
            (self.0)(push);
        }
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear")
    }
}

/// The message, if it is one that came by a pattern.
fn read(info: &PushInfo) -> Option<Push> {
    match (&info.kind, &info.data[..]) {
        (PushKind::PMessage, [_pattern, channel, payload]) => {
            Some(Push { channel: text(channel)?, payload: text(payload)? })
        }
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
    fn only_messages_are_heard() {
        let push = |kind, words: &[&str]| {
            read(&PushInfo { kind, data: words.iter().map(|word| bytes(word)).collect() })
        };
        let heard = Push { channel: "+sdown".into(), payload: "master m 127.0.0.1 1".into() };
        assert_eq!(push(PushKind::PMessage, &["*", "+sdown", "master m 127.0.0.1 1"]), Some(heard));
        assert_eq!(push(PushKind::PMessage, &["*", "+sdown"]), None);
        assert_eq!(push(PushKind::PSubscribe, &["*", "+sdown", "1"]), None);
        assert_eq!(push(PushKind::Disconnection, &[]), None);
    }
}
