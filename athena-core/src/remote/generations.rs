//! Generations as they hold now, created where they are missing.

use std::sync::Arc;

use super::breakers::by_node;
use super::journal::Target;
use super::pipeline::Operation;
use super::{Address, Remote, join_all, scattered};
use crate::backend::{Class, Ensured, Failure, Generation, Node, Proof};
use crate::coherence::revision::Revision;
use crate::coherence::session::Session;
use crate::envelope::Stamp;
use crate::resilience::deadline::Deadline;
use crate::tag::Tags;

/// The generations that an entry depends on.
#[derive(Debug, Clone)]
pub(crate) struct Generations {
    pub(crate) namespace: Stamp,
    /// Changes whenever any tag is invalidated, before the tag's own generation does; if asked for.
    pub(crate) any_tag: Option<Stamp>,
    /// Of the tags, in their order.
    pub(crate) tags: Vec<Stamp>,
}

/// The generations of tags that were known only after the load.
#[derive(Debug, Clone)]
pub(crate) struct LateGenerations {
    pub(crate) any_tag: Stamp,
    pub(crate) tags: Vec<Stamp>,
}

/// A generation as it holds now, by its name, and what announces that it changes.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) stamp: Stamp,
    pub(super) session: Arc<Session>,
}

impl Remote {
    /// The generations of tags that were not known before, and after them the one of all tags
    /// (coherence 10).
    ///
    /// In this order: a tag that changes in between is seen by the change of all tags.
    pub(crate) async fn late_generations(&self, tags: &Tags) -> Result<LateGenerations, Failure> {
        let deadline = self.write_deadline();
        self.make_way_for(&Target::AnyTag, deadline).await?;
        for tag in tags.iter() {
            self.make_way_for(&Target::Tag(tag.clone()), deadline).await?;
        }
        let proposals: Vec<_> =
            tags.iter().map(|tag| (self.namespace.tag(tag), self.generation())).collect();
        let tags = self.ensure(&proposals, deadline).await?;
        let any_tag = [(self.namespace.any_tag(), self.generation())];
        let any_tag = self.ensure(&any_tag, deadline).await?;
        match any_tag.first() {
            Some(any_tag) => Ok(LateGenerations { any_tag: *any_tag, tags }),
            None => Err(too_few()),
        }
    }

    /// Completes generations wherever they are; answers in the order of the request.
    async fn ensure(
        &self,
        proposals: &[(String, Generation)],
        deadline: Deadline,
    ) -> Result<Vec<Stamp>, Failure> {
        let groups = by_node(&*self.backend, proposals.iter().cloned(), |(name, _)| name);
        let since = self.announcements.revisions.now();
        let current = self.ensure_on(groups, since, deadline).await?;
        in_order(proposals, &current)
    }

    pub(super) async fn ensure_on(
        &self,
        groups: Vec<(Node, Vec<(String, Generation)>)>,
        since: Revision,
        deadline: Deadline,
    ) -> Result<Vec<Told>, Failure> {
        let ensure = |(node, group): (Node, Vec<(String, Generation)>)| async move {
            let Some((first, _)) = group.first() else { return Ok(Vec::new()) };
            let (incarnation, sent) = self.before_asking(node);
            let ensure = || self.backend.ensure(&group);
            let ensured = self.ask(Operation::ensure(), first, deadline, ensure).await?;
            let Ensured { generations, proof } = ensured;
            let proof = proof.ok_or_else(scattered)?;
            let session = self.announcements.sessions.of(node, incarnation, &proof, sent);
            let told = told(group, generations, &proof, &session);
            self.know_all(&told, since);
            Ok(told)
        };
        let mut current = Vec::new();
        for group in join_all(groups.into_iter().map(ensure)).await {
            current.append(&mut group?);
        }
        Ok(current)
    }

    /// Proposals for the generations that a load depends on, in the order of [`Generations`].
    pub(super) fn proposals(&self, address: &Address, tags: &Tags) -> Vec<(String, Generation)> {
        self.generation_names(&address.entry, tags).map(|name| (name, self.generation())).collect()
    }
}

impl Generations {
    /// The namespace's, the tags' in their order, and that of all tags at the end if it was asked for.
    pub(super) fn of(current: &[Stamp], with_any_tag: bool) -> Result<Self, Failure> {
        let (any_tag, rest) = match current {
            [rest @ .., any_tag] if with_any_tag => (Some(*any_tag), rest),
            rest => (None, rest),
        };
        match rest {
            [namespace, tags @ ..] => {
                Ok(Self { namespace: *namespace, any_tag, tags: tags.to_vec() })
            }
            [] => Err(too_few()),
        }
    }
}

/// What one node answered about the generations that were proposed to it.
pub(super) fn told(
    proposals: Vec<(String, Generation)>,
    generations: Vec<Generation>,
    proof: &Proof,
    session: &Arc<Session>,
) -> Vec<Told> {
    let told = |((name, _), generation)| Told {
        name,
        stamp: Stamp { generation, history: proof.history },
        session: Arc::clone(session),
    };
    proposals.into_iter().zip(generations).map(told).collect()
}

/// What was answered by name, in the order of what was proposed.
pub(super) fn in_order(
    proposals: &[(String, Generation)],
    current: &[Told],
) -> Result<Vec<Stamp>, Failure> {
    let find = |(name, _): &(String, Generation)| {
        current.iter().find(|told| told.name == *name).map(|told| told.stamp)
    };
    proposals.iter().map(find).collect::<Option<Vec<_>>>().ok_or_else(too_few)
}

fn too_few() -> Failure {
    Failure::new(Class::Rejected, "the backend answered too few generations")
}
