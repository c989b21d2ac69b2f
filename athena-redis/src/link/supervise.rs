//! The task that keeps a link connected.
//!
//! Invariant: it runs as long as its link, and a connection that still answers is given up only for
//! one that is ready.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use athena_cache_core::backend::{Change, Class};
use futures_util::future::{Either, FutureExt, select};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::backoff::{self, Backoff};
use super::batch::Batch;
use super::class::{Bearing, Consequence};
use super::conn::{Conn, Health};
use super::occurrences::{Occurrence, Trouble};
use super::refusal::Refusal;
use super::role::{self, Role};
use super::state::{self, LinkState, Phase, Signals};

/// A connection that lived this long is dialed at once when it is lost; after a shorter life one more pause.
const STEADY: Duration = Duration::from_secs(10);

/// How long a connection that was taken for dead is waited for at least once another one is ready.
const SECOND_CHANCE: Duration = Duration::from_millis(20);

/// Why the connection is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    /// Somebody wants another one.
    Asked,
    /// Its health may have changed, or that of the node.
    Look,
}

/// Connects, attends to the connection, and connects again when it is lost.
pub(super) async fn supervise(shared: Arc<LinkState>) {
    let mut backoff = Backoff::default();
    let mut reported = None;
    let mut connected = false;
    loop {
        let mut news = shared.call.access.login.news();
        match shared.call.dial().await {
            Ok(conn) => {
                begin_anew(&shared, &mut reported);
                connected = true;
                let since = Instant::now();
                enter_up(&shared, &conn);
                say_connected(&shared, &conn);
                attend(&shared, conn, &mut reported).await;
                if since.elapsed() >= STEADY {
                    backoff.reset();
                    continue;
                }
                pause(&shared, Class::Disconnected, rest(&mut backoff, Class::Disconnected)).await;
            }
            Err(refusal) => {
                report(&shared, &refusal, &mut reported);
                let class = refusal.class;
                let attempts = shared.counts.attempts.fetch_add(1, Ordering::AcqRel) + 1;
                shared.enter(Phase::Down(Arc::new(refusal)));
                shared.call.client.ring();
                if !connected && shared.call.access.attempts.is_some_and(|most| attempts >= most) {
                    return std::future::pending().await;
                }
                let rest = rest(&mut backoff, class);
                if class == Class::Denied {
                    // Other credentials are worth another attempt, and a word about it.
                    let paused = pin!(pause(&shared, class, rest));
                    if let Either::Left(_) = select(pin!(news.changed()), paused).await {
                        begin_anew(&shared, &mut reported);
                    }
                } else {
                    pause(&shared, class, rest).await;
                }
            }
        }
    }
}

/// Returns when the connection, or the last one that replaced it, is lost.
async fn attend(shared: &LinkState, mut conn: Arc<Conn>, reported: &mut Option<Trouble>) {
    let [mut next_look, mut next_replacement] = [Instant::now(); 2];
    loop {
        let wake = {
            let Signals { renewal, search_by_name, .. } = &shared.signals;
            let (changed, beat) = (pin!(conn.changed()), pin!(beat(shared, &conn)));
            let renewal = pin!(async {
                sleep_until(next_replacement).await;
                renewal.notified().await;
            });
            let search = pin!(search_by_name.notified());
            let overdue = pin!(overdue(&conn, next_replacement));
            match select(renewal, select(select(search, overdue), select(changed, beat))).await {
                Either::Left(_) => Wake::Asked,
                Either::Right(_) => Wake::Look,
            }
        };
        match (conn.health(), wake) {
            (Health::Lost, _) => return lose(shared, &conn),
            (Health::Wedged, _) | (_, Wake::Asked) if next_replacement <= Instant::now() => {
                next_replacement = Instant::now() + spread(shared.call.access.probe_interval);
                conn = replace(shared, conn, wake, reported).await;
            }
            _ if shared.may_be_replaced() && next_look <= Instant::now() => {
                conn = look_elsewhere(shared, conn).await;
                next_look = Instant::now() + spread(shared.call.access.probe_interval);
            }
            (Health::Sound | Health::Silent | Health::Wedged, _) => {}
        }
    }
}

