//! The text that Prometheus scrapes, format 0.0.4.
//!
//! Written by hand: it takes a page, and no crate for it holds still for as long as a cache should.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use athena_cache_core::Cache;
//! use athena_cache_observe::prometheus::{self, Exposition};
//!
//! let cache = Cache::in_memory("shop");
//! cache.entry("a").get::<u8>().await.unwrap();
//! // What the handler of `GET /metrics` answers with, as `prometheus::CONTENT_TYPE`.
//! let text = Exposition::new().render(&[cache.report()]);
//! assert!(text.contains("athena_cache_health_status{cache=\"shop\",check=\"cache\"} 0\n"));
//! # let _ = prometheus::CONTENT_TYPE;
//! # }
//! ```
//!
//! Every name begins with `athena_cache_` and has the label `cache`, the namespace. Counters begin at zero with the
//! process. What is not known is left out, and never zero in its place.
//!
//! | name | labels | is |
//! |---|---|---|
//! | `requests_total` | `site`, `result`: `memory`, `backend`, `stale`, `joined`, `miss`, `bypass`, `failed` | calls, each once; `failed` got an error since the backend could not answer |
//! | `degraded_total` | `site` | of them, those that were answered without the backend's word |
//! | `request_duration_seconds` | `tier`: `memory`, `backend`, `load`, `joined`, `stale`, `fallback` | histogram: how long callers waited; of hits in memory one in 1024 is measured |
//! | `load_duration_seconds` | `site` | histogram: what functions take that return something |
//! | `load_failures_total`, `load_timeouts_total` | `site` | loads that failed, or were given up |
//! | `refreshes_total` | `site` | loads in the background |
//! | `stale_age_seconds` | | histogram: how old stale answers were |
//! | `fills_total` | | values that the backend took |
//! | `not_kept_total` | `reason` | values that were not kept, or not sent |
//! | `unreadable_total`, `unwritable_total` | | entries that could not be read, or not written |
//! | `operation_duration_seconds` | `operation` | histogram: what exchanges with nodes took; with `endpoint` with [`endpoints`](Exposition::endpoints), as the next one and `node_info` |
//! | `operation_failures_total` | `operation`, `class` | operations that the backend did not do; of how many a caller saw something, `requests_total` tells as `failed` |
//! | `retries_total`, `reconnects_total`, `breaker_openings_total` | | |
//! | `retry_budget_left` | | retries that are left to all operations together now; at 0 what fails is not attempted again |
//! | `failovers_total` | `cause`: `planned`, `unplanned` | |
//! | `last_failover_timestamp_seconds`, `last_recovery_seconds` | | once there was one |
//! | `recovery_steps_total` | `step`, `result`: `done`, `left`, `refused`, `failed` | what was done so that the cache gets well, if somebody sees to that |
//! | `invalidations_total`, `journaled_total` | | all, and those that had to wait |
//! | `journal_entries`, `journal_oldest_seconds` | | those that wait now |
//! | `entries`, `entries_max`, `entry_bytes` | | what is in memory |
//! | `health_status` | `check` | 0 healthy, 1 degraded, 2 unhealthy; `cache` is what is known, the others what health checks found if they were asked within a minute; what they did not find out is left out |
//! | `health_check_seconds` | `check` | how long that took; likewise |
//! | `node_info` | `role`, `history` | 1 for each node in use; another history is another past, as after a failover |
//! | `nodes`, `nodes_ready`, `nodes_trusted`, `operations_in_flight` | | of the backend |
//! | `nodes_untrusted` | | of those whose changes are announced, those of which not all are heard: memory does not answer for them |
//! | `replication_offset_lag_bytes`, `replication_lag_seconds` | | how far the last replica is behind; as health checks found it |
//! | `breakers` | `traffic`: `serving`, `storing`; `state` | how many are in this state |
//! | `node_ready`, `node_trusted`, `node_in_flight` | `endpoint` | with [`endpoints`](Exposition::endpoints) |
//! | `node_breaker_state` | `endpoint`, `traffic`, `state` | 1 for the state that it is in; likewise |
//! | `region_active`, `region_heard` | `region` | whether this process uses it, and whether it is known to follow the primary; where regions are set, as the next ones |
//! | `region_lag_seconds` | `region` | how old the last word is by which it follows the primary |
//! | `region_untold`, `region_parked` | `region` | invalidations of this process that it was not told of so far; records that it has rejected |

mod text;

use athena_cache_core::Report;

use crate::families::{Detail, Sample, Values, families};
use text::{Kind, Text};

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How reports are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exposition {
    endpoints: bool,
}

impl Exposition {
    /// Without addresses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether each node of the backend is shown by itself, with its address.
    #[must_use]
    pub fn endpoints(self, endpoints: bool) -> Self {
        Self { endpoints }
    }

    /// The text of these reports, one for each cache of the process.
    ///
    /// Two of one namespace give samples that Prometheus refuses as duplicates: give one, or name them apart.
    pub fn render(self, reports: &[Report]) -> String {
        let detail = if self.endpoints { Detail::Endpoints } else { Detail::Together };
        let mut text = Text::default();
        for family in families() {
            let kind = match family.values {
                Values::Count(_) | Values::Counts(_) => Kind::Counter,
                Values::Level(_) | Values::Levels(_) => Kind::Gauge,
                Values::Distributions(_) => Kind::Histogram,
            };
            let mut written = text.family(kind, family.name, family.help);
            for report in reports {
                family.tell(report, detail, &mut |labels, sample| match sample {
                    Sample::Count(count) => written.sample(labels, count),
                    Sample::Level(level) => written.sample(labels, level),
                    Sample::Distribution(of) => written.distribution(labels, of),
                });
            }
        }
        text.into_string()
    }
}
