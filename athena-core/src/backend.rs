//! The byte store that the remote tier speaks to.
//!
//! Invariant: a backend never decides anything about freshness. It moves bytes, answers at once when
//! it is not connected, and says of every failure what class it belongs to.

use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

#[cfg(feature = "testing")]
pub mod conformance;

/// A remote byte store: Redis in production, memory in tests.
///
/// Keys are complete names (namespace included), printable ASCII, at most about 400 bytes. Names that
/// belong to one entry share the part between the first `{` and the next `}`, so that a sharded
/// store keeps them together. Every method may be cancelled at any await: a cancelled write may or
/// may not have happened, and nothing else.
///
/// A store may have several [nodes](Node), which fail apart from each other. The cache asks
/// [`node`](Self::node) who serves a name and calls once per node, so that each has breakers of its
/// own; the backend copes with names that have moved since.
///
/// An implementation that passes the suite in `conformance` (feature `testing`) is one the cache can
/// rely on.
///
/// # Errors
///
/// Every method returns a [`Failure`] when the store did not do, or may not have done, what was
/// asked. Absence is not a failure.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Reads values with their remaining life, and generations; one round trip.
    ///
    /// The remaining life must belong to the value returned or to an earlier one, never to a later
    /// one. Bytes of a foreign type at a value's name read as absent.
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure>;

    /// Completes generations: a missing one is created with its proposal.
    ///
    /// Answers the generations that hold now, in the order of the request.
    async fn adopt(&self, proposals: &[(String, Generation)]) -> Result<Adopted, Failure>;

    /// Completes generations as [`adopt`](Self::adopt) does, then asks for the lease of an entry.
    ///
    /// The lease is set to the token if nobody holds it, and not before the generations are
    /// complete. Never attempted twice with one token.
    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure>;

    /// Stores a value and ends its lease, if the lease still holds the token.
    ///
    /// Refused as well if it would travel on another connection than the lease did: the store behind
    /// that one may have forgotten an invalidation.
    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure>;

    /// Lets a lease live for so long from now on, if it still holds the token; tells whether it does.
    async fn prolong(&self, lease: &str, token: Token, life: Duration) -> Result<bool, Failure>;

    /// Ends a lease, if it still holds the token.
    async fn release(&self, lease: &str, token: Token) -> Result<(), Failure>;

    /// Stores a value whoever holds the lease, and ends that lease.
    ///
    /// `obsolete` are names of the same entry that must be gone afterwards.
    async fn insert(&self, item: Item<'_>, lease: &str, obsolete: &[String])
    -> Result<(), Failure>;

    /// Removes names, present or not.
    async fn remove(&self, names: &[String]) -> Result<(), Failure>;

    /// Shortens the remaining life of values; never lengthens it. Absent names are skipped.
    async fn shorten(&self, names: &[String], life: Duration) -> Result<(), Failure>;

    /// Overwrites generations, in the order given.
    async fn renew(&self, generations: &[(String, Generation)]) -> Result<(), Failure>;

    /// Asks a node for a sign of life, on the connection that its operations use.
    ///
    /// The answer proves that everything which that connection had to announce before the question has
    /// been announced. A node that says it is not the one that serves is a [`Class::Moved`].
    async fn prove(&self, node: Node) -> Result<Proof, Failure>;

    /// The node that serves a name now, as far as is known; asks nobody.
    fn node(&self, _name: &str) -> Node {
        Node::ONLY
    }

    /// The nodes that serve names now, each once.
    fn nodes(&self) -> Vec<Node> {
        vec![Node::ONLY]
    }

    /// A text that, put in braces, makes a name that is served by the node of another one.
    ///
    /// `None` where one node serves every name. What depends on all entries of a node is kept under
    /// such names, so that no entry depends on a node that does not hold it. A name has the same place
    /// for ever; its neighbours may move to another node later.
    fn place(&self, _name: &str) -> Option<&str> {
        None
    }

    /// Every place that [`place`](Self::place) may answer; empty where one node serves every name.
    fn places(&self) -> &[String] {
        &[]
    }

    /// Takes over the cache's limit for one operation, before the first one and when it changes.
    ///
    /// A backend with a limit of its own replaces it by this one: with two of them, the shorter would
    /// hide from the other what takes too long.
    fn limit_attempts(&self, _timeout: Duration) {}

    /// Takes the one who wants to hear of changes in the store's nodes; called once by each cache
    /// that uses the backend.
    fn listen(&self, _listener: Listener) {}

    /// Numbers the connection to a node; 0 before the first.
    ///
    /// Numbers grow and are never used twice, whatever the node. A change means that the store may
    /// have missed or forgotten something since.
    fn epoch(&self, node: Node) -> u64;

    /// Changes, growing, whenever there is news that a node may answer again.
    ///
    /// Its breaker then lets an operation through, whatever time it meant to wait. At least a new
    /// [`epoch`](Self::epoch) is such news.
    fn vitality(&self, node: Node) -> u64 {
        self.epoch(node)
    }

    /// Whether an operation sent to a node now would reach it, as far as is known.
    fn is_ready(&self, node: Node) -> bool;

    /// Operations that a node was sent and has not answered.
    fn in_flight(&self, _node: Node) -> usize {
        0
    }

    /// Where a node is, for logs; never credentials.
    fn endpoint(&self, node: Node) -> String;

    /// Ends connections and background tasks; later operations fail as [`Class::Closed`].
    async fn close(&self);
}

