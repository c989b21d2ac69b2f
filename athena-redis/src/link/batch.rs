//! Commands that travel together, and what comes back.

use std::fmt;

use redis::{Arg, Cmd, Pipeline, RedisError, ServerErrorKind, Value};

use super::script::Script;

/// Commands for one node, sent in one write and executed in order, not as one transaction.
///
/// What follows a script in a batch may be executed twice: a server that does not know the script
/// is sent the rest of the batch again.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pipeline: Pipeline,
    scripts: Vec<(usize, &'static Script)>,
}

/// The arguments of the command that was added last.
#[derive(Debug)]
pub(crate) struct Words<'a>(&'a mut Pipeline);

/// The replies to a batch, or the items of one reply, taken in order.
#[derive(Debug)]
pub(crate) struct Replies(std::vec::IntoIter<Value>);

/// A reply of another shape than the command has.
#[derive(Debug)]
pub(crate) struct Malformed(&'static str);

impl Batch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a command.
    pub(crate) fn command(&mut self, name: &str) -> Words<'_> {
        let mut command = Cmd::with_capacity(4, 64);
        command.arg(name);
        self.pipeline.add_command(command);
        Words(&mut self.pipeline)
    }

    /// Adds a call of a script; its keys come next, then its arguments.
    pub(crate) fn script(&mut self, script: &'static Script, keys: usize) -> Words<'_> {
        self.scripts.push((self.pipeline.len(), script));
        self.command("EVALSHA").arg(script.digest()).number(keys as u64)
    }

    pub(super) fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Where the first script stands that the server does not know.
    pub(super) fn unknown_script(&self, replies: &[Value]) -> Option<usize> {
        self.scripts.iter().map(|(at, _)| *at).find(|at| {
            matches!(replies.get(*at), Some(Value::ServerError(error))
                if error.kind() == Some(ServerErrorKind::NoScript))
        })
    }

    /// The commands from a place on, each script with its source.
    pub(super) fn with_sources_from(&self, first: usize) -> Pipeline {
        let mut pipeline = Pipeline::new();
        for (at, command) in self.pipeline.cmd_iter().enumerate().skip(first) {
            let script = self.scripts.iter().find(|(place, _)| *place == at);
            pipeline.add_command(match script {
                Some((_, script)) => with_source(command, script),
                None => command.clone(),
            });
        }
        pipeline
    }
}

/// Turns `EVALSHA digest …` into `EVAL source …`.
fn with_source(command: &Cmd, script: &Script) -> Cmd {
    let mut eval = redis::cmd("EVAL");
    eval.arg(script.source());
    for word in command.args_iter().skip(2) {
        if let Arg::Simple(word) = word {
            eval.arg(word);
        }
    }
    eval
}

impl Words<'_> {
    pub(crate) fn arg(self, word: impl AsRef<[u8]>) -> Self {
        self.0.arg(word.as_ref());
        self
    }

    pub(crate) fn args(mut self, words: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        for word in words {
            self = self.arg(word);
        }
        self
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.0.arg(number);
        self
    }
}

impl Replies {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// The first error that the server answered with, if any.
    pub(super) fn server_error(&self) -> Option<RedisError> {
        self.0.as_slice().iter().find_map(|value| match value {
            Value::ServerError(error) => Some(error.clone().into()),
            _ => None,
        })
    }

    /// Whether no reply is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// Takes a number.
    pub(crate) fn integer(&mut self) -> Result<i64, Malformed> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            _ => Err(Malformed("expected a number")),
        }
    }

    /// Takes bytes, or nothing where the server has none.
    pub(crate) fn bytes(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        match self.0.next() {
            Some(Value::BulkString(bytes)) => Ok(Some(bytes)),
            Some(Value::Nil) => Ok(None),
            _ => Err(Malformed("expected bytes or nothing")),
        }
    }

    /// Takes a list.
    pub(crate) fn list(&mut self) -> Result<Self, Malformed> {
        match self.0.next() {
            Some(Value::Array(values)) => Ok(Self::new(values)),
            _ => Err(Malformed("expected a list")),
        }
    }

    /// Passes over everything up to the last reply, and takes that as a list.
    pub(crate) fn last_list(&mut self) -> Result<Self, Malformed> {
        match self.0.next_back() {
            Some(Value::Array(values)) => Ok(Self::new(values)),
            _ => Err(Malformed("expected a list at the end")),
        }
    }
}

impl Malformed {
    pub(crate) const fn new(expected: &'static str) -> Self {
        Self(expected)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
