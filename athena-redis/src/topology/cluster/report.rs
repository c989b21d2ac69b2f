//! Tells who took over from whom, once the new node can be used.

use std::sync::{Arc, Weak};
use std::time::Duration;

use athena_cache_core::backend::{Cause, Change, Class, Failover};
use tokio::time::{Instant, sleep};

use super::layout::Succession;
use crate::link::{Client, Doubt, Link};

const PAUSE: Duration = Duration::from_millis(20);

/// What set a failover off, by what was known of the former node when the new one was heard of.
pub(super) fn cause(former: Option<Doubt>, was_connected: bool) -> Cause {
    match former {
        Some(Doubt::Silent | Doubt::Lost) => Cause::Unplanned,
        None if was_connected => Cause::Planned,
        None | Some(Doubt::NotServing) => Cause::Unknown,
    }
}

/// Waits until the new node can be used, then tells; ends without a word if it never can.
pub(super) async fn report(
    client: Arc<Client>,
    succession: Succession,
    cause: Cause,
    since: Instant,
    heir: Weak<Link>,
) {
    // Not held in between: a link that is let go must end.
    while let Some(link) = heir.upgrade() {
        match link.connect().await {
            Ok(()) => {
                let Succession { from, to, .. } = &succession;
                client.tell(&Change::Failover(Failover::new(from, to, cause, since.elapsed())));
                return;
            }
            Err(failure) if matches!(failure.class(), Class::Closed | Class::Disconnected) => {
                return;
            }
            Err(_) => {}
        }
        drop(link);
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b01_a_failover_is_planned_if_the_former_node_was_sound_until_then() {
        for (former, was_connected, expected) in [
            (None, true, Cause::Planned),
            (None, false, Cause::Unknown),
            (Some(Doubt::NotServing), true, Cause::Unknown),
            (Some(Doubt::Silent), true, Cause::Unplanned),
            (Some(Doubt::Lost), true, Cause::Unplanned),
            (Some(Doubt::Lost), false, Cause::Unplanned),
        ] {
            assert_eq!(cause(former, was_connected), expected, "{former:?} {was_connected}");
        }
    }
}
