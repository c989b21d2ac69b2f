//! The members of a cluster as one of them lists them (`CLUSTER NODES`), for people.

use athena_cache_core::backend::operate::ClusterMember;

/// How many are told of one list.
const MOST: usize = 4096;

/// Reads a list. What has no address, or is not known yet, is no member; lines that cannot be read are left out.
pub(super) fn members(text: &str) -> Vec<ClusterMember> {
    text.lines().filter_map(member).take(MOST).collect()
}

/// Reads `id ip:port@bus,host flags primary ping pong epoch state slot…`.
fn member(line: &str) -> Option<ClusterMember> {
    let mut words = line.split_ascii_whitespace();
    let mut member = ClusterMember::default();
    words.next()?.clone_into(&mut member.id);
    let address = words.next()?;
    let address = address.split_once(',').map_or(address, |(address, _)| address);
    let address = address.split_once('@').map_or(address, |(address, _)| address);
    address.clone_into(&mut member.endpoint);
    member.flags = words.next()?.split(',').map(str::to_owned).collect();
    if member.flags.iter().any(|flag| matches!(flag.as_str(), "noaddr" | "handshake")) {
        return None;
    }
    member.primary = words.next().filter(|id| *id != "-").map(str::to_owned);
    member.is_linked = words.nth(3)? == "connected";
    // What is in brackets is on its way, and belongs to its present owner.
    member.slots = words.filter(|word| !word.starts_with('[')).map(str::to_owned).collect();
    Some(member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a22_a_member_is_told_as_it_is_listed() {
        let text = "a 10.0.0.1:7000@17000,one.example myself,master - 0 0 3 connected 0-5460 [93-<-b]\n\
                    b [::1]:7001@17001 slave,fail? a 1 2 4 disconnected\n\
                    c :0@0 master,noaddr - 0 0 1 disconnected 5\n\
                    d 10.0.0.4:7003@17003 handshake - 0 0 0 connected\n\
                    nonsense\n";
        let [a, b] = &members(text)[..] else { panic!("two members") };
        assert_eq!((a.id.as_str(), a.endpoint.as_str()), ("a", "10.0.0.1:7000"));
        assert_eq!((a.flags.join(","), &a.primary), ("myself,master".to_owned(), &None));
        assert_eq!((a.is_linked, a.slots.join(" ")), (true, "0-5460".to_owned()));
        assert_eq!((b.endpoint.as_str(), b.primary.as_deref()), ("[::1]:7001", Some("a")));
        assert_eq!((b.is_linked, b.flags.join(",")), (false, "slave,fail?".to_owned()));
    }
}
