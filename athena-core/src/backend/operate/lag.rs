//! How far replicas are behind, by what nodes said of themselves and of each other.
//!
//! Invariant: what nobody said is `None`, and nothing is behind a primary that was not asked.

use serde::Serialize;

use super::survey::{Replication, Survey, SurveyedNode};

/// How far a replica is behind its primary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReplicaLag {
    /// Bytes of changes that it has not taken over, as far as is known; `None` if it is not.
    pub bytes: Option<u64>,
    /// Seconds since it has confirmed anything, or heard of its primary; `None` if nobody says.
    pub seconds: Option<u64>,
}

impl Survey {
    /// How far a replica is behind; of a primary, how far its last replica is.
    pub fn lag_of(&self, node: &SurveyedNode) -> ReplicaLag {
        match (&node.replication_info, node.is_replica) {
            (Some(says), Some(false)) if node.is_connected => of_last(says),
            (Some(says), Some(true)) if node.is_connected => self.of_replica(node, says),
            _ => ReplicaLag::default(),
        }
    }

    /// How far the last of all replicas is behind.
    pub fn longest_lag(&self) -> ReplicaLag {
        longest(self.nodes.iter().map(|node| self.lag_of(node)))
    }

    /// By its own word, and by what its primary says of itself at about the same time.
    fn of_replica(&self, node: &SurveyedNode, says: &Replication) -> ReplicaLag {
        let primary = self.primary_of(node, says);
        let offset = primary.and_then(|primary| primary.replication_info.as_ref()?.offset);
        let bytes = offset.zip(says.offset).map(|(all, own)| all.saturating_sub(own));
        ReplicaLag { bytes, seconds: says.last_heard_seconds }
    }

    /// It follows whom it names; where that is another name of the same, the one whose past it shares.
    fn primary_of(&self, node: &SurveyedNode, says: &Replication) -> Option<&SurveyedNode> {
        let is_named = |primary: &&SurveyedNode| Some(&primary.endpoint) == says.primary.as_ref();
        if let Some(named) = self.primaries().find(is_named) {
            return Some(named);
        }
        let history = node.history.as_ref()?;
        let mut same = self.primaries().filter(|primary| primary.history.as_ref() == Some(history));
        let first = same.next()?;
        same.next().is_none().then_some(first)
    }
}

/// How far the last replica is behind, as its primary sees it.
fn of_last(says: &Replication) -> ReplicaLag {
    longest(says.replicas.iter().map(|replica| ReplicaLag {
        bytes: says.offset.zip(replica.offset).map(|(all, own)| all.saturating_sub(own)),
        seconds: replica.lag_seconds,
    }))
}

fn longest(lags: impl Iterator<Item = ReplicaLag>) -> ReplicaLag {
    lags.fold(ReplicaLag::default(), |longest, lag| ReplicaLag {
        bytes: longest.bytes.max(lag.bytes),
        seconds: longest.seconds.max(lag.seconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::operate::ReplicaSight;

    fn node(endpoint: &str, is_replica: bool, says: Replication) -> SurveyedNode {
        SurveyedNode {
            endpoint: endpoint.to_owned(),
            is_connected: true,
            is_replica: Some(is_replica),
            history: Some("aa".to_owned()),
            replication_info: Some(says),
            ..SurveyedNode::default()
        }
    }

    fn lag(bytes: Option<u64>, seconds: Option<u64>) -> ReplicaLag {
        ReplicaLag { bytes, seconds }
    }

    #[test]
    fn a_replica_is_as_far_behind_as_it_and_its_primary_say() {
        let sight = |offset, lag_seconds| ReplicaSight {
            offset: Some(offset),
            lag_seconds: Some(lag_seconds),
            ..ReplicaSight::default()
        };
        let replicas = vec![sight(900, 1), sight(950, 3)];
        let primary = Replication { offset: Some(1_000), replicas, ..Replication::default() };
        let follows = |primary: &str, offset| Replication {
            offset: Some(offset),
            primary: Some(primary.to_owned()),
            last_heard_seconds: Some(2),
            ..Replication::default()
        };
        let mut silent = node("d", true, follows("a", 1));
        silent.is_connected = false;
        let nodes = vec![
            node("a", false, primary),
            node("b", true, follows("a", 940)),
            // Under another name, and asked a moment later.
            node("c", true, follows("10.0.0.1", 1_004)),
            silent,
            node("e", true, Replication::default()),
        ];
        let mut survey = Survey { nodes, ..Survey::default() };
        let lags: Vec<_> = survey.nodes.iter().map(|node| survey.lag_of(node)).collect();
        let expected = [
            lag(Some(100), Some(3)),
            lag(Some(60), Some(2)),
            lag(Some(0), Some(2)),
            lag(None, None),
            lag(None, None),
        ];
        assert_eq!(lags, expected);
        assert_eq!(survey.longest_lag(), lag(Some(100), Some(3)));
        // Nobody says how far a primary is that does not answer.
        survey.nodes[0].is_connected = false;
        assert_eq!(survey.lag_of(&survey.nodes[1]), lag(None, Some(2)));
    }
}
