//! The one writer: everything that is printed passes it.
//!
//! Invariant: nothing is printed before secrets are blanked in the whole of it, and nothing of what is printed acts on
//! a terminal. Where a document is wanted one comes, however it ends.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::plain;
use crate::secrets::Secrets;

/// For whom it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// One document, or one on each line.
    Json,
}

/// How a word is marked on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Good,
    Doubtful,
    Bad,
    Faint,
}

/// Where everything is printed.
pub(crate) struct Out {
    secrets: Secrets,
    form: Form,
    is_coloured: bool,
    has_document: AtomicBool,
}

impl Out {
    pub(crate) fn new(secrets: Secrets, form: Form) -> Self {
        let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|text| text.is_empty());
        let is_coloured = is_wanted && form == Form::Text && io::stdout().is_terminal();
        Self { secrets, form, is_coloured, has_document: AtomicBool::new(false) }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// Prints lines for people, or nothing where a document is wanted.
    pub(crate) fn line(&self, text: impl Display) -> Result<(), Fault> {
        if self.is_json() {
            return Ok(());
        }
        let text = plain::lines(&self.secrets.blank(&text.to_string()));
        Ok(write(&mut io::stdout().lock(), &text)?)
    }

    /// Prints a document on a line, with the number of its format, where one is wanted.
    pub(crate) fn json(&self, document: &impl Serialize) -> Result<(), Fault> {
        if !self.is_json() {
            return Ok(());
        }
        let fault = |error| Fault::new(Exit::Incomplete, "cannot print").caused_by(error);
        let mut value = serde_json::to_value(document).map_err(fault)?;
        if let Value::Object(fields) = &mut value {
            fields.insert("format".to_owned(), FORMAT.into());
        }
        self.secrets.blank_in(&mut value);
        self.has_document.store(true, Ordering::Relaxed);
        let text = plain::json(&value.to_string());
        Ok(write(&mut io::stdout().lock(), &text)?)
    }

    /// Says something beside what was asked for; whether anybody reads it does not matter.
    pub(crate) fn note(&self, text: impl Display) {
        let text = plain::lines(&self.secrets.blank(&text.to_string()));
        drop(write(&mut io::stderr().lock(), &text));
    }

    /// Says why it ends; in a document too, unless there is one that says what was found until then.
    pub(crate) fn fault(&self, fault: &Fault) {
        if fault.is_closed_pipe {
            return;
        }
        let mut text = format!("error: {}", fault.message);
        for cause in &fault.causes {
            text += "\n  caused by: ";
            text += cause;
        }
        if let Some(help) = &fault.help {
            text += "\nhelp: ";
            text += help;
        }
        self.note(text);
        let (message, causes, help) = (&fault.message, &fault.causes, &fault.help);
        self.end(fault.exit, &json!({ "message": message, "causes": causes, "help": help }));
    }

    /// Says that somebody ended it, where that is all there is to say.
    pub(crate) fn interrupted(&self) {
        let message = "it was interrupted before there was anything to tell";
        self.end(Exit::Interrupted, &json!({ "message": message, "causes": [], "help": null }));
    }

    fn end(&self, exit: Exit, error: &Value) {
        if !self.has_document.load(Ordering::Relaxed) {
            // Who does not read what is printed is told by the exit status.
            drop(self.json(&json!({ "error": error, "exit": exit as u8 })));
        }
    }

    /// A word, marked if it is for a terminal.
    pub(crate) fn mark(&self, word: &str, mark: Mark) -> String {
        let [good, doubtful, bad, faint, end] = plain::MARKS;
        let begin = match mark {
            Mark::Good => good,
            Mark::Doubtful => doubtful,
            Mark::Bad => bad,
            Mark::Faint => faint,
        };
        if self.is_coloured { format!("{begin}{word}{end}") } else { word.to_owned() }
    }
}

/// The number of the format of documents; raised when a field goes or changes its meaning.
const FORMAT: u32 = 1;

/// A fault of ours may show what it was about: a password too.
pub(crate) fn tell_panics(secrets: Secrets) {
    std::panic::set_hook(Box::new(move |panic| {
        let text = format!("error: athena is at fault itself: {panic}");
        drop(write(&mut io::stderr().lock(), &plain::lines(&secrets.blank(&text))));
    }));
}

/// Writes text with an end of line in one go.
fn write(to: &mut impl Write, text: &str) -> io::Result<()> {
    let mut text = text.to_owned();
    text.push('\n');
    to.write_all(text.as_bytes())?;
    to.flush()
}
