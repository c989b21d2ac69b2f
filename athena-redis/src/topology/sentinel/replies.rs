//! What sentinels and data nodes answer when they are asked.

use std::collections::BTreeSet;

use athena_cache_core::backend::{Class, Failure, Message};

use crate::config::Addresses;
use crate::link::{Batch, Fields, Malformed, Replies, Role};
use crate::url::Endpoint;

/// What a sentinel says about the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentinelView {
    /// Its own name among sentinels; servers before 6.2 do not tell, nor do others whom they do not let.
    pub(super) id: Option<String>,
    /// How many other sentinels it knows.
    pub(super) others: Option<usize>,
    /// The primary that it announces.
    pub(super) address: Endpoint,
    /// The number of the configuration that made it the primary; 0 if it may not be read.
    pub(super) epoch: u64,
    /// The primary that this sentinel is replacing at the moment.
    pub(super) replacing: Option<Endpoint>,
}

/// The outcome of a question to a sentinel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// It has not been asked yet.
    Unheard,
    /// It did not answer, or not to us.
    Mute(Silence),
    /// It does not know the service.
    Unknown,
    Names(SentinelView),
}

/// How many replicas, and how many other sentinels, are taken from one that lists more: each may be
/// connected to, and logged in at.
pub(super) const MOST: usize = 64;
/// The longest id of a sentinel that is one; they have forty characters.
const LONGEST_ID: usize = 64;

/// Whom a sentinel knows besides the primary: up to [`MOST`] of each kind, the same ones whatever their order;
/// nothing of a kind that it may not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lists {
    pub(super) replicas: Option<Vec<Endpoint>>,
    pub(super) peers: Option<Vec<Peer>>,
    /// How many it lists in all.
    pub(super) all: Listed,
}

/// How many nodes a sentinel lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) replicas: usize,
    pub(super) peers: usize,
}

impl Listed {
    /// Whether that is more than are taken.
    pub(super) fn is_excess(self) -> bool {
        self.replicas.max(self.peers) > MOST
    }
}

/// Another sentinel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Peer {
    pub(super) endpoint: Endpoint,
    pub(super) id: String,
}

/// Why somebody did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silence {
    pub(super) class: Class,
    pub(super) why: Message,
}

impl From<&Failure> for Silence {
    fn from(failure: &Failure) -> Self {
        Self { class: failure.class(), why: Message::of(failure) }
    }
}

/// What a data node says that it is, and whom it follows if it says that; or why it says nothing.
pub(super) type Testimony = Result<Role<Option<Endpoint>>, Silence>;

/// Asks for the primary.
pub(super) fn ask_view(batch: &mut Batch, service: &str) {
    // The first is right a second earlier during a failover, the second alone tells the epoch.
    batch.command("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(service);
    batch.command("SENTINEL").arg("MASTER").arg(service);
    // Each time: its name may lead to another one whenever it is connected to.
    batch.command("SENTINEL").arg("MYID");
}

/// Asks for everybody else.
pub(super) fn ask_lists(batch: &mut Batch, service: &str) {
    batch.command("SENTINEL").arg("REPLICAS").arg(service);
    batch.command("SENTINEL").arg("SENTINELS").arg(service);
}

/// Reads the replies to [`ask_view`].
pub(super) fn read_view(replies: &mut Replies, addresses: &Addresses) -> Result<Word, Malformed> {
    if let Some((class, text)) = replies.error() {
        replies.skip(2);
        return Ok(Word::Mute(Silence { class, why: Message::of(text) }));
    }
    let address = replies.words()?;
    let record = match replies.error() {
        Some(_) => Fields::new(),
        None => replies.fields()?,
    };
    let id = match replies.error() {
        Some(_) => None,
        None => replies.bytes()?.and_then(|id| String::from_utf8(id).ok()).filter(|id| is_id(id)),
    };
    let Some(address) = address else { return Ok(Word::Unknown) };
    match &address[..] {
        [host, port] => {
            let address = addresses.find(host, port);
            let address = address.ok_or(Malformed::new("expected an address"))?;
            Ok(Word::Names(view(id, address, (&record, addresses))))
        }
        _ => Err(Malformed::new("expected an address")),
    }
}

/// Reads the replies to [`ask_lists`].
pub(super) fn read_lists(replies: &mut Replies, addresses: &Addresses) -> Result<Lists, Malformed> {
    let mut records = || match replies.error() {
        Some(_) => Ok(None),
        None => replies.records().map(Some),
    };
    let (replicas, peers) = (records()?, records()?);
    let count = |records: &Option<Vec<Fields>>| records.as_ref().map_or(0, Vec::len);
    let all = Listed { replicas: count(&replicas), peers: count(&peers) };
    let replicas = replicas.map(|it| first(it.iter().filter_map(|it| endpoint_of(it, addresses))));
    let peers = peers.map(|it| first(it.iter().filter_map(|it| peer(it, addresses))));
    Ok(Lists { replicas, peers, all })
}

/// Some of many, each once.
fn first<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.collect::<BTreeSet<_>>().into_iter().take(MOST).collect()
}

