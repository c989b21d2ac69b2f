//! What one node says about the cluster: the reply to `CLUSTER NODES`.
//!
//! Invariant: every member has an address that can be dialed, and one of them is the node that spoke.

use std::ops::RangeInclusive;

use crate::link::Role;
use crate::slot;
use crate::url::Endpoint;

/// The cluster as one of its nodes sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClusterView {
    /// The node that spoke.
    pub(super) speaker: String,
    pub(super) members: Vec<Member>,
}

/// A node, as the one that spoke knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) endpoint: Endpoint,
    /// Where else it is said to be, in redirects.
    pub(super) alias: Option<Endpoint>,
    /// A replica with the id of the node that it follows.
    pub(super) role: Role<String>,
    /// Neither taken for dead nor still a stranger.
    pub(super) sound: bool,
    /// Of its configuration: what it claims holds against every claim with a lower one.
    pub(super) epoch: u64,
    pub(super) slots: Vec<RangeInclusive<u16>>,
}

/// How addresses are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Where the question was sent: a node may not know its own address.
    pub(super) asked: &'a Endpoint,
    /// Whether a host name counts more than an address, as certificates name hosts.
    pub(super) by_name: bool,
}

impl ClusterView {
    /// Reads a reply; lines that cannot be understood are left out.
    ///
    /// `None` if it does not say who spoke.
    pub(super) fn parse(text: &str, reading: Reading<'_>) -> Option<Self> {
        let mut speaker = None;
        let mut members = Vec::new();
        for line in text.lines() {
            let Some((member, flags)) = Member::parse(line, reading) else { continue };
            if has(flags, "myself") {
                speaker = Some(member.id.clone());
            }
            members.push(member);
        }
        Some(Self { speaker: speaker?, members })
    }

    /// What the node that spoke says about itself.
    pub(super) fn own(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.id == self.speaker)
    }
}

impl Member {
    /// Reads `id ip:port@bus,host flags primary ping pong epoch state slot…`.
    fn parse<'a>(line: &'a str, reading: Reading<'_>) -> Option<(Self, &'a str)> {
        let mut words = line.split_ascii_whitespace();
        let id = words.next()?.to_owned();
        let (endpoint, alias) = parse_address(words.next()?, reading)?;
        let flags = words.next()?;
        if has(flags, "noaddr") {
            return None;
        }
        let primary = words.next()?;
        let epoch = words.nth(2)?.parse().ok()?;
        let _state = words.next()?;
        let role = if has(flags, "slave") || has(flags, "replica") {
            Role::Replica(primary.to_owned())
        } else {
            Role::Primary(())
        };
        let sound = !has(flags, "fail") && !has(flags, "handshake");
        let slots = words.filter_map(parse_slots).collect();
        Some((Self { id, endpoint, alias, role, sound, epoch, slots }, flags))
    }

    pub(super) fn is_primary(&self) -> bool {
        self.role.is_primary()
    }
}

/// Reads `ip:port@bus,host,…` as the address to use, and the other one if there are two.
fn parse_address(text: &str, reading: Reading<'_>) -> Option<(Endpoint, Option<Endpoint>)> {
    let mut parts = text.split(',');
    let address = parts.next()?;
    let address = address.split_once('@').map_or(address, |(address, _bus)| address);
    let (ip, port) = address.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let at = |host: &str| Endpoint { host: bare(host).to_owned(), port };
    let ip = at(if ip.is_empty() { &reading.asked.host } else { ip });
    // Further parts are `name=value`; a name may be empty or unknown.
    let name = parts.next().filter(|name| !matches!(*name, "" | "?") && !name.contains('='));
    Some(match name.map(at) {
        Some(name) if reading.by_name => (name, Some(ip)),
        name => (ip, name),
    })
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Reads the target of a redirect: `host:port`, where the host may be left out or unknown.
pub(super) fn parse_target(text: &str, asked: &Endpoint) -> Option<Endpoint> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = if matches!(host, "" | "?") { &asked.host } else { bare(host) };
    Some(Endpoint { host: host.to_owned(), port })
}

/// Reads `5` or `5-9`; what is in brackets is on its way and belongs to its present owner.
fn parse_slots(word: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < slot::COUNT).then_some(first..=last)
}

