//! What sentinels publish, as far as it is an end of a maintenance.
//!
//! Only the word that another node is the primary is told by all of them; the others are steps on the way.

use athena_cache_core::backend::{Line, MaintenanceEvent, MaintenanceKind, MaintenanceSource};

/// Of a host, in bytes.
const SHOWN: usize = 256;

/// What a message about a service says: `+switch-master <service> <old host> <old port> <new host> <new port>`.
pub(super) fn event(channel: &str, payload: &str, service: &str) -> Option<MaintenanceEvent> {
    if channel != "+switch-master" {
        return None;
    }
    let words: Vec<&str> = payload.split_ascii_whitespace().collect();
    let [named, host, port, _, _] = words[..] else { return None };
    if named != service {
        return None;
    }
    let mut event = MaintenanceEvent::new(MaintenanceSource::Sentinel, MaintenanceKind::FailedOver);
    event.node = Some(Line::<SHOWN>::of(host).to_string());
    event.ports.extend(port.parse::<u32>().ok());
    event.is_replica = Some(false);
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_of_the_primary_is_heard_once_per_service_and_steps_on_the_way_are_not() {
        let switch = "mymaster 127.0.0.1 27200 127.0.0.1 27201";
        let heard = event("+switch-master", switch, "mymaster");
        let expected = MaintenanceEvent {
            node: Some("127.0.0.1".into()),
            ports: vec![27_200],
            is_replica: Some(false),
            ..MaintenanceEvent::new(MaintenanceSource::Sentinel, MaintenanceKind::FailedOver)
        };
        assert_eq!(heard, Some(expected));
        for (channel, payload) in [
            ("+switch-master", "other 127.0.0.1 27200 127.0.0.1 27201"),
            ("+switch-master", "mymaster 127.0.0.1"),
            ("+switch-master", ""),
            ("+sdown", "master mymaster 127.0.0.1 27200"),
            ("+odown", "master mymaster 127.0.0.1 27200 #quorum 3/2"),
            (
                "-role-change",
                "slave 127.0.0.1:27201 127.0.0.1 27201 @ mymaster 127.0.0.1 27200 new reported role is master",
            ),
            ("+config-update-from", "sentinel abc 127.0.0.1 5000 @ mymaster 127.0.0.1 27200"),
            ("+tilt", ""),
        ] {
            assert_eq!(event(channel, payload, "mymaster"), None, "{channel} {payload}");
        }
    }
}
