//! `athena`: what is wrong with the Redis of a cache, what is in it, and what becomes of it in a failover.
//!
//! Invariant: what is printed passes [`out::Out`], and a closed pipe is no error.

mod args;
mod command;
mod doctor;
mod exit;
mod fault;
mod out;
mod plain;
mod secrets;
mod shown;
mod stop;
mod table;
mod target;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use self::args::Args;
use self::exit::Exit;
use self::fault::Fault;
use self::out::{Form, Out};
use self::secrets::Secrets;
use self::target::Target;

fn main() -> ExitCode {
    let given: Vec<_> = std::env::args_os().collect();
    let words: Vec<_> = given.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let secrets = Secrets::of_process(&words);
    out::tell_panics(secrets.clone());
    if let Some(place) = given.iter().position(|word| word.to_str().is_none()) {
        let out = Out::new(secrets, form_of(&words));
        out.fault(&Fault::usage(format_args!("argument {place} is no UTF-8")));
        return Exit::Usage.into();
    }
    let exit = match Args::try_parse_from(&words) {
        Ok(args) => run(args, secrets),
        Err(error) => refuse(&error, secrets, form_of(&words)),
    };
    exit.into()
}

/// For whom it is printed, where the words cannot be used.
fn form_of(words: &[String]) -> Form {
    if words.iter().any(|word| word == "--json") { Form::Json } else { Form::Text }
}

/// Says what is wrong with the words, or what they ask for: help, or the version.
fn refuse(error: &clap::Error, secrets: Secrets, form: Form) -> Exit {
    let text = error.render().to_string();
    let text = text.trim_end();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        drop(Out::new(secrets, Form::Text).line(text));
        return Exit::Fine;
    }
    let message = text.strip_prefix("error: ").unwrap_or(text);
    Out::new(secrets, form).fault(&Fault::usage(message));
    Exit::Usage
}

fn run(args: Args, mut secrets: Secrets) -> Exit {
    let form = args.form();
    let target = Target::of(&args.target, &mut secrets);
    let out = Out::new(secrets, form);
    let outcome = target.and_then(|target| {
        if let Some(note) = &target.note {
            out.note(note);
        }
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().map_err(|error| {
            Fault::new(Exit::Incomplete, "cannot start a runtime").caused_by(error)
        })?;
        let exit = runtime.block_on(command::run(args, target, &out));
        // What is under way on connections is of no use any more.
        runtime.shutdown_background();
        exit
    });
    match outcome {
        Ok(exit) => {
            if exit == Exit::Interrupted {
                out.interrupted();
            }
            exit
        }
        Err(fault) => {
            out.fault(&fault);
            fault.exit
        }
    }
}
