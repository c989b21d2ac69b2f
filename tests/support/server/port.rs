//! Ports for servers.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A port that nothing listens on; it comes round again after thousands of others.
///
/// It lies below the ports that the system gives to outgoing connections: one of those could keep
/// a server from returning to its port, and one that dials a dead port could be given that very
/// port and be connected to itself.
pub(crate) fn free_port() -> u16 {
    find(|_| true)
}

/// A port of a member of a cluster, whose bus has one above it that nothing listens on either.
pub(crate) fn free_member_port() -> u16 {
    find(|port| port < FIRST_OF_SYSTEM - BUS && is_free(port + BUS))
}

/// So far above its port is the bus of a member, if it is not told otherwise.
const BUS: u16 = 10_000;
/// Where those begin that the system gives to outgoing connections.
const FIRST_OF_SYSTEM: u16 = 32_768;

fn find(is_good: impl Fn(u16) -> bool) -> u16 {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static START: OnceLock<u32> = OnceLock::new();
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let start = START.get_or_init(|| {
        let random = RandomState::new().hash_one(std::process::id()) % u64::from(COUNT);
        u32::try_from(random).expect("less than the count")
    });
    (0..COUNT)
        .find_map(|_| {
            let port = FIRST + (start + TAKEN.fetch_add(1, Ordering::Relaxed)) % COUNT;
            let port = u16::try_from(port).expect("a port");
            (is_good(port) && is_free(port)).then_some(port)
        })
        .expect("a free port")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
