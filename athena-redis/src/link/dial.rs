//! Makes one connection: name, TCP, TLS, login.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use athena_cache_core::backend::Node;
use futures_util::future::{Either, select, select_ok};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{AsyncConnectionConfig, ProtocolVersion, RedisConnectionInfo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::SemaphorePermit;
use tokio::time::{sleep, timeout};

use super::batch::Batch;
use super::class::{Bearing, Consequence, Denial};
use super::client::Client;
use super::conn::Conn;
use super::maintenance;
use super::overheard::Overheard;
use super::push::{PushHandler, SpareKind, Standby};
use super::refusal::{Entrance, Refusal, Stage};
use super::rights::{self, Lacks, Probe};
use super::role;
use super::stranger::Stranger;
use super::unheard::NodeStats;
use crate::config::{Access, Credentials};
use crate::lock::Lock;
use crate::url::Endpoint;

/// A peer that is silent for this long on an idle connection is probed, then given up.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
#[cfg(not(windows))]
const KEEPALIVE_PROBES: u32 = 3;
/// Bytes that no acknowledgement came for in this time end the connection.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);
/// So few bytes wait in our machine until they are sent: what it has taken says nothing of the way that they
/// have before them.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 * 1024;

/// Whom to connect to, and how.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) endpoint: Endpoint,
    pub(super) node: Node,
    pub(super) access: Arc<Access>,
    pub(super) client: Arc<Client>,
    pub(super) standby: Arc<Standby>,
    push_handler: PushHandler,
}

/// The leave to dial once.
#[derive(Debug)]
pub(super) struct DialPermit<'a> {
    _place: Option<SemaphorePermit<'a>>,
}

impl DialPermit<'_> {
    /// For somebody who asks now and then, and waits for the answer.
    pub(super) fn at_once() -> Self {
        Self { _place: None }
    }
}

impl Call {
    pub(super) fn new(
        endpoint: Endpoint,
        access: Arc<Access>,
        client: Arc<Client>,
        push_handler: PushHandler,
    ) -> Self {
        let node = client.node(&endpoint);
        Self { endpoint, node, access, client, standby: Arc::default(), push_handler }
    }

    /// Tries once, within the connect timeout, and not too often, whoever asks for it; a node that nobody
    /// waits for when it is its turn.
    pub(super) async fn dial(&self) -> Result<Arc<Conn>, Refusal> {
        let permit = self.permit().await;
        self.dial_with(permit).await
    }

