//! What sentinels announce, as far as it concerns the primary.

use crate::config::Addresses;
use crate::link::Push;
use crate::url::Endpoint;

/// An announcement about one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    /// A sentinel, or all of them, hold the primary for dead.
    Down { primary: Endpoint },
    /// A failover from this primary has begun or goes on.
    Underway { primary: Endpoint },
    /// The replica that is to become the primary, or has become it.
    Chosen { replica: Endpoint, primary: Endpoint },
    /// A failover was given up.
    Abandoned { primary: Endpoint },
    /// Something else has changed that can be asked for: the address, a list.
    Changed,
}

impl Notice {
    /// Reads an announcement; nothing if it concerns another service, or changes nothing for us.
    pub(super) fn read(push: &Push, service: &str, addresses: &Addresses) -> Option<Self> {
        let words: Vec<&str> = push.payload.split_ascii_whitespace().collect();
        let channel = push.channel.as_str();
        if channel == "+switch-master" {
            return (words.first() == Some(&service)).then_some(Self::Changed);
        }
        let subject =
            Concerned::read(&words, addresses).filter(|subject| subject.service == service)?;
        let Concerned { kind, endpoint, primary, .. } = subject;
        match channel {
            "+sdown" | "+odown" => (kind == "master").then_some(Self::Down { primary }),
            "+selected-slave" | "+promoted-slave" => {
                Some(Self::Chosen { replica: endpoint, primary })
            }
            "+try-failover" | "+elected-leader" => Some(Self::Underway { primary }),
            "+slave"
            | "+sentinel"
            | "+reset-master"
            | "+monitor"
            | "-monitor"
            | "-role-change"
            | "+role-change"
            | "+convert-to-slave"
            | "+config-update-from"
            | "+failover-end"
            | "+failover-end-for-timeout"
            | "+sentinel-address-switch" => Some(Self::Changed),
            _ if channel.starts_with("+failover-state-") => Some(match kind {
                "slave" => Self::Chosen { replica: endpoint, primary },
                _ => Self::Underway { primary },
            }),
            _ if channel.starts_with("-failover-abort-") => Some(Self::Abandoned { primary }),
            _ => None,
        }
    }
}

/// Whom an announcement is about: `<kind> <name> <ip> <port> [@ <service> <ip> <port>]`.
struct Concerned<'a> {
    kind: &'a str,
    service: &'a str,
    endpoint: Endpoint,
    primary: Endpoint,
}

impl<'a> Concerned<'a> {
    fn read(words: &[&'a str], addresses: &Addresses) -> Option<Self> {
        let [kind, name, host, port, rest @ ..] = words else { return None };
        let endpoint = addresses.find(host, port)?;
        match rest {
            ["@", service, host, port, ..] => {
                Some(Self { kind, service, endpoint, primary: addresses.find(host, port)? })
            }
            _ => Some(Self { kind, service: name, primary: endpoint.clone(), endpoint }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> Endpoint {
        Endpoint { host: "127.0.0.1".into(), port }
    }

    fn read(channel: &str, payload: &str) -> Option<Notice> {
        let push = Push { channel: channel.into(), payload: payload.into() };
        Notice::read(&push, "mymaster", &Addresses::default())
    }

    #[test]
    fn what_sentinels_publish_in_a_failover_is_understood() {
        let primary = at(27200);
        let master = "master mymaster 127.0.0.1 27200";
        let slave = "slave 127.0.0.1:27201 127.0.0.1 27201 @ mymaster 127.0.0.1 27200";
        let chosen = Notice::Chosen { replica: at(27201), primary: primary.clone() };
        for (channel, payload, expected) in [
            ("+sdown", master, Some(Notice::Down { primary: primary.clone() })),
            ("+sdown", slave, None),
            ("+sdown", "sentinel 5f 127.0.0.1 5000 @ mymaster 127.0.0.1 27200", None),
            (
                "+odown",
                "master mymaster 127.0.0.1 27200 #quorum 3/2",
                Some(Notice::Down { primary: primary.clone() }),
            ),
            ("-sdown", master, None),
            ("+new-epoch", "1", None),
            ("+vote-for-leader", "5fd1d0e3 1", None),
            ("+try-failover", master, Some(Notice::Underway { primary: primary.clone() })),
            ("+elected-leader", master, Some(Notice::Underway { primary: primary.clone() })),
            (
                "+failover-state-select-slave",
                master,
                Some(Notice::Underway { primary: primary.clone() }),
            ),
            ("+selected-slave", slave, Some(chosen.clone())),
            ("+failover-state-send-slaveof-noone", slave, Some(chosen.clone())),
            ("+failover-state-wait-promotion", slave, Some(chosen.clone())),
            ("+promoted-slave", slave, Some(chosen)),
            (
                "+failover-state-reconf-slaves",
                master,
                Some(Notice::Underway { primary: primary.clone() }),
            ),
            ("+slave-reconf-sent", slave, None),
            ("-failover-abort-no-good-slave", master, Some(Notice::Abandoned { primary })),
            ("+failover-end", master, Some(Notice::Changed)),
            ("+switch-master", "mymaster 127.0.0.1 27200 127.0.0.1 27201", Some(Notice::Changed)),
            (
                "+config-update-from",
                "sentinel 5f 127.0.0.1 5000 @ mymaster 127.0.0.1 27200",
                Some(Notice::Changed),
            ),
            (
                "-role-change",
                &format!("{slave} new reported role is master"),
                Some(Notice::Changed),
            ),
            ("+slave", slave, Some(Notice::Changed)),
            ("+reset-master", master, Some(Notice::Changed)),
            ("+tilt", "#tilt mode entered", None),
        ] {
            assert_eq!(read(channel, payload), expected, "{channel} {payload}");
        }
    }

    #[test]
    fn other_services_and_nonsense_are_nothing() {
        for (channel, payload) in [
            ("+switch-master", "other 127.0.0.1 1 127.0.0.1 2"),
            ("+sdown", "master other 127.0.0.1 27200"),
            ("+slave", "slave 127.0.0.1:1 127.0.0.1 1 @ other 127.0.0.1 27200"),
            ("+sdown", ""),
            ("+sdown", "master mymaster 127.0.0.1"),
            ("+sdown", "master mymaster 127.0.0.1 0"),
            ("+selected-slave", "slave x ? 1 @ mymaster 127.0.0.1 27200"),
            ("+selected-slave", "slave x 127.0.0.1 1 @ mymaster 127.0.0.1 x"),
            ("hello", "mymaster"),
        ] {
            assert_eq!(read(channel, payload), None, "{channel} {payload}");
        }
    }
}
