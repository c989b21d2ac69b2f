//! What the sections share: a server, a runtime, and the program that counts allocations.

#![allow(clippy::print_stdout, reason = "the program that counts answers by it")]

use std::cell::OnceCell;
use std::process::Command;

use tokio::runtime::{Builder, Runtime};

use crate::support::server::RedisServer;

/// What some work came to.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// How often it allocated.
    pub allocations: u64,
    /// How many bytes in all.
    pub bytes: u64,
    /// How many bytes more there are afterwards.
    pub kept: i64,
}

/// Does some work on this thread and counts.
pub type Meter = fn(&mut dyn FnMut()) -> Taken;

/// What a row was counted to come to: a number for each column.
pub(crate) type Counts = Vec<Vec<f64>>;

pub(crate) struct Stage {
    server: OnceCell<RedisServer>,
    runtime: Runtime,
    counted: &'static str,
}

impl Stage {
    pub(crate) fn new(counted: &'static str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        Self { server: OnceCell::new(), runtime, counted }
    }

    /// One for all sections, since some peers stay connected for as long as the process lives.
    pub(crate) fn server(&self) -> &RedisServer {
        self.server.get_or_init(RedisServer::start)
    }

    /// With a thread for each processor.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// What was counted in a section, column by column, each with a number for every row.
    pub(crate) fn counts(&self, section: &str) -> Counts {
        let output = Command::new(self.counted).arg(section).output().expect("it can be run");
        let (told, error) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success(), "cannot count in the section {section}: {error}");
        let number = |word: &str| word.parse().expect("a number");
        told.lines().map(|line| line.split(' ').map(number).collect()).collect()
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("a text")
}

/// Tells [`Stage::counts`] of another process.
pub(crate) fn write(counts: &Counts) {
    for column in counts {
        let words: Vec<_> = column.iter().map(f64::to_string).collect();
        println!("{}", words.join(" "));
    }
}

/// A runtime that does everything on this thread, where allocations are counted.
pub(crate) fn runtime_of_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