/// A part of a store that works or fails as a whole: for Redis, an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(u32);

impl Node {
    /// The node of a store that has one.
    pub const ONLY: Self = Self(0);

    /// A node by its number; give them out in order from 0, the same number to the same address.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// Where an answer came from, and what that is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The connection; see [`Backend::epoch`].
    pub epoch: u64,
    /// Names the past of the store behind the node; 0 if that is not known.
    ///
    /// A store that took over from another one has a name of its own, since it may have forgotten what
    /// the other one acknowledged.
    pub history: u64,
    /// Whether this connection announces changes of whatever is read through it.
    pub tracks: bool,
    /// How long before the answer it was last confirmed that the node is the one that serves, by those
    /// who decide that; zero where the node itself knows.
    pub lag: Duration,
}

/// Hears of changes; called in a task of the backend: be quick, never block.
///
/// Announcements are heard in the order of the connection they came on: what was announced before an
/// answer is heard before that answer is returned.
pub type Listener = Arc<dyn Fn(&Change) + Send + Sync>;

/// Something happened to the nodes of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Another node took over what one has served.
    Failover(Failover),
    /// A connection was replaced although it was open, because nothing came back on it.
    Reconnected {
        /// Where the node is.
        endpoint: String,
    },
    /// A node is about to be used over a new connection; nothing has been sent on it yet.
    Connected {
        /// The node.
        node: Node,
        /// See [`Proof::history`].
        history: u64,
    },
    /// What was read from a node is no longer announced when it changes: its connection is lost, or
    /// another node serves a part of its names.
    Unheard {
        /// The node.
        node: Node,
    },
    /// Names that were read have changed, or may have.
    Announced {
        /// Each is announced once; it is to be read again by whoever wants to hear more of it.
        names: Vec<String>,
    },
    /// Everything may have changed.
    Flushed,
}

/// A node that took over from another one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failover {
    /// Where the former node is.
    pub from: String,
    /// Where the new one is.
    pub to: String,
    /// What set it off.
    pub cause: Cause,
    /// From the first sign of it to the moment at which the new node can be used.
    pub took: Duration,
}

impl Failover {
    /// A failover that is over.
    pub fn new(from: String, to: String, cause: Cause, took: Duration) -> Self {
        Self { from, to, cause, took }
    }
}

/// What set off a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It was announced while the former node still answered.
    Planned,
    /// The former node failed first.
    Unplanned,
    /// It happened while nobody looked.
    Unknown,
}

impl Cause {
    /// A short name, as used in counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Unplanned => "unplanned",
            Self::Unknown => "unknown",
        }
    }
}

/// What one read found, in the order of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The values, where present and not past their life.
    pub values: Vec<Option<Stored>>,
    /// The generations, where present.
    pub generations: Vec<Option<Generation>>,
    /// Where all of it came from; `None` if it came from several nodes.
    pub proof: Option<Proof>,
}

/// What [`Backend::adopt`] answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adopted {
    /// The generations that hold now, in the order of the request.
    pub generations: Vec<Generation>,
    /// Where all of them came from; `None` if they came from several nodes.
    pub proof: Option<Proof>,
}

/// Bytes as the store holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The envelope, unread.
    pub bytes: Vec<u8>,
    /// How long the store will keep them, by its own clock.
    pub remaining: Duration,
}

