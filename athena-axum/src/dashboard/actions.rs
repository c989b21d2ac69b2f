//! What an operator does on the page.
//!
//! Invariant: nothing is done, nor said to be done, before the request has shown that it is not forged, the guard has
//! let somebody in, and the body says exactly what is meant.

mod orders;

use std::fmt;
use std::sync::Arc;

use athena_cache_core::{Cache, Invalidated};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use serde_json::json;

use super::actor::Actor;
use super::acts::Acts;
use super::forgery;
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
    const NAMES: &'static [&'static str] = &["invalidate", "isolate", "resume"];

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
    forgery::refuse(&parts.headers, name)?;
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
    let done = carry_out(cache, order.what).await;
    Ok(answer(StatusCode::ACCEPTED, JSON, &json!({ "done": done.is_done, "text": done.text })))
}

/// A guard that refuses with something else than a refusal has still refused.
fn refused(status: StatusCode) -> Response<Body> {
    let is_refusal = status.is_client_error() || status.is_server_error();
    let status = if is_refusal { status } else { StatusCode::FORBIDDEN };
    refusal(status, "the guard does not let you in")
}

/// What came of it.
struct Done {
    is_done: bool,
    text: &'static str,
}

async fn carry_out(cache: &Cache, what: What) -> Done {
    let invalidated = match what {
        What::Isolate(duration) => {
            cache.isolate(duration);
            return Done { is_done: true, text: "isolated: this process sends nothing to Redis" };
        }
        What::Resume => {
            cache.resume();
            return Done { is_done: true, text: "resumed: this process tries Redis again" };
        }
        What::Entry(name) => cache.invalidate(name).await,
        What::Tag(name) => cache.invalidate_tag(name).await,
        What::Everything => cache.clear().await,
    };
    match invalidated {
        Invalidated::Done => Done { is_done: true, text: "invalidated everywhere" },
        Invalidated::Pending => Done {
            is_done: false,
            text: "invalidated in this process; it waits for Redis, and others may serve it until then",
        },
    }
}
