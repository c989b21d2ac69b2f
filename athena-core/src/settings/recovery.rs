//! Who sees to it that a cache gets well, and how far that may go, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whether somebody sees to it that the cache gets well where it does not by itself, and how far that may go.
///
/// Connections are kept up and values that cannot be read are replaced all the time, with nothing set. This is for what
/// lasts: nobody answers although all connections seem to be up; damaged values are met again and again; nodes are
/// slower than of late, or short of memory. It is looked for that every so often, and told in the log, the timeline, the
/// status and the metrics.
///
/// ```toml
/// [recovery]
/// every = "1m"
/// act = false
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RecoverySettings {
    /// How often it is looked. Default never; from 1 s to 10 min. A minute is a good time.
    ///
    /// Something counts as wrong after two or three such times, and as over after three.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// Whether what the servers hold may be changed. Default no.
    ///
    /// With it, values that no version of the program could read are removed, which else are only counted; and servers
    /// are told to give unused memory back, if administrators may act on the backend as well (`allow_admin` of Redis).
    /// One process of all that share the namespace does it.
    pub act: bool,
}

const SHORTEST: Duration = Duration::from_secs(1);
/// What holds the lease of recovery and dies is replaced after twice that.
const LONGEST: Duration = Duration::from_secs(10 * 60);

impl RecoverySettings {
    /// Looks so often, and changes nothing on servers.
    #[must_use]
    pub fn every(every: Duration) -> Self {
        Self { every: Some(every), act: false }
    }

    /// The same, and may act.
    #[must_use]
    pub fn and_act(self) -> Self {
        Self { act: true, ..self }
    }

    /// Adds what cannot be used.
    pub(super) fn check(&self, faults: &mut Vec<String>) {
        match self.every {
            None if self.act => faults.push(
                "`recovery.act` is set, and `recovery.every` is not, so that nobody looks, expected \
                 `recovery.every = \"1m\"` beside it"
                    .to_owned(),
            ),
            Some(every) if !(SHORTEST..=LONGEST).contains(&every) => {
                let shown = crate::duration::shown(every);
                faults.push(format!(
                    "`recovery.every` is {shown}, expected 1s to 10min; leave it out for never"
                ));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_said() {
        let fault = |settings: RecoverySettings| {
            let mut faults = Vec::new();
            settings.check(&mut faults);
            faults.pop()
        };
        let every = |seconds| RecoverySettings::every(Duration::from_secs(seconds));
        for fine in [RecoverySettings::default(), every(1), every(600), every(60).and_act()] {
            assert_eq!(fault(fine), None);
        }
        for seconds in [0, 601] {
            let text = fault(every(seconds)).unwrap_or_default();
            assert!(text.contains("expected 1s to 10min"), "{text}");
        }
        let text = fault(RecoverySettings::default().and_act()).unwrap_or_default();
        assert!(text.contains("`recovery.every` is not"), "{text}");
    }
}