/// A value to store.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Name of the value.
    pub value: &'a str,
    /// The envelope.
    pub bytes: &'a [u8],
    /// How long to keep it, in whole milliseconds, at least one.
    pub life: Duration,
}

/// What [`Backend::lease`] asks for.
#[derive(Debug, Clone, Copy)]
pub struct LeaseRequest<'a> {
    /// Name of the lease.
    pub lease: &'a str,
    /// Fresh for every attempt.
    pub token: Token,
    /// When the lease ends by itself.
    pub life: Duration,
    /// Generations with a proposal each for the missing ones.
    pub generations: &'a [(String, Generation)],
}

/// What [`Backend::lease`] answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// Whether the token holds the lease now.
    pub granted: bool,
    /// The token that does, if it can be told.
    pub holder: Option<Token>,
    /// Where the answer came from.
    pub proof: Proof,
    /// The generations that hold now, in the order of the request.
    pub generations: Vec<Generation>,
}

/// What [`Backend::fill`] stores.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    /// The value.
    pub item: Item<'a>,
    /// Name of the lease.
    pub lease: &'a str,
    /// The token that was granted.
    pub token: Token,
    /// The connection that it was granted on.
    pub epoch: u64,
}

/// Whether a fill was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Stored; the lease is over.
    Stored,
    /// Refused: the lease was gone, another's, or of another connection; the value may be outdated.
    Refused,
}

/// A random number that a tag or a namespace holds until it is invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(NonZeroU64);

/// A random number that proves a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(NonZeroU64);

macro_rules! random_number {
    ($name:ident, $what:literal) => {
        impl $name {
            #[doc = concat!("Takes a random number as a ", $what, "; zero becomes one.")]
            pub fn new(random: u64) -> Self {
                Self(NonZeroU64::new(random).unwrap_or(NonZeroU64::MIN))
            }

            /// Reads what [`Display`](fmt::Display) wrote: 16 hexadecimal digits.
            pub fn parse(bytes: &[u8]) -> Option<Self> {
                let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() == 16)?;
                let number = u64::from_str_radix(text, 16).ok()?;
                NonZeroU64::new(number).map(Self)
            }

            /// The number itself.
            pub fn get(self) -> u64 {
                self.0.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }
    };
}

random_number!(Generation, "generation");
random_number!(Token, "token");

/// Why a backend did not do what was asked.
#[derive(Debug, Clone)]
pub struct Failure {
    class: Class,
    message: String,
    attempts: u32,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a failure says about the store; decides breaker and fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Class {
    /// Never left this process: refused, not connected, no address.
    Unreachable,
    /// Sent, not answered in time; it may have happened.
    Timeout,
    /// Sent, then the connection was lost; it may have happened.
    Disconnected,
    /// The store answered that it cannot serve now (loading, cluster down, too many clients).
    Unready,
    /// The store answered that another node serves this (moved, read-only).
    Moved,
    /// The store refuses writes (out of memory, persistence failing).
    WriteRefused,
    /// The store does not let us in (credentials, permissions).
    Denied,
    /// The store does not understand (wrong type, script error, malformed reply).
    Rejected,
    /// Shed in this process before it was sent: too much in flight.
    Overloaded,
    /// The breaker is open.
    Open,
    /// The deadline of the call had passed before the operation began.
    TooLate,
    /// The backend was closed.
    Closed,
}

impl Class {
    /// Every class, for tables and counters.
    pub const ALL: [Self; 12] = [
        Self::Unreachable,
        Self::Timeout,
        Self::Disconnected,
        Self::Unready,
        Self::Moved,
        Self::WriteRefused,
        Self::Denied,
        Self::Rejected,
        Self::Overloaded,
        Self::Open,
        Self::TooLate,
        Self::Closed,
    ];

    /// Whether the operation may have been done all the same.
    pub fn may_have_happened(self) -> bool {
        matches!(self, Self::Timeout | Self::Disconnected)
    }

    /// A short name, as used in counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Unready => "unready",
            Self::Moved => "moved",
            Self::WriteRefused => "write_refused",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Overloaded => "overloaded",
            Self::Open => "open",
            Self::TooLate => "too_late",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Failure {
    /// A failure of a class; the message is lower case and names the endpoint.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), attempts: 1, source: None }
    }

    /// Keeps the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// What the failure says about the store.
    pub fn class(&self) -> Class {
        self.class
    }

    /// How often it was tried before this failure was returned.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn after(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
