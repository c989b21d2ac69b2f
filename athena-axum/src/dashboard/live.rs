//! What the page asks for: once, and as it changes.
//!
//! Invariant: a viewer costs a copy of what was made for all of them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Response, StatusCode};
use futures_util::stream;
use tokio::time::{Instant, sleep_until};

use super::snapshot::{Shown, Snapshots};
use crate::routes::document::{JSON, document, json};
use crate::routes::query::cache_of;

/// How often a viewer is told.
const PACE: Duration = Duration::from_secs(1);
/// How often of the functions, which are many.
const SITES: u32 = 5;
/// A viewer comes back after so many: a service that shuts down does not wait for one who looks on.
const LONGEST: u32 = 30;

type Asked = (State<Arc<Snapshots>>, RawQuery);

/// `GET api/status`: everything as of now.
pub(super) async fn status((State(shown), RawQuery(query)): Asked) -> Response<Body> {
    match cache_of(shown.caches(), query.as_deref()) {
        Ok(place) => document(StatusCode::OK, JSON, shown.of(place).await.whole()),
        Err(refusal) => *refusal,
    }
}

/// `GET api/history`: what was counted of late.
pub(super) async fn history((State(shown), RawQuery(query)): Asked) -> Response<Body> {
    match cache_of(shown.caches(), query.as_deref()) {
        Ok(place) => json(StatusCode::OK, JSON, &shown.caches().all[place].history()),
        Err(refusal) => *refusal,
    }
}

/// `GET api/live`: an event a second, and of functions each fifth.
pub(super) async fn live((State(shown), RawQuery(query)): Asked) -> Response<Body> {
    match cache_of(shown.caches(), query.as_deref()) {
        Ok(place) => stream_of(Viewer { shown, place, told: 0, next: Instant::now() }),
        Err(refusal) => *refusal,
    }
}

struct Viewer {
    shown: Arc<Snapshots>,
    place: usize,
    told: u32,
    next: Instant,
}

fn stream_of(viewer: Viewer) -> Response<Body> {
    let events = stream::unfold(viewer, async |mut viewer| {
        let event = viewer.next().await?;
        Some((Ok::<_, Infallible>(event), viewer))
    });
    document(StatusCode::OK, "text/event-stream", Body::from_stream(events))
}

impl Viewer {
    async fn next(&mut self) -> Option<String> {
        if self.told == LONGEST || self.shown.is_closed(self.place) {
            return None;
        }
        sleep_until(self.next).await;
        let shown = self.shown.of(self.place).await;
        let event = self.event(&shown);
        (self.told, self.next) = (self.told + 1, Instant::now() + PACE);
        Some(event)
    }

    fn event(&self, Shown { status, sites, rates }: &Shown) -> String {
        let first = if self.told == 0 { "retry: 1000\n" } else { "" };
        let sites = match self.told % SITES {
            0 => format!("event: sites\ndata: {sites}\n\nevent: rates\ndata: {rates}\n\n"),
            _ => String::new(),
        };
        format!("{first}event: status\ndata: {status}\n\n{sites}")
    }
}
