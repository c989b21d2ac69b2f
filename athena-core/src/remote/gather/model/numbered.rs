//! A backend that numbers its questions, and answers when and how it is told.
//!
//! Invariant: what is told of a name is of that name and that question, and of no other.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::super::most_of_size;
use crate::backend::{
    Backend, Bump, Class, Ensured, Failure, Fill, Filled, Found, Generation, LeaseRequest, Leased,
    Node, Proof, Proposal, Stored, Token,
};
use crate::lock::Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::remote::gather) enum ReplyKind {
    Found,
    Failure(Class),
    Panic,
}

/// The names of a question.
#[derive(Debug, Clone)]
pub(in crate::remote::gather) struct AskedNames {
    pub(in crate::remote::gather) values: Vec<String>,
    generations: Vec<String>,
}

impl AskedNames {
    pub(in crate::remote::gather) fn are_once(&self) -> bool {
        [&self.values, &self.generations]
            .into_iter()
            .all(|names| names.iter().collect::<HashSet<_>>().len() == names.len())
    }
}

#[derive(Debug)]
pub(in crate::remote::gather) struct NumberedBackend {
    /// Bytes of a value.
    size: usize,
    asked: Mutex<Vec<AskedNames>>,
    /// By number, whose answers are still due.
    due: Mutex<Vec<(u64, oneshot::Sender<ReplyKind>)>>,
}

impl NumberedBackend {
    pub(in crate::remote::gather) fn new(size: usize) -> Self {
        Self { size, asked: Mutex::default(), due: Mutex::default() }
    }

    /// Questions so far.
    pub(in crate::remote::gather) fn count(&self) -> u64 {
        self.asked.lock().len() as u64
    }

    pub(in crate::remote::gather) fn asked(&self, number: u64) -> AskedNames {
        self.asked.lock()[usize::try_from(number).unwrap()].clone()
    }

    /// The questions to a node from that number on.
    pub(in crate::remote::gather) fn asked_since(
        &self,
        number: u64,
        node: usize,
    ) -> Vec<AskedNames> {
        let asked = self.asked.lock();
        let since = asked.iter().skip(usize::try_from(number).unwrap());
        let node = node.to_string();
        since.filter(|names| names.values[0].starts_with(&node)).cloned().collect()
    }

    /// How many values go together that are as large as these.
    pub(in crate::remote::gather) fn fitting(&self) -> usize {
        most_of_size(&[Some(Stored { bytes: vec![0; self.size], remaining: Duration::ZERO })])
    }

    /// Answers one of those that are due, and says for how many values; nothing if none is.
    pub(in crate::remote::gather) fn answer(&self, place: usize, kind: ReplyKind) -> Option<usize> {
        let (number, reply) = {
            let mut due = self.due.lock();
            due.retain(|(_, reply)| !reply.is_closed());
            let place = place.checked_rem(due.len())?;
            due.swap_remove(place)
        };
        let _ = reply.send(kind);
        Some(self.asked(number).values.len())
    }

    /// What a question finds of a value: of small ones every seventh is not there.
    pub(in crate::remote::gather) fn stored(&self, name: &str, number: u64) -> Option<Stored> {
        let mut bytes = format!("{name} {number}").into_bytes();
        bytes.resize(self.size.max(bytes.len()), b' ');
        let is_there = self.size > 16 || !(number + name.len() as u64).is_multiple_of(7);
        is_there.then_some(Stored { bytes, remaining: Duration::from_millis(number) })
    }
}

/// What a question finds of a generation: some are not there.
pub(in crate::remote::gather) fn generation_of(name: &str, number: u64) -> Option<Generation> {
    let digit = u64::from(*name.as_bytes().last()?);
    (digit % 5 != 0).then(|| Generation::new(number * 256 + digit))
}

/// The number of the question that a text tells of.
pub(in crate::remote::gather) fn number_in(text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).unwrap();
    text.rsplit(' ').next().unwrap().parse().unwrap()
}

#[async_trait]
impl Backend for NumberedBackend {
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure> {
        let [values, generations] = [values, generations]
            .map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let (reply, receiver) = oneshot::channel();
        let number = {
            let mut asked = self.asked.lock();
            let [values, generations] = [values.clone(), generations.clone()];
            asked.push(AskedNames { values, generations });
            asked.len() as u64 - 1
        };
        self.due.lock().push((number, reply));
        match receiver.await.unwrap_or(ReplyKind::Failure(Class::Closed)) {
            ReplyKind::Found => {}
            ReplyKind::Failure(class) => {
                return Err(Failure::new(class, format!("question {number}")));
            }
            // No message: there are many.
            ReplyKind::Panic => std::panic::resume_unwind(Box::new("as it is told")),
        }
        let proof = Proof { epoch: number, history: 0, tracks: true, lag: Duration::ZERO };
        Ok(Found {
            values: values.iter().map(|name| self.stored(name, number)).collect(),
            generations: generations.iter().map(|name| generation_of(name, number)).collect(),
            proof: Some(proof),
        })
    }

    async fn ensure(&self, _: &[Proposal<'_>]) -> Result<Ensured, Failure> {
        Err(beside())
    }

    async fn lease(&self, _: LeaseRequest<'_>) -> Result<Leased, Failure> {
        Err(beside())
    }

    async fn fill(&self, _: Fill<'_>) -> Result<Filled, Failure> {
        Err(beside())
    }

    async fn extend(&self, _: &str, _: Token, _: Duration) -> Result<bool, Failure> {
        Err(beside())
    }

    async fn release(&self, _: &str, _: Token) -> Result<(), Failure> {
        Err(beside())
    }

    async fn remove(&self, _: &[String]) -> Result<(), Failure> {
        Err(beside())
    }

    async fn shorten(&self, _: &[String], _: Duration) -> Result<(), Failure> {
        Err(beside())
    }

    async fn bump(&self, _: &[Bump<'_>]) -> Result<(), Failure> {
        Err(beside())
    }

    async fn prove(&self, _: Node) -> Result<Proof, Failure> {
        Err(beside())
    }

    fn epoch(&self, _: Node) -> u64 {
        0
    }

    fn is_ready(&self, _: Node) -> bool {
        true
    }

    fn endpoint(&self, _: Node) -> String {
        "numbered".to_owned()
    }

    async fn close(&self) {}
}

/// Nothing but reads is asked for.
fn beside() -> Failure {
    Failure::new(Class::Rejected, "only reads are numbered")
}
