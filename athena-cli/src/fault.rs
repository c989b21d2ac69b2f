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
            // What has been said is not said again, nor a part of it.
            let text = error.to_string();
            let is_said =
                self.causes.iter().any(|said| said.contains(text.trim_end_matches(['…', ' '])));
            if !is_said {
                self.causes.push(text);
            }
            source = error.source();
        }
        self
    }

    pub(crate) fn because(mut self, cause: impl Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// What failed, and by what it was caused.
    pub(crate) fn in_a_line(&self) -> String {
        let causes = self.causes.iter().map(String::as_str);
        std::iter::once(self.message.as_str()).chain(causes).collect::<Vec<_>>().join(": ")
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

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    /// Says something, and is caused by another one.
    #[derive(Debug)]
    struct Said(&'static str, Option<Box<Said>>);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Said {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_ref().map(|source| &**source as _)
        }
    }

    #[test]
    fn what_has_been_said_is_not_said_again_nor_the_beginning_of_it() {
        let last = Said("the network", None);
        let cut = Said("no sentinel can be rea…", Some(Box::new(last)));
        let error = Said("no sentinel can be reached: refused", Some(Box::new(cut)));
        let fault = Fault::new(Exit::Incomplete, "cannot connect").caused_by(error);
        assert_eq!(fault.causes, ["no sentinel can be reached: refused", "the network"]);
        let line = "cannot connect: no sentinel can be reached: refused: the network";
        assert_eq!(fault.in_a_line(), line);
    }
}
