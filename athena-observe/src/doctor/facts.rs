//! What is known of a deployment.

use athena_cache_core::backend::operate::{
    Examination, Examined, SentinelReport, Survey, SurveyedNode,
};

use super::finding::Finding;

/// What nodes, sentinels and names say.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Facts {
    /// What each node says of itself.
    pub survey: Survey,
    /// What was found out about each.
    pub examination: Examination,
    /// What sentinels say; `None` where there are none.
    pub sentinels: Option<SentinelReport>,
    /// What the names show; `None` if no node listed any.
    pub names: Option<NameFacts>,
}

/// What was seen of the names of the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameFacts {
    /// How many were looked at.
    pub looked_at: usize,
    /// Values among them that never end.
    pub without_life: usize,
    /// Entries among them that are named by a digest.
    pub digests: usize,
    /// Functions whose entries are.
    pub digested: Vec<String>,
    /// Names in braces that no cache writes.
    pub foreign: usize,
}

impl Facts {
    /// The nodes that answered, with what was found out about each.
    pub(super) fn answering(&self) -> impl Iterator<Item = (&SurveyedNode, Option<&Examined>)> {
        let connected = self.survey.nodes.iter().filter(|node| node.is_connected);
        connected.map(|node| (node, self.examined(node)))
    }

    /// What is wrong with each node that answered, by itself.
    pub(super) fn each(
        &self,
        found: &mut Vec<Finding>,
        judge: impl Fn(&SurveyedNode, Option<&Examined>) -> Option<Finding>,
    ) {
        let answering = self.answering();
        found.extend(answering.filter_map(|(node, it)| Some(judge(node, it)?.on(&node.endpoint))));
    }

    /// What was found out about a node.
    pub(super) fn examined(&self, node: &SurveyedNode) -> Option<&Examined> {
        self.examination.nodes.iter().find(|it| it.endpoint == node.endpoint)
    }

    /// Those of them that serve.
    pub(super) fn primaries(&self) -> impl Iterator<Item = (&SurveyedNode, Option<&Examined>)> {
        self.answering().filter(|(node, _)| node.is_replica == Some(false))
    }
}

/// A setting of a node, if it let us ask.
pub(super) fn setting<'a>(examined: Option<&'a Examined>, name: &str) -> Option<&'a str> {
    examined?.settings.as_ref()?.get(name).map(String::as_str)
}

/// The same as a number.
pub(super) fn number(examined: Option<&Examined>, name: &str) -> Option<u64> {
    setting(examined, name)?.parse().ok()
}
