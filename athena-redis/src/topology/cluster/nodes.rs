//! What one node says about the cluster: the replies to `CLUSTER NODES` and `CLUSTER SLOTS`.
//!
//! Invariant: every member has an address that can be dialed, and one of them is the node that spoke.

use std::ops::RangeInclusive;

use crate::config::Addresses;
use crate::link::{Malformed, Replies, Role};
use crate::slot;
use crate::url::Endpoint;

/// How many nodes are taken from one view. Redis advises against more than a thousand; this leaves room for
/// replicas of each, and bounds what one node can have us keep and connect to.
pub(super) const MOST: usize = 4096;

/// The cluster as one of its nodes sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClusterView {
    /// The node that spoke.
    pub(super) speaker: String,
    /// Up to [`MOST`], and itself.
    pub(super) members: Vec<Member>,
    /// How many there are in all.
    pub(super) listed: usize,
}

/// A node, as the one that spoke knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) endpoint: Endpoint,
    /// The address that it announces; may be empty.
    ip: String,
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
    pub(super) preferred: Preferred,
    /// Where nodes are reached whose address does not lead there.
    pub(super) addresses: &'a Addresses,
}

/// Which of the addresses of its nodes a cluster wants to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preferred {
    Ip,
    /// The host name.
    Name,
    /// The host name of those that have one, as certificates name hosts.
    NameOrIp,
    /// Whatever host was asked, with the node's port.
    Asked,
}

impl Preferred {
    /// Reads it off the first node in the reply to `CLUSTER SLOTS`; nothing if that names none.
    pub(super) fn read(
        replies: &mut Replies,
        members: &[Member],
    ) -> Result<Option<Self>, Malformed> {
        let mut ranges = replies.list()?;
        let Ok(mut range) = ranges.list() else { return Ok(None) };
        range.skip(2);
        let mut node = range.list()?;
        let host = node.bytes()?.and_then(|host| String::from_utf8(host).ok()).unwrap_or_default();
        node.skip(1);
        let id = node.text()?;
        Ok(members.iter().find(|member| member.id == id).map(|member| match &*host {
            "" => Self::Asked,
            // A node without a name where names are preferred.
            "?" => Self::Name,
            _ if bare(&host) == member.ip => Self::Ip,
            _ => Self::Name,
        }))
    }
}

impl ClusterView {
    /// Reads a reply; lines that cannot be understood are left out.
    ///
    /// `None` if it does not say who spoke.
    pub(super) fn parse(text: &str, reading: Reading<'_>) -> Option<Self> {
        let mut speaker = None;
        let mut members = Vec::new();
        let (mut listed, mut slots) = (0, usize::from(slot::COUNT));
        for line in text.lines() {
            let Some((mut member, flags)) = Member::parse(line, reading) else { continue };
            listed += 1;
            let is_speaker = has(flags, "myself");
            if is_speaker {
                speaker = Some(member.id.clone());
            }
            if is_speaker || members.len() < MOST {
                // A view gives each slot to one node at most: what goes beyond that is none.
                member.slots.retain(|range| take(&mut slots, range));
                members.push(member);
            }
        }
        Some(Self { speaker: speaker?, members, listed })
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
        let Place { endpoint, ip, alias } = Place::parse(words.next()?, reading)?;
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
        // More ranges than slots cannot mean anything.
        let slots = words.filter_map(parse_slots).take(slot::COUNT.into()).collect();
        Some((Self { id, endpoint, ip, alias, role, sound, epoch, slots }, flags))
    }

    pub(super) fn is_primary(&self) -> bool {
        self.role.is_primary()
    }

    /// The slots that it serves.
    pub(super) fn claims(&self) -> impl Iterator<Item = u16> {
        self.slots.iter().filter(|_| self.is_primary()).cloned().flatten()
    }

    /// Whether it serves the same, and as the same.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.role == other.role && self.slots == other.slots
    }
}

/// Where a node is.
struct Place {
    endpoint: Endpoint,
    ip: String,
    alias: Option<Endpoint>,
}

