//! Why nothing more is done, as people are told: what failed, by what it was caused, what helps.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io;

use athena_cache_core::backend::{Class, Failure};

use crate::exit::Exit;

/// A reason to end.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) help: Option<String>,
    /// Nobody reads what is printed any more, as behind `head`.
    pub(crate) is_closed_pipe: bool,
}

impl Fault {
    pub(crate) fn new(exit: Exit, message: impl Display) -> Self {
        let message = message.to_string();
        Self { exit, message, causes: Vec::new(), help: None, is_closed_pipe: false }
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// What was asked of a node failed.
    pub(crate) fn of(what: impl Display, failure: &Failure) -> Self {
        let exit = match failure.class() {
            Class::Denied => Exit::Refused,
            _ => Exit::Incomplete,
        };
        Self::new(exit, what).caused_by(failure)
    }

    pub(crate) fn caused_by(mut self, error: impl StdError) -> Self {
        self.causes.push(error.to_string());
        let mut source = error.source();
        while let Some(error) = source {
            self.causes.push(error.to_string());
            source = error.source();
        }
        self.causes.dedup();
        self
    }

    pub(crate) fn because(mut self, cause: impl Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    pub(crate) fn help(mut self, help: impl Display) -> Self {
        self.help = Some(help.to_string());
        self
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { is_closed_pipe: true, ..Self::new(Exit::Fine, "closed pipe") };
        }
        Self::new(Exit::Incomplete, "cannot print").caused_by(error)
    }
}