/// One heartbeat, after its pause, which is shorter while it is in doubt whether anybody answers.
async fn beat(shared: &LinkState, conn: &Conn) {
    let interval = shared.call.access.heartbeat;
    sleep(if conn.health() == Health::Silent { interval / 4 } else { interval }).await;
    ping(shared, conn, interval).await;
}

/// Asks for a sign of life and waits that long for it.
async fn ping(shared: &LinkState, conn: &Conn, longest: Duration) {
    let mut ping = Batch::new();
    ping.command("PING");
    let watch = conn.watch(longest);
    // Whatever it answers: a refusal is an answer.
    if let Ok(Ok(replies)) = timeout(longest, conn.exchange(&ping)).await {
        shared.note_life(watch.answered());
        state::heed(conn, &replies);
        shared.note_writes(replies.server_error().map(|error| Consequence::of(&error).class));
    }
}

/// Tries a new connection beside one that does not answer; keeps the old one if that is no better.
///
/// This is what is known as `ForceReconnect`: the new connection must log in and answer before it is
/// used, so that a server in trouble is not made to take connections in vain. Its login tries the right to
/// write as well: one that holds back writes (`CLIENT PAUSE`) would hold up the new connection like the old.
async fn replace(
    shared: &LinkState,
    conn: Arc<Conn>,
    wake: Wake,
    reported: &mut Option<Trouble>,
) -> Arc<Conn> {
    let permit = shared.call.permit().await;
    // Not earlier: how long it took to be let dial says nothing of the server.
    let begun = Instant::now();
    let dialed = shared.call.dial_with(permit).await;
    if wake == Wake::Look && dialed.is_ok() {
        // What held up both is over: then both answer.
        ping(shared, &conn, begun.elapsed().max(SECOND_CHANCE)).await;
    }
    match dialed {
        // It may have recovered meanwhile; then the new one is let go.
        Ok(fresh) if wake == Wake::Asked || conn.health() != Health::Sound => {
            begin_anew(shared, reported);
            enter_up(shared, &fresh);
            say_replaced(shared, &fresh, wake);
            fresh
        }
        outcome => {
            match outcome {
                // It would let us in no more: what is open is all that there is.
                Err(refusal) if refusal.class == Class::Denied => {
                    report(shared, &refusal, reported);
                }
                Err(Refusal { reason, .. }) => {
                    let endpoint = &shared.call.endpoint;
                    tracing::debug!(%endpoint, %reason, "no better connection to redis");
                }
                Ok(_) => {}
            }
            let pause = spread(shared.call.access.probe_interval).saturating_sub(begun.elapsed());
            // Recovered or lost meanwhile: there is nothing to wait for.
            select(pin!(sleep(pause)), pin!(settled(shared, &conn))).await;
            conn
        }
    }
}

/// Tries a new connection beside one to a node that does not serve; keeps the old one if the name does
/// not lead to a primary yet.
///
/// Coherence 5: a server that was made a replica leaves its connections open, and answers on them.
async fn look_elsewhere(shared: &LinkState, conn: Arc<Conn>) -> Arc<Conn> {
    let mut question = Batch::new();
    role::ask_role(&mut question);
    let answer = timeout(shared.call.client.limit(), conn.exchange(&question)).await;
    let Ok(Ok(mut replies)) = answer else { return conn };
    let refusal = replies.server_error().map(|error| Consequence::of(&error).bearing);
    if refusal == Some(Bearing::NotServing) {
        // It does not even say what it is, as while a script runs for too long.
        return conn;
    }
    if let Ok(Some(Role::Primary(_))) = role::read_role(&mut replies) {
        // It was about something else, or is over.
        shared.trust_again();
        return conn;
    }
    match shared.call.dial().await {
        Ok(fresh) if !fresh.is_replica() => {
            shared.enter_up(&fresh);
            let (endpoint, epoch) = (&shared.call.endpoint, fresh.epoch());
            tracing::warn!(
                %endpoint, epoch,
                "redis has become a replica: connected to the primary that its name leads to now"
            );
            shared.call.client.tell(&Change::Reconnected { endpoint: endpoint.to_string() });
            fresh
        }
        _ => conn,
    }
}

/// Returns when a wedged connection may be replaced.
async fn overdue(conn: &Conn, next_replacement: Instant) {
    if conn.health() != Health::Wedged {
        return std::future::pending().await;
    }
    sleep_until(next_replacement).await;
}

