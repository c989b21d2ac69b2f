//! What reads the words of members of a cluster, for tests and fuzzers that make bytes up.

use super::nodes::{ClusterView, Preferred, Reading, parse_target};
use crate::config::Addresses;
use crate::link::fuzzing;
use crate::url::Endpoint;

/// `CLUSTER NODES` as text, `CLUSTER SLOTS` as a reply, and the target of a redirect.
pub(crate) fn read_all(bytes: &[u8]) {
    let addresses = Addresses::default();
    let asked = &Endpoint { host: "asked".to_owned(), port: 6379 };
    let text = String::from_utf8_lossy(bytes);
    let view =
        |preferred| ClusterView::parse(&text, Reading { asked, preferred, addresses: &addresses });
    for preferred in [Preferred::Ip, Preferred::Name, Preferred::NameOrIp, Preferred::Asked] {
        if let Some(view) = view(preferred) {
            assert!(view.own().is_some_and(|own| own.id == view.speaker));
        }
    }
    if let Some(mut said) = fuzzing::replies(bytes) {
        drop(Preferred::read(&mut said, &[]));
    }
    if let Some(target) = parse_target(&text, asked, &addresses) {
        assert_ne!(target.port, 0);
    }
}