/// Reads the reply to `ROLE`; a replica follows another node, if it says which.
pub(super) fn read_role(
    replies: &mut Replies,
    addresses: &Addresses,
) -> Result<Role<Option<Endpoint>>, Malformed> {
    let words = replies.words()?.unwrap_or_default();
    role(&words, addresses).ok_or(Malformed::new("expected the role of a data node"))
}

/// Reads the role in the reply to `HELLO`, which nobody can be forbidden to send.
pub(super) fn read_hello(replies: &mut Replies) -> Result<Role<Option<Endpoint>>, Malformed> {
    match replies.fields()?.get("role").map(String::as_str) {
        Some("master") => Ok(Role::Primary(())),
        Some("replica" | "slave") => Ok(Role::Replica(None)),
        _ => Err(Malformed::new("expected the role of a data node")),
    }
}

fn view(
    id: Option<String>,
    address: Endpoint,
    (record, addresses): (&Fields, &Addresses),
) -> SentinelView {
    let number = |name| record.get(name).and_then(|number| number.parse().ok());
    let epoch = number("config-epoch").unwrap_or(0);
    let others = number("num-other-sentinels").and_then(|others| usize::try_from(others).ok());
    let replacing =
        endpoint_of(record, addresses).filter(|_| has_flag(record, "failover_in_progress"));
    SentinelView { id, others, address, epoch, replacing }
}

fn has_flag(record: &Fields, flag: &str) -> bool {
    record.get("flags").is_some_and(|flags| flags.split(',').any(|it| it == flag))
}

fn endpoint_of(record: &Fields, addresses: &Addresses) -> Option<Endpoint> {
    addresses.find(record.get("ip")?, record.get("port")?)
}

fn peer(record: &Fields, addresses: &Addresses) -> Option<Peer> {
    let id = record.get("runid").filter(|id| is_id(id)).cloned().unwrap_or_default();
    Some(Peer { endpoint: endpoint_of(record, addresses)?, id })
}

fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
}

fn role(words: &[String], addresses: &Addresses) -> Option<Role<Option<Endpoint>>> {
    match words.first()?.as_str() {
        "master" => Some(Role::Primary(())),
        "slave" => {
            let of = words.get(1).zip(words.get(2));
            let of = of.and_then(|(host, port)| addresses.find(host, port));
            Some(Role::Replica(of))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> Endpoint {
        Endpoint { host: "127.0.0.1".into(), port }
    }

    fn record(fields: &[(&str, &str)]) -> Fields {
        fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_view_has_the_epoch_and_says_whether_a_failover_is_under_way() {
        let record = |flags, epoch| {
            record(&[
                ("ip", "127.0.0.1"),
                ("port", "1"),
                ("flags", flags),
                ("config-epoch", epoch),
                ("num-other-sentinels", "2"),
            ])
        };
        for (flags, epoch, expected, replacing) in [
            ("master", "3", 3, None),
            ("master,s_down,o_down", "3", 3, None),
            ("master,o_down,failover_in_progress,force_failover", "4", 4, Some(at(1))),
            ("master", "x", 0, None),
        ] {
            let (id, others) = (Some("5fd1".to_owned()), Some(2));
            let expected =
                SentinelView { id: id.clone(), others, address: at(2), epoch: expected, replacing };
            let none = Addresses::default();
            assert_eq!(
                view(id, at(2), (&record(flags, epoch), &none)),
                expected,
                "{flags} {epoch}"
            );
        }
        let blind =
            SentinelView { id: None, others: None, address: at(2), epoch: 0, replacing: None };
        let nothing = (&Fields::new(), &Addresses::default());
        assert_eq!(view(None, at(2), nothing), blind);
    }

    #[test]
    fn roles_are_those_of_data_nodes() {
        for (words, expected) in [
            (&["master", "3129659", ""][..], Some(Role::Primary(()))),
            (
                &["slave", "127.0.0.1", "9000", "connected", "3167038"],
                Some(Role::Replica(Some(at(9000)))),
            ),
            (&["slave", "", "0", "connect", "-1"], Some(Role::Replica(None))),
            (&["slave"], Some(Role::Replica(None))),
            (&["sentinel", ""], None),
            (&[], None),
        ] {
            let owned: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(role(&owned, &Addresses::default()), expected, "{words:?}");
        }
    }

    #[test]
    fn nodes_whose_address_is_not_known_are_left_out() {
        let known = record(&[("ip", "127.0.0.1"), ("port", "5"), ("runid", "5fd1")]);
        let none = Addresses::default();
        assert_eq!(peer(&known, &none), Some(Peer { endpoint: at(5), id: "5fd1".into() }));
        assert_eq!(peer(&record(&[("ip", "127.0.0.1"), ("port", "0")]), &none), None);
        assert_eq!(endpoint_of(&record(&[("port", "5")]), &none), None);
    }
}
