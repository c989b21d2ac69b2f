//! What an operator may ask of a backend in memory.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;

use super::connection::{Connection, Store};
use super::contents::{AtTime, StoredBytes};
use crate::backend::operate::{
    BecomingValue, Examination, Examined, ExpectedValue, FleetMember, Membership, Operator,
    OwnSettings, Permission, RawValue, ScanCursor, ScanPage, ScannedNode, StoreKind, Survey,
    SurveyedNode, ValueChange,
};
use crate::backend::{Class, Failure, Node};
use crate::clock::{Clock, Tick};
use crate::lock::Mutex;

/// Reads what is stored without anybody being told of changes for it.
#[derive(Debug)]
pub(super) struct StoreOperator {
    store: Arc<Mutex<Store>>,
    connection: Connection,
    clock: Clock,
}

impl StoreOperator {
    pub(super) fn new(store: &Arc<Mutex<Store>>, connection: &Connection, clock: &Clock) -> Self {
        Self { store: Arc::clone(store), connection: connection.clone(), clock: clock.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock()
    }

    fn node(&self) -> SurveyedNode {
        SurveyedNode {
            endpoint: "memory".to_owned(),
            is_connected: true,
            is_replica: Some(false),
            history: Some(format!("{:016x}", self.lock().history())),
            ..SurveyedNode::default()
        }
    }
}

#[async_trait]
impl Operator for StoreOperator {
    async fn survey(&self, _limit: Duration) -> Arc<Survey> {
        let nodes = vec![self.node()];
        Arc::new(Survey { kind: StoreKind::Other, nodes, ..Survey::default() })
    }

    async fn examine(&self, _prefix: &str, _limit: Duration) -> Examination {
        let node = Examined {
            endpoint: "memory".to_owned(),
            is_replica: Some(false),
            tracking: Permission::Granted,
            is_direct: Some(true),
            ..Examined::default()
        };
        let own =
            OwnSettings { kind: "other".to_owned(), tracking: true, ..OwnSettings::default() };
        Examination { own, nodes: vec![node] }
    }

    fn reconnect(&self) {
        self.lock().renew(&self.connection);
    }

    fn scanned_nodes(&self) -> Vec<ScannedNode> {
        vec![ScannedNode::new(Node::ONLY, "memory", 0)]
    }

    async fn scan(
        &self,
        _node: Node,
        _from: ScanCursor,
        prefix: &str,
        _count: usize,
    ) -> Result<ScanPage, Failure> {
        let now = self.clock.now();
        let is_of_cache = |name: &String| {
            let rest = name.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.starts_with(['{', '#', '*', '@']))
        };
        let store = self.lock();
        let present = store.kept.iter().filter(|(_, kept)| kept.until > now);
        let names = present.map(|(name, _)| name.clone()).filter(is_of_cache).collect();
        Ok(ScanPage::new(names, None))
    }

    async fn stored(
        &self,
        names: &[String],
        most: usize,
    ) -> Result<Vec<Option<RawValue>>, Failure> {
        let now = self.clock.now();
        let store = self.lock();
        let value = |name: &String| {
            let StoredBytes { bytes, until } = store.kept.get_present(name, now)?;
            let remaining = (*until != Tick::FAR).then(|| until.since(now));
            let length = u64::try_from(bytes.len()).ok();
            Some(RawValue::new(Some(bytes[..bytes.len().min(most)].to_vec()), length, remaining))
        };
        Ok(names.iter().map(value).collect())
    }

    async fn change(&self, changes: &[ValueChange<'_>]) -> Result<Vec<bool>, Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        let mut change = |change: &ValueChange<'_>| {
            let ValueChange { name, found, becomes } = *change;
            let present = store.kept.get_present(name, now);
            let is_as_found = match (found, present) {
                (ExpectedValue::Whatever, _) | (ExpectedValue::Nothing, None) => true,
                (ExpectedValue::Bytes { beginning, length }, Some(kept)) => {
                    kept.bytes.starts_with(beginning) && kept.bytes.len() as u64 == length
                }
                _ => false,
            };
            if is_as_found {
                match becomes {
                    BecomingValue::Removed => drop(store.kept.remove(name)),
                    BecomingValue::Replaced { bytes, life } => {
                        let until = now.after(life);
                        let kept = StoredBytes { bytes: bytes.to_vec(), until };
                        store.kept.insert(name.to_owned(), kept);
                    }
                }
                store.changed_aside(&[name]);
            }
            is_as_found
        };
        Ok(changes.iter().map(&mut change).collect())
    }

    async fn join_fleet(&self, prefix: &str, membership: &Membership) -> Result<(), Failure> {
        if let Some(fault) = membership.fault() {
            return Err(Failure::new(Class::Rejected, fault));
        }
        let Membership { id, document, life } = membership;
        let now = self.clock.now();
        let until = now.after(*life);
        let mut store = self.lock();
        let stored = StoredBytes { bytes: document.clone(), until };
        store.kept.insert(format!("{prefix}{{@}}:{id}"), stored);
        let roster = store.rosters.entry(prefix.to_owned()).or_default();
        roster.retain(|_, (_, until)| *until > now);
        roster.insert(id.clone(), (now, now.after(life.saturating_mul(Membership::LIVES))));
        Ok(())
    }

    async fn leave_fleet(&self, prefix: &str, id: &str) -> Result<(), Failure> {
        let mut store = self.lock();
        store.kept.remove(&format!("{prefix}{{@}}:{id}"));
        if let Some(roster) = store.rosters.get_mut(prefix) {
            roster.remove(id);
        }
        Ok(())
    }

    async fn fleet(&self, prefix: &str) -> Result<Vec<FleetMember>, Failure> {
        let now = self.clock.now();
        let store = self.lock();
        let member = |(id, (came, _)): (&String, &(Tick, Tick))| {
            let name = format!("{prefix}{{@}}:{id}");
            let document = store.kept.get_present(&name, now).map(|kept| kept.bytes.clone());
            FleetMember::new(id, now.since(*came), document)
        };
        let present = store.rosters.get(prefix).into_iter().flatten();
        Ok(present.filter(|(_, (_, until))| *until > now).map(member).collect())
    }
}
