//! What follows from an announcement of maintenance (B24 to B35).
//!
//! Invariant: whatever is begun here has an end of its own, however little is announced afterwards; an announcement
//! is obeyed once; and one that says nothing about now changes nothing.

#[cfg_attr(not(test), expect(dead_code, reason = "no hours can be set so far"))]
mod weekly;

use std::collections::VecDeque;
use std::time::Duration;

use crate::backend::{MaintenanceEvent, MaintenanceKind};
use crate::clock::Tick;

/// How long what is done for a maintenance goes on after its beginning, if nobody says that it is over.
const HOLD: Duration = Duration::from_secs(60);
/// What is announced further ahead than this says nothing about now.
const FURTHEST: Duration = Duration::from_secs(20 * 60);
/// How far ahead a beginning is taken to be that nobody has told.
const AHEAD: Duration = Duration::from_secs(30);
/// Announced times may be as short as two seconds, and the answers slow for longer.
const SHORTEST: Duration = Duration::from_secs(10);
/// How many numbers of announcements are remembered.
const MOST: usize = 128;

/// What is done for a maintenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MaintenanceAction {
    /// Use another region meanwhile, if one is well.
    UseOtherRegion { until: Tick },
    /// This region can be used again, once it has answered for its grace.
    UseThisRegion,
    /// Give answers more time.
    RelaxTimeouts { until: Tick },
    /// Send no writes; invalidations wait in the journal.
    IsolateWrites { until: Tick },
    /// Writes may be sent again.
    ResumeWrites,
    /// Do not read from a replica.
    AvoidReplica { node: NodePlace, until: Tick },
    /// A replica may be read again.
    UseReplica { node: NodePlace },
    /// Ask who serves now.
    RefreshTopology,
    /// Connect anew, there or where it is configured, before so long.
    Reconnect { to: Option<String>, within: Duration },
}

/// Which node is meant: host and ports as far as they were told; any, where nothing was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodePlace {
    host: Option<String>,
    ports: Vec<u32>,
}

impl NodePlace {
    fn of(event: &MaintenanceEvent) -> Self {
        Self { host: event.node.clone(), ports: event.ports.clone() }
    }

    /// Whether it may be the node at an address.
    #[cfg_attr(not(test), expect(dead_code, reason = "no replica is read from so far"))]
    pub(crate) fn may_be(&self, host: &str, port: u16) -> bool {
        self.host.as_deref().is_none_or(|it| it.eq_ignore_ascii_case(host))
            && (self.ports.is_empty() || self.ports.contains(&u32::from(port)))
    }
}

/// What is remembered of announcements about one region.
#[derive(Debug)]
pub(crate) struct Maintenance {
    has_other_region: bool,
    heard: VecDeque<(std::mem::Discriminant<MaintenanceKind>, i64)>,
}

impl Maintenance {
    pub(crate) fn new(has_other_region: bool) -> Self {
        Self { has_other_region, heard: VecDeque::new() }
    }

    /// What follows from an announcement.
    pub(crate) fn decide(&mut self, event: &MaintenanceEvent, now: Tick) -> Vec<MaintenanceAction> {
        use MaintenanceAction::{
            AvoidReplica, IsolateWrites, Reconnect, RefreshTopology, RelaxTimeouts, ResumeWrites,
            UseOtherRegion, UseReplica, UseThisRegion,
        };
        if !self.is_new(event) {
            return Vec::new();
        }
        let is_replica = event.is_replica == Some(true);
        let node = || NodePlace::of(event);
        let lasting = now.after(event.lasts.unwrap_or_default().clamp(SHORTEST, HOLD));
        match &event.kind {
            // It is said again when it begins, if it does.
            MaintenanceKind::Scheduled | MaintenanceKind::Unknown(_) => Vec::new(),
            MaintenanceKind::Starting | MaintenanceKind::Imminent => {
                let begins = match (&event.kind, event.starts_in) {
                    (MaintenanceKind::Imminent, _) => Duration::ZERO,
                    (_, starts_in) => starts_in.unwrap_or(AHEAD),
                };
                if begins > FURTHEST {
                    return Vec::new();
                }
                let until = now.after(begins.saturating_add(HOLD));
                if is_replica {
                    return vec![AvoidReplica { node: node(), until }];
                }
                if self.has_other_region {
                    return vec![UseOtherRegion { until }, RelaxTimeouts { until }];
                }
                let mut actions = vec![RelaxTimeouts { until }];
                if event.kind == MaintenanceKind::Imminent {
                    actions.push(IsolateWrites { until });
                }
                actions
            }
            MaintenanceKind::FailingOver => vec![RelaxTimeouts { until: lasting }],
            MaintenanceKind::Moving { to } => {
                let within = event.lasts.or(event.starts_in).unwrap_or_default().min(HOLD);
                // Where nothing was told it is found anew halfway, before the socket is closed.
                let within = if to.is_some() { within } else { within / 2 };
                vec![RelaxTimeouts { until: lasting }, Reconnect { to: to.clone(), within }]
            }
            MaintenanceKind::FailedOver => vec![RefreshTopology, ResumeWrites, UseThisRegion],
            MaintenanceKind::Ended if is_replica => vec![UseReplica { node: node() }],
            MaintenanceKind::Ended => {
                vec![RefreshTopology, ResumeWrites, UseThisRegion, UseReplica { node: node() }]
            }
            MaintenanceKind::SlotsMoved | MaintenanceKind::TopologyChanged => vec![RefreshTopology],
        }
    }

    /// Whether it says something about now, and for the first time.
    fn is_new(&mut self, event: &MaintenanceEvent) -> bool {
        use MaintenanceKind::{Ended, FailedOver, SlotsMoved};
        // Servers keep the end of things, and tell it to every connection hours later.
        if event.is_repeated && matches!(event.kind, FailedOver | Ended | SlotsMoved) {
            return false;
        }
        let Some(number) = event.number else { return true };
        let heard = (std::mem::discriminant(&event.kind), number);
        if self.heard.contains(&heard) {
            return false;
        }
        if self.heard.len() >= MOST {
            self.heard.pop_front();
        }
        self.heard.push_back(heard);
        true
    }
}

#[cfg(test)]
mod tests;
