//! What an operator does on the page.
//!
//! Invariant: nothing is done, nor said to be done, before the request has shown that it is not forged, the guard has
//! let somebody in, and the body says exactly what is meant.

mod orders;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use athena_cache_core::HeldEntry;
use athena_cache_core::{Cache, Invalidated, Reconnection};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use serde::Serialize;

use super::actor::Actor;
use super::acts::Acts;
use super::forgery;
use super::look::{Looked, look};
use crate::caches::Caches;
use crate::routes::document::{JSON, json as answer, refusal};
use orders::{Order, What};

/// Bytes of a body.
const LARGEST: usize = 4 * 1024;

type Guard = dyn Fn(&Parts) -> Result<Actor, StatusCode> + Send + Sync;

/// A page on which people act, as far as a guard lets them.
#[derive(Clone)]
pub struct Acting {
    guard: Arc<Guard>,
}

impl fmt::Debug for Acting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acting").finish_non_exhaustive()
    }
}

impl Acting {
    pub(super) fn new<G>(guard: G) -> Self
    where
        G: Fn(&Parts) -> Result<Actor, StatusCode> + Send + Sync + 'static,
    {
        Self { guard: Arc::new(guard) }
    }
}

impl Acts for Acting {
    const NAMES: &'static [&'static str] =
        &["invalidate", "isolate", "look", "reconnect", "resume"];

    fn routes<S: Clone + Send + Sync + 'static>(self, caches: &Arc<Caches>) -> Router<S> {
        let act = |name: &'static str| {
            let (guard, caches) = (Arc::clone(&self.guard), Arc::clone(caches));
            post(async move |request: Request<Body>| {
                let acted = act(name, &*guard, &caches, request).await;
                acted.unwrap_or_else(|refusal| *refusal)
            })
        };
        let route = |router: Router<S>, name: &&'static str| {
            router.route(&format!("/actions/{name}"), act(name))
        };
        Self::NAMES.iter().fold(Router::new(), route)
    }
}

type Acted = Result<Response<Body>, Box<Response<Body>>>;

async fn act(name: &'static str, guard: &Guard, caches: &Caches, request: Request<Body>) -> Acted {
    let (parts, body) = request.into_parts();
    forgery::refuse(&parts, name)?;
    let actor = guard(&parts).map_err(|status| Box::new(refused(status)))?;
    let bad = |status, why: &str| Box::new(refusal(status, why));
    let body = to_bytes(body, LARGEST).await;
    let body = body.map_err(|_| bad(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 4 KiB"))?;
    let order =
        Order::read(name, &body).map_err(|why| bad(StatusCode::UNPROCESSABLE_ENTITY, &why))?;
    let known = || format!("no such cache, expected one of `{}`", caches.names().join("`, `"));
    let (_, cache) =
        caches.named(Some(&order.cache)).ok_or_else(|| bad(StatusCode::NOT_FOUND, &known()))?;
    cache.acted(order.what.told(), actor.name());
    let done = carry_out(cache, order.what, caches.details).await;
    Ok(answer(StatusCode::ACCEPTED, JSON, &done))
}

/// A guard that refuses with something else than a refusal has still refused.
fn refused(status: StatusCode) -> Response<Body> {
    let is_refusal = status.is_client_error() || status.is_server_error();
    let status = if is_refusal { status } else { StatusCode::FORBIDDEN };
    refusal(status, "the guard does not let you in")
}

/// What came of an action.
#[derive(Debug, Serialize)]
struct Deed {
    #[serde(rename = "done")]
    is_done: bool,
    text: Cow<'static, str>,
    /// What is stored, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<HeldEntry>,
}

impl Deed {
    fn told(is_done: bool, text: &'static str) -> Self {
        Self { is_done, text: text.into(), found: None }
    }
}

async fn carry_out(cache: &Cache, what: What, details: bool) -> Deed {
    let invalidated = match what {
        What::Isolate(duration) => {
            cache.isolate(duration);
            return Deed::told(true, "isolated: this process sends nothing to Redis");
        }
        What::Resume => {
            cache.resume();
            return Deed::told(true, "resumed: this process tries Redis again");
        }
        What::Reconnect => return reconnect(cache),
        What::Look(name) => {
            let Looked { text, found } = look(cache, &name, details).await;
            return Deed { is_done: found.is_some(), text: text.into(), found };
        }
        What::Entry(name) => cache.invalidate(name).await,
        What::Tag(name) => cache.invalidate_tag(name).await,
        What::Everything => cache.clear().await,
    };
    match invalidated {
        Invalidated::Done => Deed::told(true, "invalidated everywhere"),
        Invalidated::Pending => Deed::told(
            false,
            "invalidated in this process; it waits for Redis, and others may serve it until then",
        ),
    }
}

fn reconnect(cache: &Cache) -> Deed {
    match cache.reconnect() {
        Reconnection::Begun => {
            Deed::told(true, "begun: open connections go on until the new ones answer")
        }
        Reconnection::Isolated => {
            Deed::told(false, "nothing was done: Redis is isolated, end that first")
        }
        _ => Deed::told(false, "nothing was done: this cache has no backend"),
    }
}