    /// Waits until it may be dialed.
    pub(super) async fn permit(&self) -> DialPermit<'_> {
        let pause = self.client.pause_before_dial(self.node);
        if !pause.is_zero() {
            sleep(pause).await;
        }
        DialPermit { _place: self.place().await }
    }

    /// Tries once, within the connect timeout.
    pub(super) async fn dial_with(&self, _permit: DialPermit<'_>) -> Result<Arc<Conn>, Refusal> {
        let (limit, stage) = (self.access.connect_timeout, Lock::new(Stage::Reaching));
        match timeout(limit, self.attempt(&stage)).await {
            Ok(outcome) => outcome.map(Arc::new),
            Err(_) => Err(Refusal::timed_out(*stage.lock(), limit)),
        }
    }

    /// The leave to dial a node that nobody waits for; nothing for one that somebody does.
    async fn place(&self) -> Option<SemaphorePermit<'_>> {
        let (place, impatient) = (pin!(self.client.place()), pin!(self.standby.impatient()));
        match select(impatient, place).await {
            Either::Left(_) => None,
            Either::Right((place, _)) => place,
        }
    }

    async fn attempt(&self, stage: &Lock<Stage>) -> Result<Conn, Refusal> {
        let at = |now| *stage.lock() = now;
        let stream = connect(&self.endpoint).await?;
        tune(&stream)?;
        at(Stage::Asking);
        let credentials = self
            .access
            .login
            .credentials()
            .await
            .map_err(|why| Refusal::without_credentials(&why))?;
        let credentials = credentials.as_ref();
        let outcome = match &self.access.tls {
            None => {
                at(Stage::LoggingIn);
                self.login(stream, credentials).await
            }
            Some(tls) => {
                at(Stage::Securing);
                let wrapped = tls.wrap(&self.endpoint.host, stream).await;
                let stream = wrapped.map_err(Refusal::insecure)?;
                at(Stage::LoggingIn);
                self.login(stream, credentials).await
            }
        };
        outcome.map_err(|refusal| refusal.without_secret(credentials))
    }

    async fn login<S>(&self, stream: S, credentials: Option<&Credentials>) -> Result<Conn, Refusal>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let access = &self.access;
        let mut info = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(access.db.into())
            .set_lib_name("athena-cache", env!("CARGO_PKG_VERSION"));
        if let Some(credentials) = credentials {
            info = info.set_password(credentials.secret());
            if let Some(username) = credentials.username() {
                info = info.set_username(username);
            }
        }
        let client = Arc::clone(&self.client);
        let (stream, greeting) = Overheard::new(stream, access.max_reply, client);
        let (push_handler, standby) = (self.push_handler.clone(), Arc::clone(&self.standby));
        let is_used = Arc::new(AtomicBool::new(false));
        let is_in_use = Arc::clone(&is_used);
        // Every wait is bounded outside: the attempt here, an operation by its link. The buffer holds
        // whatever the link lets through, so that no sender waits for room.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(access.max_in_flight)
            .set_push_sender(move |info| {
                push_handler.hear(info, &standby, !is_in_use.load(Ordering::Relaxed));
                Ok::<_, Infallible>(())
            });
        let made = MultiplexedConnection::new_with_config(&info, stream, config).await;
        let (wire, driver) = made.map_err(|error| {
            let is_sentinel = self.push_handler.is_at_sentinel();
            let entrance = Entrance { is_plain: access.tls.is_none(), is_sentinel };
            Refusal::at_login(&error, &greeting.beginning(), credentials, entrance)
        })?;
        let conn = Conn::new(wire, driver, greeting, self.node, Arc::clone(&self.client));
        let conn = match self.push_handler {
            PushHandler::Channels(_) => self.listen(conn).await,
            PushHandler::Changes(_) => self.track(conn).await,
            PushHandler::Nobody(kind) => self.attend(conn, kind).await,
        }?;
        is_used.store(true, Ordering::Relaxed);
        Ok(conn)
    }

    /// Listens to every channel; a server that does not let us can still be asked.
    async fn listen(&self, conn: Conn) -> Result<Conn, Refusal> {
        let mut batch = self.introduction();
        let introduced = batch.len();
        batch.command("HELLO");
        let mut replies = conn.exchange(&batch).await?;
        replies.skip(introduced);
        if let Some(stranger) = Stranger::among_sentinels(&mut replies) {
            return Err(Refusal::stranger(stranger, None));
        }
        let mut batch = Batch::new();
        batch.command("PSUBSCRIBE").arg("*");
        conn.exchange(&batch).await?;
        Ok(conn)
    }

    /// Asks to be told of changes, for the history of the store, and what we may do; does without what is
    /// refused.
    async fn track(&self, conn: Conn) -> Result<Conn, Refusal> {
        let mut batch = self.introduction();
        let introduced = batch.len();
        if self.access.tracking {
            rights::ask_tracking(&mut batch);
        }
        batch.command("HELLO");
        role::ask_role(&mut batch);
        NodeStats::ask(&mut batch, true);
        let probe = Probe::at_login(self.client.terms());
        probe.ask(&mut batch, &self.access);
        let mut replies = conn.exchange(&batch).await?;
        replies.skip(introduced);
        let mut lacks = Lacks::default();
        let mut tracks = self.access.tracking;
        if self.access.tracking {
            let denial = replies.denial();
            let consequence = replies.consequence();
            if let Some((Consequence { bearing: Bearing::NotServing, .. }, why)) = &consequence {
                // As while a script runs for too long: it says nothing of what we may do.
                return Err(Refusal::unreachable(format_args!("it does not serve yet: {why}")));
            }
            tracks = consequence.is_none();
            replies.skip(usize::from(tracks));
            // Whatever else is the reason, it comes to the same.
            let denial = denial.or((!tracks).then_some(Denial::Unknown));
            lacks.note_command(rights::TRACKING, denial);
        }
        if let Some(stranger) = Stranger::among_nodes(&mut replies, self.client.is_of_cluster()) {
            return Err(Refusal::stranger(stranger, None));
        }
        lacks.note_command(rights::INFO, replies.denial());
        let conn = conn.to(role::read_role(&mut replies).unwrap_or_default());
        let told = NodeStats::read(&mut replies, true).unwrap_or_default();
        conn.begin_from(told.with_limit(self.access.tracking_table_max_keys));
        lacks = lacks.and(probe.read(&mut replies, &self.access));
        self.note_rights(&conn, &probe, lacks);
        for request in maintenance::requests(self.access.maintenance, &self.endpoint.host) {
            conn.exchange(&request).await?;
        }
        Ok(if tracks { conn.tracking() } else { conn })
    }

    /// Leaves no traces: what is read for operators is used no less and no more by that, and it is not they who
    /// are to be let go where memory is short. A server that does not know these is asked all the same.
    async fn attend(&self, conn: Conn, kind: SpareKind) -> Result<Conn, Refusal> {
        let mut batch = self.introduction();
        let introduced = batch.len();
        batch.command("HELLO");
        if kind == SpareKind::Node {
            batch.command("CLIENT").args(["NO-EVICT", "ON"]);
            batch.command("CLIENT").args(["NO-TOUCH", "ON"]);
        }
        let mut replies = conn.exchange(&batch).await?;
        replies.skip(introduced);
        let stranger = match kind {
            SpareKind::Node => Stranger::among_nodes(&mut replies, self.client.is_of_cluster()),
            SpareKind::Sentinel => Stranger::among_sentinels(&mut replies),
        };
        match stranger {
            Some(stranger) => Err(Refusal::stranger(stranger, None)),
            None => Ok(conn),
        }
    }

    /// Names the connection; a server that does not let us is no reason to do without it.
    fn introduction(&self) -> Batch {
        let mut batch = Batch::new();
        if !self.access.client_name.is_empty() {
            batch.command("CLIENT").arg("SETNAME").arg(&self.access.client_name);
        }
        batch
    }
}

/// Connects to whichever address of the name answers first.
async fn connect(endpoint: &Endpoint) -> io::Result<TcpStream> {
    let addresses = lookup_host((endpoint.host.as_str(), endpoint.port)).await?;
    let attempts: Vec<_> = addresses.map(|to| Box::pin(TcpStream::connect(to))).collect();
    if attempts.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    let (stream, _slower) = select_ok(attempts).await?;
    Ok(stream)
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn b43_a_socket_is_watched_by_the_kernel_too() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        tune(&stream).unwrap();
        assert!(stream.nodelay().unwrap());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_IDLE);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE_INTERVAL);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), KEEPALIVE_PROBES);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED));
            assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT);
        }
    }
}
