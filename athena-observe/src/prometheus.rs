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
//! | `requests_total` | `site`, `result`: `memory`, `backend`, `stale`, `joined`, `miss`, `bypass` | calls, each once |
//! | `degraded_total` | `site` | of them, those that were answered without the backend's word |
//! | `load_duration_seconds` | `site` | histogram: what functions take that return something |
//! | `load_failures_total`, `load_timeouts_total` | `site` | loads that failed, or were given up |
//! | `refreshes_total` | `site` | loads in the background |
//! | `stale_age_seconds` | | histogram: how old stale answers were |
//! | `fills_total` | | values that the backend took |
//! | `not_kept_total` | `reason` | values that were not kept, or not sent |
//! | `unreadable_total`, `unwritable_total` | | entries that could not be read, or not written |
//! | `operation_failures_total` | `class` | operations that the backend did not do: no caller saw them |
//! | `retries_total`, `reconnects_total`, `breaker_openings_total` | | |
//! | `failovers_total` | `cause`: `planned`, `unplanned` | |
//! | `last_failover_timestamp_seconds`, `last_recovery_seconds` | | once there was one |
//! | `invalidations_total`, `journaled_total` | | all, and those that had to wait |
//! | `journal_entries`, `journal_oldest_seconds` | | those that wait now |
//! | `entries`, `entry_bytes` | | what is in memory |
//! | `health_status` | `check` | 0 healthy, 1 degraded |
//! | `nodes`, `nodes_ready`, `operations_in_flight` | | of the backend |
//! | `breakers` | `traffic`: `serving`, `storing`; `state` | how many are in this state |
//! | `node_ready`, `node_in_flight` | `endpoint` | with [`endpoints`](Exposition::endpoints) |
//! | `node_breaker_state` | `endpoint`, `traffic`, `state` | 1 for the state that it is in; likewise |

mod families;
mod text;

use athena_cache_core::Report;

use text::Text;

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
        let mut text = Text::default();
        families::calls(&mut text, reports);
        families::entries(&mut text, reports);
        families::backend(&mut text, reports);
        families::nodes(&mut text, reports);
        if self.endpoints {
            families::endpoints(&mut text, reports);
        }
        text.into_string()
    }
}
