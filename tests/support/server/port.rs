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
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
        })
        .expect("a free port")
}
