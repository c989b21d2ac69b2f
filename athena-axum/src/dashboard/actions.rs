//! What an operator does on the page.
//!
//! Invariant: nothing is done, nor said to be done, before the request has shown that it is not forged, the guard has
//! let somebody in, and the body says exactly what is meant.

mod deed;
mod orders;
mod passes;

use std::fmt;
use std::sync::Arc;

use athena_cache_core::{Cache, Invalidated, Reconnection};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;

use super::actor::Actor;
use super::acts::Acts;
use super::backups::BackupFolder;
use super::doctor::Doctor;
use super::forgery;
use super::look::{Looked, look};
use crate::caches::Caches;
use crate::routes::document::{JSON, json as answer, refusal};
use deed::Deed;
use orders::{Order, What};
use passes::{Pass, Passes};

/// What may be done.
const NAMES: [&str; 10] = [
    "backup",
    "examine",
    "invalidate",
    "isolate",
    "look",
    "reconnect",
    "repair",
    "restore",
    "resume",
    "verify",
];
/// Of these, what is done where there is a folder for backups.
const OF_BACKUPS: [&str; 2] = ["backup", "restore"];
/// Of these, what answers with addresses, and with what servers say.
const IN_DETAIL: [&str; 1] = ["examine"];

/// Bytes of a body.
const LARGEST: usize = 4 * 1024;

type Guard = dyn Fn(&Parts) -> Result<Actor, StatusCode> + Send + Sync;

/// A page on which people act, as far as a guard lets them.
#[derive(Clone)]
pub struct Acting {
    guard: Arc<Guard>,
    doctor: Arc<Doctor>,
    passes: Passes,
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
        Self { guard: Arc::new(guard), doctor: Arc::default(), passes: Passes::default() }
    }

    pub(super) fn with_backups(self, folder: BackupFolder) -> Self {
        Self { passes: self.passes.with(folder), ..self }
    }
}

impl Acts for Acting {
    fn names(&self, details: bool) -> Vec<&'static str> {
        let is_there = |name: &&str| {
            (details || !IN_DETAIL.contains(name))
                && (self.passes.has_folder() || !OF_BACKUPS.contains(name))
        };
        NAMES.into_iter().filter(is_there).collect()
    }

    fn routes<S: Clone + Send + Sync + 'static>(self, caches: &Arc<Caches>) -> Router<S> {
        let act = |name: &'static str| {
            let (acting, caches) = (self.clone(), Arc::clone(caches));
            post(async move |request: Request<Body>| {
                let acted = act(name, &acting, &caches, request).await;
                acted.unwrap_or_else(|refusal| *refusal)
            })
        };
        let route = |router: Router<S>, name: &'static str| {
            router.route(&format!("/actions/{name}"), act(name))
        };
        self.names(caches.details).into_iter().fold(Router::new(), route)
    }
}

type Acted = Result<Response<Body>, Box<Response<Body>>>;

async fn act(
    name: &'static str,
    acting: &Acting,
    caches: &Caches,
    request: Request<Body>,
) -> Acted {
    let (parts, body) = request.into_parts();
    forgery::refuse(&parts, name)?;
    let actor = (acting.guard)(&parts).map_err(|status| Box::new(refused(status)))?;
    let bad = |status, why: &str| Box::new(refusal(status, why));
    let body = to_bytes(body, LARGEST).await;
    let body = body.map_err(|_| bad(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 4 KiB"))?;
    let order =
        Order::read(name, &body).map_err(|why| bad(StatusCode::UNPROCESSABLE_ENTITY, &why))?;
    let known = || format!("no such cache, expected one of `{}`", caches.names().join("`, `"));
    let (place, cache) =
        caches.named(Some(&order.cache)).ok_or_else(|| bad(StatusCode::NOT_FOUND, &known()))?;
    if let Some(pass) = Pass::of(&order.what) {
        let done =
            acting.passes.run(cache, pass, (order.what.told(), actor.name()), caches.details).await;
        let done = done.map_err(|(status, why)| bad(status, why))?;
        return Ok(answer(StatusCode::ACCEPTED, JSON, &done));
    }
    cache.acted(order.what.told(), actor.name());
    let done = carry_out(acting, (place, cache), order.what, caches.details).await;
    Ok(answer(StatusCode::ACCEPTED, JSON, &done))
}

/// A guard that refuses with something else than a refusal has still refused.
fn refused(status: StatusCode) -> Response<Body> {
    let is_refusal = status.is_client_error() || status.is_server_error();
    let status = if is_refusal { status } else { StatusCode::FORBIDDEN };
    refusal(status, "the guard does not let you in")
}

async fn carry_out(
    acting: &Acting,
    (place, cache): (usize, &Cache),
    what: What,
    details: bool,
) -> Deed {
    let invalidated = match what {
        What::Isolate(duration) => {
            cache.isolate(duration);
            return Deed::told(true, "isolated: this process sends no operation to Redis");
        }
        What::Resume => {
            cache.resume();
            return Deed::told(true, "resumed: this process tries Redis again");
        }
        What::Examine => return Deed::diagnosed(acting.doctor.examine(place, cache).await),
        What::Reconnect => return reconnect(cache),
        What::Look(name) => {
            let Looked { text, found } = look(cache, &name, details).await;
            let is_done = found.is_some();
            return Deed { text: text.into(), found, ..Deed::told(is_done, "") };
        }
        What::Entry(name) => cache.invalidate(name).await,
        What::Tag(name) => cache.invalidate_tag(name).await,
        What::Everything => cache.clear().await,
        What::Verify | What::Repair | What::Backup(_) | What::Restore(..) => {
            return Deed::told(false, "it goes through all that is stored");
        }
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
