//! The program as it is run.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// How it is run: against which servers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Athena {
    environment: Vec<(String, String)>,
}

/// What it printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) exit: i32,
    /// What it printed, read.
    pub(crate) json: Value,
}

impl Athena {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Against the servers at a URL, for the namespace `shop`.
    pub(crate) fn at(url: &str) -> Self {
        Self::new().with("ATHENA_URL", url).with("ATHENA_NAMESPACE", "shop")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it with some words.
    pub(crate) fn run(&self, words: &str) -> Output {
        self.run_with(&words.split(' ').collect::<Vec<_>>())
    }

    pub(crate) fn run_with(&self, words: &[&str]) -> Output {
        let output = self.command(words).output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints texts");
        let (out, err) = (text(output.stdout), text(output.stderr));
        Output { out, err, exit: output.status.code().expect("it ends"), json: Value::Null }
    }

    /// The same, and reads the document that it prints.
    pub(crate) fn json(&self, words: &str) -> Output {
        let mut output = self.run(&format!("{words} --json"));
        let read = serde_json::from_str(&output.out);
        output.json = read.unwrap_or_else(|error| panic!("{error}: {output:#?}"));
        assert_eq!(output.json["format"], 1, "{output:#?}");
        output
    }

    /// Starts it, to end it in the middle.
    pub(crate) fn start(&self, words: &str) -> Child {
        let words: Vec<_> = words.split(' ').collect();
        let mut command = self.command(&words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_athena"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ATHENA_")) {
            command.env_remove(name);
        }
        command.args(words).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}