impl Place {
    /// Reads `ip:port@bus,host,…`; the alias is the other address, if there are two.
    fn parse(text: &str, reading: Reading<'_>) -> Option<Self> {
        let mut parts = text.split(',');
        let address = parts.next()?;
        let address = address.split_once('@').map_or(address, |(address, _bus)| address);
        let (ip, port) = address.rsplit_once(':')?;
        let ip = bare(ip);
        let port = port.parse().ok().filter(|port| *port != 0)?;
        // Further parts are `name=value`; a name may be empty or unknown.
        let name = parts.next().filter(|name| !matches!(*name, "" | "?") && !name.contains('='));
        let used = match reading.preferred {
            Preferred::Ip => Some(ip).filter(|ip| !ip.is_empty()),
            Preferred::Name => name,
            Preferred::NameOrIp => name.or(Some(ip).filter(|ip| !ip.is_empty())),
            Preferred::Asked => None,
        };
        let at = |host: &str| reading.addresses.reach(Endpoint { host: host.to_owned(), port });
        // The host that was asked is no word of a node: it is reached as it is.
        let asked = || Endpoint { host: reading.asked.host.clone(), port };
        let endpoint = used.map_or_else(asked, at);
        let others = [Some(ip).filter(|ip| !ip.is_empty()), name].into_iter().flatten();
        let alias = others.map(at).find(|other| *other != endpoint);
        Some(Self { endpoint, ip: ip.to_owned(), alias })
    }
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Reads the target of a redirect: `host:port`, where the host may be left out or unknown.
pub(super) fn parse_target(
    text: &str,
    asked: &Endpoint,
    addresses: &Addresses,
) -> Option<Endpoint> {
    let (host, port) = text.rsplit_once(':')?;
    if matches!(host, "" | "?") {
        let port = port.parse().ok().filter(|port| *port != 0)?;
        return Some(Endpoint { host: asked.host.clone(), port });
    }
    addresses.find(bare(host), port)
}

/// Reads `5` or `5-9`; what is in brackets is on its way and belongs to its present owner.
fn parse_slots(word: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < slot::COUNT).then_some(first..=last)
}

/// Takes so many slots from those that are left; tells whether there were enough.
fn take(left: &mut usize, range: &RangeInclusive<u16>) -> bool {
    let taken = left.checked_sub(range.len());
    *left = taken.unwrap_or(*left);
    taken.is_some()
}

