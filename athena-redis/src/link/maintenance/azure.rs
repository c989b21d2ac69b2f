//! Messages on the channel `AzureRedisEvents`: pairs of keys and values, all parted by `|`.

use std::time::{Duration, SystemTime};

use athena_cache_core::backend::{Line, MaintenanceEvent, MaintenanceKind, MaintenanceSource};

/// The channel that they come on.
pub(super) const CHANNEL: &str = "AzureRedisEvents";
/// Of a type that is not known, in bytes.
const SHOWN: usize = 64;

/// What a message says, as of now by the machine's clock.
///
/// Unknown keys are passed over, a value that cannot be read leaves its field empty, and a key without a value ends
/// the message.
pub(super) fn event(message: &str, now: SystemTime) -> MaintenanceEvent {
    let unknown = MaintenanceKind::Unknown(String::new());
    let mut event = MaintenanceEvent::new(MaintenanceSource::AzureChannel, unknown);
    let mut words = message.split('|');
    while let (Some(key), Some(value)) = (words.next(), words.next()) {
        match key {
            "NotificationType" => event.kind = kind(value),
            "StartTimeInUTC" => event.starts_in = until(value, now),
            "IsReplica" => event.is_replica = value.to_ascii_lowercase().parse().ok(),
            "IPAddress" => event.node = (!value.is_empty()).then(|| shown(value)),
            "SSLPort" | "NonSSLPort" => event.ports.extend(value.parse::<u32>().ok()),
            _ => {}
        }
    }
    event
}

fn kind(text: &str) -> MaintenanceKind {
    match text {
        "NodeMaintenanceScheduled" => MaintenanceKind::Scheduled,
        "NodeMaintenanceStarting" => MaintenanceKind::Starting,
        "NodeMaintenanceStart" => MaintenanceKind::Imminent,
        // The second is its name of before.
        "NodeMaintenanceFailoverComplete" | "NodeMaintenanceFailover" => {
            MaintenanceKind::FailedOver
        }
        "NodeMaintenanceEnded" => MaintenanceKind::Ended,
        "NodeMaintenanceScaleComplete" => MaintenanceKind::TopologyChanged,
        other => MaintenanceKind::Unknown(shown(other)),
    }
}

/// In how long a time comes that is written without a zone.
fn until(text: &str, now: SystemTime) -> Option<Duration> {
    let at = humantime::parse_rfc3339_weak(text).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

fn shown(text: &str) -> String {
    Line::<SHOWN>::of(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use MaintenanceKind as Kind;

    fn now() -> SystemTime {
        humantime::parse_rfc3339_weak("2021-03-02T23:26:37").expect("it is a time")
    }

    fn read(message: &str) -> MaintenanceEvent {
        event(message, now())
    }

    fn of(kind: Kind) -> MaintenanceEvent {
        MaintenanceEvent::new(MaintenanceSource::AzureChannel, kind)
    }

    #[test]
    fn b28_messages_as_the_service_sends_them_are_read_and_those_that_are_broken_as_far_as_they_go()
    {
        let unknown = |text: &str| of(Kind::Unknown(text.into()));
        let starts_in = Some(Duration::from_secs(20));
        let ports = vec![15_001, 13_001];
        let starting = MaintenanceEvent { starts_in, ..of(Kind::Starting) };
        let primary =
            |event| MaintenanceEvent { is_replica: Some(false), ports: ports.clone(), ..event };
        for (message, expected) in [
            (
                "NotificationType|NodeMaintenanceStarting|StartTimeInUTC|2021-03-02T23:26:57|IsReplica|False|IPAddress||SSLPort|15001|NonSSLPort|13001",
                primary(starting.clone()),
            ),
            (
                "NotificationType|NodeMaintenanceFailover|StartTimeInUTC||IsReplica|False|IPAddress||SSLPort|15001|NonSSLPort|13001",
                primary(of(Kind::FailedOver)),
            ),
            (
                "NotificationType|NodeMaintenanceFailoverComplete|StartTimeInUTC||IsReplica|False|IPAddress||SSLPort|15001|NonSSLPort|13001",
                primary(of(Kind::FailedOver)),
            ),
            (
                "NotificationType|NodeMaintenanceStarting|StartTimeInUTC|2021-03-02T23:26:57|IsReplica|j|IPAddress||SSLPort|char|NonSSLPort|char",
                starting.clone(),
            ),
            (
                "NotificationType|NodeMaintenanceStarting|somejunkkey|somejunkvalue|StartTimeInUTC|2021-03-02T23:26:57|IsReplica|False|IPAddress|127.0.0.1|SSLPort|15999|NonSSLPort|139991",
                MaintenanceEvent {
                    is_replica: Some(false),
                    node: Some("127.0.0.1".into()),
                    ports: vec![15_999, 139_991],
                    ..starting.clone()
                },
            ),
            (
                "NotificationType|NodeMaintenanceScaleComplete|StartTimeInUTC||",
                of(Kind::TopologyChanged),
            ),
            ("NotificationType|NodeMaintenanceScheduled", of(Kind::Scheduled)),
            (
                "NotificationType|NodeMaintenanceStart|IsReplica|True",
                MaintenanceEvent { is_replica: Some(true), ..of(Kind::Imminent) },
            ),
            ("NotificationType|NodeMaintenanceEnded|SSLPort", of(Kind::Ended)),
            (
                "NotificationType|NodeMaintenanceStarting|StartTimeInUTC|2020-01-01T00:00:00",
                MaintenanceEvent { starts_in: Some(Duration::ZERO), ..of(Kind::Starting) },
            ),
            ("NotificationType|NodeMaintenanceRescheduled|", unknown("NodeMaintenanceRescheduled")),
            ("NotificationType|", unknown("")),
            ("1|2|3", unknown("")),
            ("NonSSLPort |", unknown("")),
            ("", unknown("")),
        ] {
            assert_eq!(read(message), expected, "{message}");
        }
        assert_eq!(CHANNEL, "AzureRedisEvents");
    }

    #[test]
    fn b25_b28_nothing_that_is_published_there_does_more_than_say_little() {
        let mut random = fastrand::Rng::with_seed(28);
        let words = [
            "NotificationType",
            "StartTimeInUTC",
            "IsReplica",
            "IPAddress",
            "SSLPort",
            "|",
            "",
            "-1",
        ];
        for _ in 0..20_000 {
            let mut message = String::new();
            for _ in 0..random.usize(..12) {
                match random.u8(..3) {
                    0 => message.push_str(words[random.usize(..words.len())]),
                    1 => message.push('|'),
                    _ => message.extend((0..random.usize(..100)).map(|_| random.char(..))),
                }
            }
            let event = read(&message);
            let texts = [event.node.unwrap_or_default(), format!("{:?}", event.kind)];
            assert!(texts.iter().all(|text| text.chars().count() < 500), "{texts:?}");
            assert!(event.starts_in.is_none_or(|time| time < Duration::from_secs(1 << 40)));
        }
    }
}
