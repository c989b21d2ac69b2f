//! What the operations of a backend take and answer.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use super::node::Proof;

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

/// What [`Backend::ensure`](super::Backend::ensure) answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ensured {
    /// The generations that hold now, in the order of the request.
    pub generations: Vec<Lasting>,
    /// Where all of them came from; `None` if they came from several nodes.
    pub proof: Option<Proof>,
}

/// A generation that a load needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal<'a> {
    /// Name of the generation.
    pub name: &'a str,
    /// What it becomes if it is missing; proposed once, so that nothing of before can count under it.
    pub generation: Generation,
    /// How long it has to be there from now on at least; `None` if it has no end.
    pub life: Option<Duration>,
}

/// A generation to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bump<'a> {
    /// Name of the generation.
    pub name: &'a str,
    /// What it becomes; a number that it never was before.
    pub generation: Generation,
    /// What follows if it is not there.
    pub absent: Absent,
}

/// What is done about a generation that is to change and is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absent {
    /// Nothing: missing equals nothing, so nothing is left that could count under it.
    Stays,
    /// It is created, without an end.
    IsCreated,
}

/// A generation as it holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting {
    /// The number.
    pub generation: Generation,
    /// How long the store will keep it, by its own clock; `None` if it was asked for one without an end.
    pub remaining: Option<Duration>,
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

/// What [`Backend::lease`](super::Backend::lease) asks for.
#[derive(Debug, Clone, Copy)]
pub struct LeaseRequest<'a> {
    /// Name of the lease.
    pub lease: &'a str,
    /// Fresh for every attempt.
    pub token: Token,
    /// When the lease ends by itself.
    pub life: Duration,
    /// The generations to complete before.
    pub generations: &'a [Proposal<'a>],
}

/// What [`Backend::lease`](super::Backend::lease) answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// Whether the token holds the lease now.
    pub granted: bool,
    /// The token that does, if it can be told.
    pub holder: Option<Token>,
    /// Where the answer came from.
    pub proof: Proof,
    /// The generations that hold now, in the order of the request.
    pub generations: Vec<Lasting>,
}

/// What [`Backend::fill`](super::Backend::fill) stores.
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

/// Written by hand: each lease and each fill has some of them.
const HEX: &[u8; 16] = b"0123456789abcdef";

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
                let bytes = self.get().to_be_bytes();
                let digits: [u8; 16] = std::array::from_fn(|place| {
                    let byte = bytes[place / 2];
                    HEX[usize::from(if place % 2 == 0 { byte >> 4 } else { byte & 15 })]
                });
                f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
            }
        }
    };
}

random_number!(Generation, "generation");
random_number!(Token, "token");
