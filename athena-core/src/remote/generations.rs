//! Generations as they hold now, created where they are missing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::breakers::by_node;
use super::journal::Target;
use super::known::Sighting;
use super::pipeline::Operation;
use super::{Address, Remote, join_all, scattered};
use crate::backend::{Class, Ensured, Failure, Lasting, Node, Proof, Proposal};
use crate::clock::Tick;
use crate::coherence::revision::Revision;
use crate::coherence::session::Session;
use crate::envelope::Stamp;
use crate::resilience::deadline::Deadline;
use crate::tag::{Tag, Tags};

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

/// A generation that a load needs.
#[derive(Debug, Clone)]
pub(super) struct GenerationNeed {
    pub(super) name: Arc<str>,
    /// For how long; `None` if it has no end.
    pub(super) life: Option<Duration>,
}

/// How long a tag's generation is there beyond the life of the entry and of its lease, so that a load that is
/// slow does not outlive it, and entries that live shortly do not have it let live on again and again.
pub(crate) const SPARE: Duration = Duration::from_secs(60);

/// Longest that a generation is asked for; a store may not be able to keep anything for twice as long.
const LONGEST_NEED: Duration = Duration::from_secs(50 * 365 * 24 * 60 * 60);

/// A generation as it holds now, by its name, and what announces that it changes.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) name: Arc<str>,
    pub(super) stamp: Stamp,
    pub(super) session: Arc<Session>,
}

/// What is known of an answer about generations.
pub(super) struct Answered {
    pub(super) proof: Proof,
    pub(super) session: Arc<Session>,
    /// When it was asked for.
    pub(super) sent: Tick,
    pub(super) since: Revision,
}

impl Remote {
    /// The generations of tags that were not known before, and after them the one of all tags
    /// (coherence 10).
    ///
    /// In this order: a tag that changes in between is seen by the change of all tags.
    ///
    /// They are stamped into an entry of this life.
    pub(crate) async fn late_generations(
        &self,
        tags: &Tags,
        life: Duration,
    ) -> Result<LateGenerations, Failure> {
        let deadline = self.write_deadline();
        self.make_way_for(&Target::AnyTag, deadline).await?;
        for tag in tags.iter() {
            self.make_way_for(&Target::Tag(tag.clone()), deadline).await?;
        }
        let needs: Vec<_> = tags.iter().map(|tag| self.need_of_tag(tag, life)).collect();
        let tags = self.ensure(&needs, deadline).await?;
        let any_tag = self.ensure(&[self.need_of_any_tag()], deadline).await?;
        match any_tag.first() {
            Some(any_tag) => Ok(LateGenerations { any_tag: *any_tag, tags }),
            None => Err(too_few()),
        }
    }

    /// Completes generations wherever they are; answers in the order of the request.
    pub(super) async fn ensure(
        &self,
        needs: &[GenerationNeed],
        deadline: Deadline,
    ) -> Result<Vec<Stamp>, Failure> {
        let groups = by_node(&*self.backend, needs.iter().cloned(), |need| &need.name);
        let since = self.announcements.revisions.now();
        let current = self.ensure_on(groups, since, deadline).await?;
        in_order(needs, &current)
    }

    pub(super) async fn ensure_on(
        &self,
        groups: Vec<(Node, Vec<GenerationNeed>)>,
        since: Revision,
        deadline: Deadline,
    ) -> Result<Vec<Told>, Failure> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        // Boxed: mostly they are known, and it would stand in the future of every load.
        Box::pin(self.ensure_by_node(groups, since, deadline)).await
    }

    async fn ensure_by_node(
        &self,
        groups: Vec<(Node, Vec<GenerationNeed>)>,
        since: Revision,
        deadline: Deadline,
    ) -> Result<Vec<Told>, Failure> {
        let ensure = |(node, group): (Node, Vec<GenerationNeed>)| async move {
            let Some(GenerationNeed { name: first, .. }) = group.first() else {
                return Ok(Vec::new());
            };
            let (incarnation, sent) = self.before_asking(node);
            let ensure = async || self.backend.ensure(&self.proposals(&group)).await;
            let ensured = self.ask(Operation::ensure(), first, deadline, ensure).await?;
            let Ensured { generations, proof } = ensured;
            let proof = proof.ok_or_else(scattered)?;
            let session = self.announcements.sessions.of(node, incarnation, &proof, sent);
            Ok(self.told(&group, generations, &Answered { proof, session, sent, since }))
        };
        let mut current = Vec::new();
        for group in join_all(groups.into_iter().map(ensure)).await {
            current.append(&mut group?);
        }
        Ok(current)
    }

    /// What the load of an entry of this life depends on, in the order of [`Generations`].
    pub(super) fn needs(
        &self,
        address: &Address,
        tags: &Tags,
        life: Duration,
    ) -> Vec<GenerationNeed> {
        let namespace = self.namespace.generation(self.backend.partition(address.entry.as_str()));
        // There are few of it, and a store that makes room would empty the cache with it.
        let namespace = GenerationNeed { name: namespace, life: None };
        let tags = tags.iter().map(|tag| self.need_of_tag(tag, life));
        std::iter::once(namespace).chain(tags).collect()
    }

    fn need_of_tag(&self, tag: &Tag, life: Duration) -> GenerationNeed {
        let life = life.saturating_add(SPARE).min(LONGEST_NEED);
        GenerationNeed { name: self.namespace.tag(tag), life: Some(life) }
    }

    pub(super) fn need_of_any_tag(&self) -> GenerationNeed {
        GenerationNeed { name: self.namespace.any_tag().into(), life: None }
    }

    /// Proposals for one attempt: a number that an earlier one has created may have been used and changed since
    /// (coherence 7).
    pub(super) fn proposals<'n>(&self, needs: &'n [GenerationNeed]) -> Vec<Proposal<'n>> {
        let propose = |GenerationNeed { name, life }: &'n GenerationNeed| {
            let generation = self.generation();
            Proposal { name, generation, life: *life }
        };
        needs.iter().map(propose).collect()
    }

    /// What one node answered about the generations that it was asked for; it is known from now on.
    pub(super) fn told(
        &self,
        needs: &[GenerationNeed],
        generations: Vec<Lasting>,
        answered: &Answered,
    ) -> Vec<Told> {
        let Answered { proof, session, sent, since } = answered;
        let told = |(GenerationNeed { name, .. }, Lasting { generation, remaining }): (
            &GenerationNeed,
            _,
        )| {
            let stamp = Stamp { generation, history: proof.history };
            let until = remaining.map(|remaining| sent.after(remaining));
            let session = Arc::clone(session);
            let sighting = Sighting { stamp: Some(stamp), until, session: Arc::clone(&session) };
            self.know(name, sighting, *since);
            Told { name: name.clone(), stamp, session }
        };
        needs.iter().zip(generations).map(told).collect()
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

/// What was answered by name, in the order of what was needed.
pub(super) fn in_order(needs: &[GenerationNeed], current: &[Told]) -> Result<Vec<Stamp>, Failure> {
    let told: HashMap<&str, Stamp, foldhash::fast::RandomState> =
        current.iter().map(|told| (&*told.name, told.stamp)).collect();
    let find = |GenerationNeed { name, .. }: &GenerationNeed| told.get(&**name).copied();
    needs.iter().map(find).collect::<Option<Vec<_>>>().ok_or_else(too_few)
}

fn too_few() -> Failure {
    Failure::new(Class::Rejected, "the backend answered too few generations")
}