fn has(flags: &str, wanted: &str) -> bool {
    flags.split(',').any(|flag| flag == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port }
    }

    fn read(line: &str, by_name: bool) -> Option<Member> {
        let asked = endpoint("seed", 7000);
        Member::parse(line, Reading { asked: &asked, by_name }).map(|(member, _)| member)
    }

    const PRIMARY: Role<String> = Role::Primary(());

    #[test]
    fn a_line_gives_role_epoch_and_slots() {
        let of = || Role::Replica("p".to_owned());
        for (line, role, sound, epoch, slots) in [
            (
                "myself,master - 0 0 3 connected 0-5460 5462",
                PRIMARY,
                true,
                3,
                vec![0..=5460, 5462..=5462],
            ),
            ("master - 0 0 3 connected", PRIMARY, true, 3, vec![]),
            ("slave p 0 1426 4 connected", of(), true, 4, vec![]),
            ("replica p 0 1426 4 connected", of(), true, 4, vec![]),
            ("slave,fail p 0 1 4 disconnected", of(), false, 4, vec![]),
            // Only one node suspects it: that is no verdict.
            ("master,fail? - 9 1 3 connected 7", PRIMARY, true, 3, vec![7..=7]),
            ("master,fail - 9 1 3 connected 7", PRIMARY, false, 3, vec![7..=7]),
            ("handshake - 9 1 0 connected", PRIMARY, false, 0, vec![]),
            (
                "master,nofailover - 0 0 1 connected 1-2 [93-<-b] [77->-c] 9",
                PRIMARY,
                true,
                1,
                vec![1..=2, 9..=9],
            ),
            ("master - 0 0 1 connected 3-2 x 16384", PRIMARY, true, 1, vec![]),
        ] {
            let member = read(&format!("a 10.0.0.1:7000@17000 {line}"), false).unwrap();
            assert_eq!(member.endpoint, endpoint("10.0.0.1", 7000), "{line}");
            assert_eq!((member.role, member.sound, member.epoch), (role, sound, epoch), "{line}");
            assert_eq!(member.slots, slots, "{line}");
        }
    }

    #[test]
    fn a_line_gives_the_address_in_whichever_form_it_has() {
        for (address, flags, host) in [
            (":7000@17000", "myself,master", "seed"),
            ("::1:7000@17000", "master", "::1"),
            ("[::1]:7000@17000", "master", "::1"),
            ("10.0.0.1:7000", "master", "10.0.0.1"),
            ("10.0.0.1:7000@17000,,shard-id=69b", "master", "10.0.0.1"),
        ] {
            let member = read(&format!("a {address} {flags} - 0 0 1 connected 1"), false).unwrap();
            assert_eq!(member.endpoint, endpoint(host, 7000), "{address}");
            assert_eq!((member.role, member.sound, member.epoch), (PRIMARY, true, 1), "{address}");
            assert_eq!(member.slots, [1..=1], "{address}");
        }
    }

    #[test]
    fn a_host_name_is_used_where_certificates_name_it() {
        let line = "a 10.0.0.1:7000@17000,one.example master - 0 0 1 connected";
        let (ip, name) = (endpoint("10.0.0.1", 7000), endpoint("one.example", 7000));
        let member = read(line, false).unwrap();
        assert_eq!((member.endpoint, member.alias), (ip.clone(), Some(name.clone())));
        let member = read(line, true).unwrap();
        assert_eq!((member.endpoint, member.alias), (name, Some(ip.clone())));
        let member = read("a 10.0.0.1:7000@17000 master - 0 0 1 connected", true).unwrap();
        assert_eq!((member.endpoint, member.alias), (ip, None));
    }

    #[test]
    fn a_line_without_an_address_or_its_end_is_left_out() {
        for line in [
            "",
            "a",
            "a :0@0 master,noaddr - 0 0 1 disconnected 5",
            "a 10.0.0.1:7000@17000 master,noaddr - 0 0 1 disconnected 5",
            "a 10.0.0.1:0@17000 master - 0 0 1 connected",
            "a 10.0.0.1 master - 0 0 1 connected",
            "a 10.0.0.1:7000@17000 master - 0 0 x connected",
            "a 10.0.0.1:7000@17000 master - 0 0 1",
        ] {
            assert_eq!(read(line, false), None, "{line}");
        }
    }

    #[test]
    fn a_view_names_the_node_that_spoke() {
        let asked = endpoint("seed", 7000);
        let reading = Reading { asked: &asked, by_name: false };
        let text = "a h:1@2 master - 0 0 1 connected 1\nnonsense\n\
                    b h:2@3 myself,slave a 0 0 1 connected\n";
        let view = ClusterView::parse(text, reading).unwrap();
        assert_eq!(view.own().map(|own| own.endpoint.port), Some(2));
        assert_eq!(view.members.len(), 2);
        assert_eq!(ClusterView::parse("a h:1@2 master - 0 0 1 connected", reading), None);
        assert_eq!(ClusterView::parse("", reading), None);
    }

    #[test]
    fn the_target_of_a_redirect_may_lack_its_host() {
        let asked = endpoint("seed", 7000);
        for (text, target) in [
            ("10.0.0.1:7001", Some(endpoint("10.0.0.1", 7001))),
            ("one.example:7001", Some(endpoint("one.example", 7001))),
            ("::1:7001", Some(endpoint("::1", 7001))),
            ("[::1]:7001", Some(endpoint("::1", 7001))),
            (":7001", Some(endpoint("seed", 7001))),
            ("?:7001", Some(endpoint("seed", 7001))),
            ("10.0.0.1:0", None),
            ("10.0.0.1", None),
            ("", None),
        ] {
            assert_eq!(parse_target(text, &asked), target, "{text}");
        }
    }
}