fn has(flags: &str, wanted: &str) -> bool {
    flags.split(',').any(|flag| flag == wanted)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn endpoint(host: &str, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port }
    }

    fn read(line: &str, preferred: Preferred) -> Option<Member> {
        let (asked, addresses) = (endpoint("seed", 7000), Addresses::default());
        let reading = Reading { asked: &asked, preferred, addresses: &addresses };
        Member::parse(line, reading).map(|(member, _)| member)
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
            let member = read(&format!("a 10.0.0.1:7000@17000 {line}"), Preferred::Ip).unwrap();
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
            let member =
                read(&format!("a {address} {flags} - 0 0 1 connected 1"), Preferred::Ip).unwrap();
            assert_eq!(member.endpoint, endpoint(host, 7000), "{address}");
            assert_eq!((member.role, member.sound, member.epoch), (PRIMARY, true, 1), "{address}");
            assert_eq!(member.slots, [1..=1], "{address}");
        }
    }

    #[test]
    fn the_address_is_used_that_the_cluster_prefers_and_the_other_one_is_its_alias() {
        use Preferred::{Asked, Ip, Name, NameOrIp};
        let (ip, name, asked) =
            (endpoint("10.0.0.1", 7001), endpoint("one.example", 7001), endpoint("seed", 7001));
        let both = "10.0.0.1:7001@17001,one.example";
        for (address, preferred, used, alias) in [
            (both, Ip, &ip, Some(&name)),
            (both, Name, &name, Some(&ip)),
            (both, NameOrIp, &name, Some(&ip)),
            (both, Asked, &asked, Some(&ip)),
            ("10.0.0.1:7001@17001", NameOrIp, &ip, None),
            ("10.0.0.1:7001@17001", Ip, &ip, None),
            ("10.0.0.1:7001@17001,?", Name, &asked, Some(&ip)),
            (":7001@17001", Ip, &asked, None),
            (":7001@17001,one.example", Ip, &asked, Some(&name)),
        ] {
            let line = format!("a {address} master - 0 0 1 connected");
            let member = read(&line, preferred).unwrap();
            assert_eq!((&member.endpoint, member.alias.as_ref()), (used, alias), "{address}");
        }
    }

    #[test]
    fn which_address_a_cluster_prefers_is_read_off_its_slots() {
        let members = |address: &str| {
            let line = format!("a {address} myself,master - 0 0 1 connected 1");
            vec![read(&line, Preferred::Ip).unwrap()]
        };
        let preferred = |host: &str, address: &str| {
            let wire = format!("*1\r\n*3\r\n:0\r\n:9\r\n*4\r\n{host}:7001\r\n$1\r\na\r\n*0\r\n");
            Preferred::read(&mut Replies::of_wire(&wire), &members(address)).unwrap()
        };
        let both = "10.0.0.1:7001@1,one.example";
        assert_eq!(preferred("$8\r\n10.0.0.1\r\n", both), Some(Preferred::Ip));
        assert_eq!(preferred("$11\r\none.example\r\n", both), Some(Preferred::Name));
        assert_eq!(preferred("$1\r\n?\r\n", "10.0.0.1:7001@1"), Some(Preferred::Name));
        assert_eq!(preferred("$-1\r\n", both), Some(Preferred::Asked));
        assert_eq!(preferred("$0\r\n\r\n", both), Some(Preferred::Asked));
        let none = Preferred::read(&mut Replies::of_wire("*0\r\n"), &members(both));
        assert_eq!(none.ok(), Some(None));
    }

    #[test]
    fn whatever_a_node_says_is_reached_where_the_settings_say() {
        let settings = crate::config::RedisConfig::new("redis-cluster://seed")
            .address("10.0.0.1", "gateway")
            .address("seed", "nowhere")
            .address("one.example:7001", "gateway:8001")
            .check()
            .unwrap();
        let addresses = &settings.access.addresses;
        let asked = endpoint("seed", 7000);
        let line = "a 10.0.0.1:7001@17001,one.example master - 0 0 1 connected";
        for (preferred, used, alias) in [
            (Preferred::Ip, endpoint("gateway", 7001), endpoint("gateway", 8001)),
            (Preferred::Name, endpoint("gateway", 8001), endpoint("gateway", 7001)),
        ] {
            let reading = Reading { asked: &asked, preferred, addresses };
            let (member, _) = Member::parse(line, reading).unwrap();
            assert_eq!((member.endpoint, member.alias), (used, Some(alias)));
        }
        let target = |text| parse_target(text, &asked, addresses);
        assert_eq!(target("10.0.0.1:7002"), Some(endpoint("gateway", 7002)));
        assert_eq!(target(":7002"), Some(endpoint("seed", 7002)));
        assert_eq!(target("one.example:7001"), Some(endpoint("gateway", 8001)));
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
            assert_eq!(read(line, Preferred::Ip), None, "{line}");
        }
    }

    #[test]
    fn a_view_names_the_node_that_spoke() {
        let (asked, addresses) = (endpoint("seed", 7000), Addresses::default());
        let reading = Reading { asked: &asked, preferred: Preferred::Ip, addresses: &addresses };
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
            assert_eq!(parse_target(text, &asked, &Addresses::default()), target, "{text}");
        }
    }

    #[test]
    fn a_view_of_more_nodes_than_there_may_be_is_cut_and_keeps_the_one_that_spoke() {
        let mut text = String::new();
        for number in 0..2 * MOST {
            writeln!(text, "{number} h:{}@1 slave a 0 0 1 connected", number + 1).unwrap();
        }
        text += "a h:1@1 myself,master - 0 0 1 connected 0-16383";
        let (asked, addresses) = (endpoint("h", 1), Addresses::default());
        let reading = Reading { asked: &asked, preferred: Preferred::Ip, addresses: &addresses };
        let view = ClusterView::parse(&text, reading).unwrap();
        assert_eq!((view.members.len(), view.listed), (MOST + 1, 2 * MOST + 1));
        assert_eq!(view.own().unwrap().claims().count(), usize::from(slot::COUNT));
    }

    #[test]
    fn a_view_gives_no_slot_to_many_nodes() {
        let mut text = "a h:1@1 myself,master - 0 0 1 connected 0-9999".to_owned();
        text += &" 0-16383".repeat(100_000);
        for number in 0..100 {
            write!(text, "\n{number} h:2@1 master - 0 0 1 connected 0-16383").unwrap();
        }
        let (asked, addresses) = (endpoint("h", 1), Addresses::default());
        let reading = Reading { asked: &asked, preferred: Preferred::Ip, addresses: &addresses };
        let view = ClusterView::parse(&text, reading).unwrap();
        let claims = view.members.iter().map(|member| member.claims().count()).sum::<usize>();
        assert_eq!(claims, 10_000);
    }
}
