//! RESP3 pushes of Redis Enterprise and its like.

use std::time::Duration;

use athena_cache_core::backend::{Line, MaintenanceEvent, MaintenanceKind, MaintenanceSource};
use redis::Value;

/// Of an address, in bytes.
const SHOWN: usize = 256;

/// What a push says; `None` if it is about something else.
///
/// `while_connecting`: it came before the connection was used, and may tell of what is long over.
pub(super) fn event(
    name: &str,
    data: &[Value],
    while_connecting: bool,
) -> Option<MaintenanceEvent> {
    let (kind, has_time) = match name {
        "MOVING" => (MaintenanceKind::Moving { to: address(data.get(2)) }, true),
        "MIGRATING" | "FAILING_OVER" => (MaintenanceKind::FailingOver, true),
        // Its second word is slots.
        "SMIGRATING" => (MaintenanceKind::FailingOver, false),
        "MIGRATED" | "FAILED_OVER" => (MaintenanceKind::FailedOver, false),
        "SMIGRATED" => (MaintenanceKind::SlotsMoved, false),
        _ => return None,
    };
    let mut event = MaintenanceEvent::new(MaintenanceSource::Push, kind);
    event.number = number(data.first());
    let seconds = number(data.get(1)).filter(|_| has_time);
    event.lasts = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    event.is_repeated = while_connecting;
    Some(event)
}

fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Int(number) => Some(*number),
        Value::BulkString(text) => str::from_utf8(text).ok()?.parse().ok(),
        Value::SimpleString(text) => text.parse().ok(),
        _ => None,
    }
}

/// `host:port`.
fn address(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::BulkString(text) => str::from_utf8(text).ok()?,
        Value::SimpleString(text) => text.as_str(),
        _ => return None,
    };
    let (host, port) = text.rsplit_once(':')?;
    (!host.is_empty() && port.parse::<u16>().is_ok()).then(|| Line::<SHOWN>::of(text).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use MaintenanceKind as Kind;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn b28_pushes_as_servers_send_them_are_read_and_others_are_none() {
        let event = |kind, number, seconds: Option<u64>| MaintenanceEvent {
            number: Some(number),
            lasts: seconds.map(Duration::from_secs),
            ..MaintenanceEvent::new(MaintenanceSource::Push, kind)
        };
        let moving = |to: Option<&str>| Kind::Moving { to: to.map(str::to_owned) };
        let slots =
            Value::Array(vec![Value::Array(vec![text("a:1"), text("b:2"), text("1-100,205")])]);
        for (name, data, expected) in [
            (
                "MOVING",
                vec![Value::Int(7), Value::Int(15), text("b.example:6379")],
                event(moving(Some("b.example:6379")), 7, Some(15)),
            ),
            (
                "MOVING",
                vec![Value::Int(8), Value::Int(2), Value::Nil],
                event(moving(None), 8, Some(2)),
            ),
            (
                "MOVING",
                vec![Value::Int(8), Value::Int(-2), text("nonsense")],
                event(moving(None), 8, None),
            ),
            (
                "MIGRATING",
                vec![Value::Int(9), Value::Int(30)],
                event(Kind::FailingOver, 9, Some(30)),
            ),
            (
                "FAILING_OVER",
                vec![Value::Int(9), text("30")],
                event(Kind::FailingOver, 9, Some(30)),
            ),
            ("MIGRATED", vec![Value::Int(10)], event(Kind::FailedOver, 10, None)),
            ("FAILED_OVER", vec![Value::Int(11)], event(Kind::FailedOver, 11, None)),
            (
                "SMIGRATING",
                vec![Value::Int(12), text("123,789-1000")],
                event(Kind::FailingOver, 12, None),
            ),
            ("SMIGRATED", vec![Value::Int(13), slots], event(Kind::SlotsMoved, 13, None)),
        ] {
            for is_repeated in [false, true] {
                let expected = MaintenanceEvent { is_repeated, ..expected.clone() };
                assert_eq!(super::event(name, &data, is_repeated), Some(expected), "{name}");
            }
        }
        for name in ["invalidate", "message", "moving", ""] {
            assert_eq!(super::event(name, &[Value::Int(1)], false), None);
        }
        let bare = super::event("MOVING", &[], false).expect("it is one");
        assert_eq!((bare.kind, bare.number, bare.lasts), (moving(None), None, None));
    }
}