/// Returns when a wedged connection answers again or is lost.
async fn settled(shared: &LinkState, conn: &Conn) {
    while conn.health() == Health::Wedged {
        select(pin!(conn.changed()), pin!(beat(shared, conn))).await;
    }
}

/// A fifth more or less, so that instances do not act together.
fn spread(pause: Duration) -> Duration {
    pause.mul_f64(0.8 + 0.4 * fastrand::f64())
}

fn lose(shared: &LinkState, conn: &Conn) {
    // Its driver has told, unless it ended before the connection began to serve.
    conn.stop_trusting();
    shared.enter(Phase::Lost);
    let endpoint = &shared.call.endpoint;
    if let Some(oversized) = conn.oversized() {
        tracing::warn!(%endpoint, %oversized, "ended the connection to redis");
        return;
    }
    if let Some(times) = due(shared, Occurrence::Lost) {
        let times = repeated(times);
        tracing::warn!(%endpoint, times, "lost the connection to redis");
    } else {
        tracing::debug!(%endpoint, "lost the connection to redis");
    }
}

/// How often something has happened to the node since it was told last, if it is to be told now.
fn due(shared: &LinkState, occurrence: Occurrence) -> Option<u32> {
    if shared.is_standby() { None } else { shared.call.client.note(shared.call.node, occurrence) }
}

/// How often it was, where it was more than once.
fn repeated(times: u32) -> Option<u32> {
    (times > 1).then_some(times)
}

/// The next time that the node cannot be connected to is news.
fn begin_anew(shared: &LinkState, reported: &mut Option<Trouble>) {
    *reported = None;
    shared.call.client.begin_anew(shared.call.node);
}

/// The pause before the next attempt to connect.
fn rest(backoff: &mut Backoff, class: Class) -> Duration {
    backoff.pause(backoff::dialing(class), fastrand::f64())
}

/// Waits, unless somebody is in a hurry; one who asks by hand waits for as long as pauses are at least.
async fn pause(shared: &LinkState, class: Class, pause: Duration) {
    let Signals { renewal, hurry, .. } = &shared.signals;
    let asked = pin!(async {
        sleep(backoff::dialing(class).shortest()).await;
        renewal.notified().await;
    });
    drop(timeout(pause, select(pin!(hurry.notified()), asked)).await);
}

/// The new connection serves, and is what anybody has asked for until now.
fn enter_up(shared: &LinkState, conn: &Arc<Conn>) {
    let _asked = shared.signals.renewal.notified().now_or_never();
    shared.enter_up(conn);
}

/// Tells of the first failed attempt, and again only when the kind of trouble changes; also where a link to the
/// same node has tried before.
fn report(shared: &LinkState, refusal: &Refusal, reported: &mut Option<Trouble>) {
    let endpoint = &shared.call.endpoint;
    let (class, reason) = (refusal.class, &refusal.reason);
    let trouble = (class, refusal.hurdle);
    let is_known = reported.replace(trouble) == Some(trouble);
    if let Some(times) = due(shared, Occurrence::Unconnected(trouble)).filter(|_| !is_known) {
        let times = repeated(times);
        tracing::warn!(%endpoint, %class, %reason, times, "cannot connect to redis, going on trying");
    } else {
        tracing::debug!(%endpoint, %class, %reason, "cannot connect to redis");
    }
}

fn say_connected(shared: &LinkState, conn: &Conn) {
    let (endpoint, epoch) = (&shared.call.endpoint, conn.epoch());
    if shared.is_standby() {
        tracing::debug!(%endpoint, epoch, "connected to redis");
    } else {
        tracing::info!(%endpoint, epoch, "connected to redis");
    }
}

fn say_replaced(shared: &LinkState, fresh: &Conn, wake: Wake) {
    let (endpoint, epoch) = (&shared.call.endpoint, fresh.epoch());
    let asked = wake == Wake::Asked;
    if let Some(times) = due(shared, Occurrence::Replaced) {
        let times = repeated(times);
        tracing::warn!(%endpoint, epoch, asked, times, "replaced an open connection to redis");
    } else {
        tracing::debug!(%endpoint, epoch, asked, "replaced an open connection to redis");
    }
    if !shared.is_standby() {
        shared.call.client.tell(&Change::Reconnected { endpoint: endpoint.to_string() });
    }
}
