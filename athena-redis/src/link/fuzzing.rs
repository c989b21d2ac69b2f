//! What reads the replies of any node, for tests and fuzzers that make bytes up.

use redis::{PushInfo, Value};

use super::batch::Replies;
use super::maintenance;
use super::meter::Meter;
use super::origin::Origin;
use super::push;
use super::stranger::Stranger;
use super::unheard::NodeStats;
use super::{Push, role};

/// The replies that bytes are, or none: the items of a list, each a reply.
pub(crate) fn replies(bytes: &[u8]) -> Option<Replies> {
    let values = match parse(bytes)? {
        Value::Array(values) => values,
        value => vec![value],
    };
    Some(Replies::new(values, Origin::Nowhere))
}

/// What bytes are, if they are metered as those of a connection.
fn parse(bytes: &[u8]) -> Option<Value> {
    let limit = 4_096 + 64 * bytes.len() as u64;
    Meter::new(limit).add(bytes).ok()?;
    redis::parse_redis_value(bytes).ok()
}

/// The message that bytes are on a channel, if they are one; what they change is told apart as well.
pub(crate) fn push(bytes: &[u8]) -> Option<Push> {
    let Value::Push { kind, data } = parse(bytes)? else { return None };
    let info = PushInfo { kind, data };
    let message = push::message(&info);
    maintenance::read_push(&info, message.as_ref().map(|message| message.payload.as_str()));
    drop(push::change(info));
    message
}

/// Everything that is asked of every node.
pub(crate) fn read_all(bytes: &[u8]) {
    let mut meter = Meter::new(1 << 20);
    let is_metered = bytes.chunks(7).try_for_each(|piece| meter.add(piece).map(drop)).is_ok();
    assert_eq!(Meter::new(1 << 20).add(bytes).is_ok(), is_metered, "in pieces as in one");
    let readers: [fn(&mut Replies); 10] = [
        |replies| drop(role::read_role(replies)),
        |replies| drop(role::read_state(replies)),
        |replies| drop(NodeStats::read(replies, true)),
        |replies| {
            let _ = Stranger::among_nodes(replies, false);
        },
        |replies| {
            let _ = Stranger::among_sentinels(replies);
        },
        |replies| drop(replies.words()),
        |replies| drop(replies.records()),
        |replies| drop(replies.list().and_then(|mut list| list.bytes())),
        |replies| drop(replies.text()),
        |replies| drop((replies.denial(), replies.consequence())),
    ];
    for read in readers {
        if let Some(mut replies) = replies(bytes) {
            read(&mut replies);
        }
    }
}
