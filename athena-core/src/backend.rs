//! The byte store that the remote tier speaks to.
//!
//! Invariant: a backend never decides anything about freshness. It moves bytes, answers at once when
//! it is not connected, and says of every failure what class it belongs to.

use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroU64;
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
    async fn read(&self, lookups: &[Lookup<'_>]) -> Result<Vec<Found>, Failure>;

    /// Completes generations: a missing one is created with its proposal.
    ///
    /// Answers the generations that hold now, in the order of the request, as of one moment.
    async fn adopt(&self, proposals: &[(String, Generation)]) -> Result<Vec<Generation>, Failure>;

    /// Completes generations as [`adopt`](Self::adopt) does, then asks for the lease of an entry.
    ///
    /// The lease is set to the token if nobody holds it, and not before the generations are
    /// complete. Never attempted twice with one token.
    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure>;

    /// Stores a value and ends its lease, if the lease still holds the token.
    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure>;

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

    /// Answers when the store does.
    async fn ping(&self) -> Result<(), Failure>;

    /// Takes over the cache's limit for one operation, called once before the first one.
    ///
    /// A backend with a limit of its own replaces it by this one: with two of them, the shorter would
    /// hide from the other what takes too long.
    fn limit_attempts(&self, _timeout: Duration) {}

    /// Counts the connections made so far; 0 before the first.
    ///
    /// A change means that the store may have missed or forgotten something since.
    fn epoch(&self) -> u64;

    /// Whether an operation sent now would reach the store, as far as is known.
    fn is_ready(&self) -> bool;

    /// Where the store is, for logs; never credentials.
    fn endpoint(&self) -> String;

    /// Ends connections and background tasks; later operations fail as [`Class::Closed`].
    async fn close(&self);
}

/// What one read asks for.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// Name of the value.
    pub value: &'a str,
    /// Names of generations to read along.
    pub generations: &'a [String],
}

/// What one read found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The value, if present and not past its life.
    pub value: Option<Stored>,
    /// One answer per generation asked for, in order.
    pub generations: Vec<Option<Generation>>,
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
}

/// Whether a fill was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Stored; the lease is over.
    Stored,
    /// Refused: the lease was gone or another's, so the value may be outdated.
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
#[derive(Debug)]
pub struct Failure {
    class: Class,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
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
        Self { class, message: message.into(), source: None }
    }

    /// Keeps the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the failure says about the store.
    pub fn class(&self) -> Class {
        self.class
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
