//! A cluster of many nodes that is played: one store behind them, each of them with a switch.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use athena_cache::backend::operate::{
    Examination, FleetMember, Membership, MemoryUse, Operator, RawValue, ScanCursor, ScanPage,
    ScannedNode, StoreKind, Survey, SurveyedNode,
};
use athena_cache::backend::{
    Backend, Bump, Class, Ensured, Failure, Fill, Filled, Found, LeaseRequest, Leased, Listener,
    Node, Proof, Proposal, Token,
};
use athena_cache::testing::MemoryBackend;

/// As many primaries, each with a replica, as are wanted.
#[derive(Debug, Clone)]
pub struct ManyNodes {
    store: MemoryBackend,
    primaries: u32,
    /// Numbers of primaries that do not answer.
    away: Arc<Mutex<BTreeSet<u32>>>,
}

impl ManyNodes {
    pub fn new(primaries: u32) -> Self {
        Self { store: MemoryBackend::new(), primaries, away: Arc::default() }
    }

    pub fn stop(&self, node: u32) {
        self.away.lock().unwrap().insert(node);
    }

    fn is_away(&self, node: Node) -> bool {
        self.away.lock().unwrap().contains(&node.number())
    }

    fn asked<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> Result<(), Failure> {
        match names.next() {
            Some(name) if self.is_away(self.node(name)) => {
                Err(Failure::new(Class::Unreachable, "stopped".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn surveyed(&self, number: u32, is_replica: bool) -> SurveyedNode {
        let is_away = !is_replica && self.is_away(Node::new(number));
        let mut node = SurveyedNode::default();
        node.endpoint = if is_replica { replica(number) } else { self.endpoint(Node::new(number)) };
        node.is_connected = !is_away;
        node.is_replica = Some(is_replica);
        if is_away {
            node.error = Some("no answer within 500ms".to_owned());
            return node;
        }
        (node.version, node.server_type) = (Some("7.0.15".into()), Some("cluster".into()));
        node.availability_zone = Some(format!("zone-{}", (b'a' + (number % 3) as u8) as char));
        node.history = Some(format!("{number:016x}"));
        let mut memory = MemoryUse::default();
        (memory.used, memory.max) = (Some(u64::from(number + 1) << 22), Some(1 << 30));
        node.memory = Some(memory);
        if !is_replica {
            let slot = |number: u32| number * 16_384 / self.primaries;
            node.slots = vec![format!("{}-{}", slot(number), slot(number + 1) - 1)];
        }
        node
    }
}

fn replica(number: u32) -> String {
    format!("10.0.{}.{}:6380", number / 250, number % 250)
}

#[async_trait]
impl Operator for ManyNodes {
    async fn survey(&self, _: Duration) -> Arc<Survey> {
        let mut survey = Survey::default();
        survey.kind = StoreKind::Cluster;
        let both = [false, true].map(|is_replica| {
            (0..self.primaries).map(move |number| self.surveyed(number, is_replica))
        });
        survey.nodes = both.into_iter().flatten().collect();
        Arc::new(survey)
    }

    async fn examine(&self, _: &str, _: Duration) -> Examination {
        Examination::default()
    }

    fn scanned_nodes(&self) -> Vec<ScannedNode> {
        Vec::new()
    }

    async fn scan(&self, _: Node, _: ScanCursor, _: &str, _: usize) -> Result<ScanPage, Failure> {
        Err(Failure::new(Class::Unreachable, "nothing is listed here".to_owned()))
    }

    async fn stored(&self, names: &[String], _: usize) -> Result<Vec<Option<RawValue>>, Failure> {
        Ok(names.iter().map(|_| None).collect())
    }

    async fn join_fleet(&self, _: &str, _: &Membership) -> Result<(), Failure> {
        Ok(())
    }

    async fn leave_fleet(&self, _: &str, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn fleet(&self, _: &str) -> Result<Vec<FleetMember>, Failure> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Backend for ManyNodes {
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure> {
        self.asked(values.iter().chain(generations).copied())?;
        self.store.read(values, generations).await
    }

    async fn ensure(&self, proposals: &[Proposal<'_>]) -> Result<Ensured, Failure> {
        self.asked(proposals.iter().map(|it| it.name))?;
        self.store.ensure(proposals).await
    }

    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure> {
        self.asked([request.lease].into_iter())?;
        self.store.lease(request).await
    }

    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure> {
        self.asked([fill.lease].into_iter())?;
        self.store.fill(fill).await
    }

    async fn extend(&self, lease: &str, token: Token, life: Duration) -> Result<bool, Failure> {
        self.store.extend(lease, token, life).await
    }

    async fn release(&self, lease: &str, token: Token) -> Result<(), Failure> {
        self.store.release(lease, token).await
    }

    async fn remove(&self, names: &[String]) -> Result<(), Failure> {
        self.asked(names.iter().map(String::as_str))?;
        self.store.remove(names).await
    }

    async fn shorten(&self, names: &[String], life: Duration) -> Result<(), Failure> {
        self.store.shorten(names, life).await
    }

    async fn bump(&self, bumps: &[Bump<'_>]) -> Result<(), Failure> {
        self.asked(bumps.iter().map(|it| it.name))?;
        self.store.bump(bumps).await
    }

    async fn prove(&self, node: Node) -> Result<Proof, Failure> {
        if self.is_away(node) {
            return Err(Failure::new(Class::Unreachable, "stopped".to_owned()));
        }
        self.store.prove(Node::ONLY).await
    }

    fn node(&self, name: &str) -> Node {
        // What stands in braces decides, as in a cluster, so that what is one entry's is one node's.
        let part =
            name.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or(name, |it| it.0);
        let number =
            part.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Node::new(number % self.primaries)
    }

    fn nodes(&self) -> Vec<Node> {
        (0..self.primaries).map(Node::new).collect()
    }

    fn listen(&self, listener: Listener) {
        self.store.listen(listener);
    }

    fn epoch(&self, _: Node) -> u64 {
        self.store.epoch(Node::ONLY)
    }

    fn is_ready(&self, node: Node) -> bool {
        !self.is_away(node)
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        Some(Arc::new(self.clone()))
    }

    fn endpoint(&self, node: Node) -> String {
        format!("10.0.{}.{}:6379", node.number() / 250, node.number() % 250)
    }

    async fn close(&self) {}
}
