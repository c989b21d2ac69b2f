//! What names an entry: each argument is in `key` or in `skip`, or cannot make a difference.
//!
//! Without `key` all arguments are in the key that `skip` does not leave out; `self` never is.

use proc_macro2::Ident;
use syn::Expr;
use syn::ext::IdentExt;

use crate::bound::{self, Exposure};
use crate::cache::options::CacheOptions;
use crate::cache::plan::{Key, Naming};
use crate::cache::{argument, secret};
use crate::choice;
use crate::fault::Faults;
use crate::function::{Argument, is_same};
use crate::origin::Origin;
use crate::template::Template;

/// What names an entry; what is wrong becomes a fault.
///
/// Unless `all_read`, an option that could not be read may name what seems to be missing.
pub(crate) fn check(
    options: &CacheOptions,
    origin: &Origin,
    all_read: bool,
    faults: &mut Faults,
) -> Naming {
    let words = Words {
        origin,
        template: options.key.as_ref().map(|key| &key.value),
        skipped: options.skip.as_ref().map_or(&[], |skip| &skip.value),
        secret: options.secret.as_ref().map_or(&[], |secret| &secret.value),
        handle: options.cache.as_ref().and_then(|cache| variable(&cache.value)),
    };
    words.refuse_unknown(faults);
    words.refuse_parts(faults);
    words.refuse_contradictions(faults);
    secret::check(options, origin, faults);
    if all_read {
        refuse_shared_without_key(options, faults);
        words.demand_receiver(faults);
        words.demand_arguments(faults);
    }
    words.naming(faults)
}

fn refuse_shared_without_key(options: &CacheOptions, faults: &mut Faults) {
    if let (Some(shared), None) = (&options.shared, &options.key) {
        let message = "`shared` has no effect without `key`, which names the entries that are \
                       shared; add e.g. `key = \"product:{id}\"`";
        faults.at(&shared.name, message);
    }
}

/// What was written about the arguments of a function.
struct Words<'a> {
    origin: &'a Origin,
    template: Option<&'a Template>,
    skipped: &'a [Ident],
    secret: &'a [Ident],
    /// The variable that is the cache to use.
    handle: Option<&'a Ident>,
}

impl Words<'_> {
    fn naming(&self, faults: &mut Faults) -> Naming {
        let mut arguments = self.origin.arguments.iter();
        let handle = arguments.position(|argument| {
            self.is_handle(argument) && !self.skips(argument) && !self.has_in_key(argument)
        });
        let key = match self.template {
            Some(template) => Key::Written(bound::key(template, self.origin, self.secret, faults)),
            None => Key::Derived(self.derived(faults)),
        };
        Naming { key, handle }
    }

    /// All arguments that nothing leaves out, by position.
    fn derived(&self, faults: &mut Faults) -> Vec<(usize, Exposure)> {
        let arguments = self.origin.arguments.iter().enumerate();
        let taken: Vec<_> = arguments.filter(|(_, argument)| !self.is_out(argument)).collect();
        for (_, argument) in &taken {
            argument::check(argument, faults);
        }
        let exposure = |argument: &Argument| {
            let is_secret = self.secret.iter().any(|name| argument.binds(name));
            if is_secret { Exposure::Secret } else { Exposure::Readable }
        };
        taken.into_iter().map(|(position, argument)| (position, exposure(argument))).collect()
    }

    fn skips(&self, argument: &Argument) -> bool {
        self.skipped.iter().any(|name| argument.binds(name))
    }

    fn is_in_key(&self, name: &Ident) -> bool {
        self.template.is_some_and(|template| template.names(name))
    }

    fn has_in_key(&self, argument: &Argument) -> bool {
        argument.names.iter().any(|name| self.is_in_key(name))
    }

    /// Whether an argument is the cache to use, which says where an entry is, not which one it is.
    fn is_handle(&self, argument: &Argument) -> bool {
        let name = argument.name();
        self.handle.zip(name).is_some_and(|(handle, name)| is_same(handle, &name))
    }

    /// Whether an argument does not name the entry.
    fn is_out(&self, argument: &Argument) -> bool {
        self.skips(argument) || self.is_handle(argument) || argument.is_unseen()
    }

    fn refuse_unknown(&self, faults: &mut Faults) {
        let function = &self.origin.function;
        for name in self.skipped.iter().chain(self.secret) {
            let is_receiver = name == "self" && function.receiver().is_some();
            if is_receiver || self.origin.arguments.iter().any(|argument| argument.binds(name)) {
                continue;
            }
            let arguments = self.origin.arguments.iter().flat_map(Argument::shown_names);
            let receiver = function.receiver().map(|_| "self".to_owned());
            let known: Vec<_> = arguments.chain(receiver).collect();
            let expected = match known.as_slice() {
                [] => "which has none".to_owned(),
                known => choice::expected(&name.to_string(), known),
            };
            let function = &function.sig.ident;
            faults.at(name, format!("`{name}` is no argument of `{function}`, {expected}"));
        }
    }

    /// `skip(a)` on `(a, b): (u8, u8)` leaves out `b` without a word.
    fn refuse_parts(&self, faults: &mut Faults) {
        for argument in &self.origin.arguments {
            let of_argument = |name: &&Ident| argument.binds(name);
            let Some(first) = self.skipped.iter().find(of_argument) else {
                continue;
            };
            let is_written = |name: &&Ident| self.skipped.iter().any(|other| is_same(name, other));
            if let Some(other) = argument.names.iter().find(|name| !is_written(name)) {
                let all = argument.shown_names().join(", ");
                let message = format!(
                    "`{first}` is part of an argument, which cannot be left out without `{other}`; \
                     write `skip({all})`, or give the argument a name"
                );
                faults.at(first, message);
            }
        }
    }

    fn refuse_contradictions(&self, faults: &mut Faults) {
        for name in self.skipped.iter().filter(|name| self.is_in_key(name)) {
            faults.at(name, format!("`{name}` is both in `key` and in `skip`; remove it from one"));
        }
    }

    fn demand_receiver(&self, faults: &mut Faults) {
        let Some(receiver) = self.origin.function.receiver() else {
            return;
        };
        let this = Ident::new("self", receiver.self_token.span);
        if self.is_in_key(&this) || self.skipped.contains(&this) {
            return;
        }
        let (function, key) = (&self.origin.function.sig.ident, self.key_with_receiver());
        let skip = self.skip_with(vec!["self".to_owned()]);
        let message = format!(
            "`{function}` would answer one `self` with the value of another: put the fields that \
             its result depends on into the key, as in `key = {key:?}`, or write `{skip}` if it \
             depends on none"
        );
        faults.at(receiver, message);
    }

    /// The key as it is, or as one could write it, with a field of `self` in it.
    fn key_with_receiver(&self) -> String {
        if let Some(template) = self.template {
            return format!("{}:{{self.…}}", template.literal.value());
        }
        let arguments = self.origin.arguments.iter().filter(|argument| !self.is_out(argument));
        let names = arguments.filter_map(Argument::name);
        let start = format!("{}:{{self.…}}", self.origin.function.sig.ident.unraw());
        names.fold(start, |key, name| format!("{key}:{{{name}}}"))
    }

    /// With `key`, what is not in it has to be left out by a word.
    fn demand_arguments(&self, faults: &mut Faults) {
        let arguments = self.origin.arguments.iter().filter(|_| self.template.is_some());
        for argument in arguments.filter(|it| !self.has_in_key(it) && !self.is_out(it)) {
            let names = argument.shown_names();
            let skip = self.skip_with(names.clone());
            let message = match (argument.name(), names.as_slice()) {
                (Some(hole), [name, ..]) => format!(
                    "calls that differ in `{name}` alone would share an entry: add `{{{hole}}}` to \
                     `key`, or write `{skip}` if the result does not depend on it"
                ),
                (_, []) => "calls that differ in this argument alone would share an entry: give \
                            it a name, and write that in `key` or in `skip`"
                    .to_owned(),
                _ => format!(
                    "calls that differ in this argument alone would share an entry: give it a name \
                     to write in `key`, or write `{skip}` if the result does not depend on it"
                ),
            };
            faults.at(&argument.pattern, message);
        }
    }

    /// `skip(…)` as it is, with more names in it.
    fn skip_with(&self, more: Vec<String>) -> String {
        let written = self.skipped.iter().map(|name| name.unraw().to_string());
        let names: Vec<_> = written.chain(more).collect();
        format!("skip({})", names.join(", "))
    }
}

/// The variable that an expression is, references aside.
fn variable(expression: &Expr) -> Option<&Ident> {
    match expression {
        Expr::Path(path) => path.path.get_ident(),
        Expr::Reference(reference) => variable(&reference.expr),
        Expr::Paren(inner) => variable(&inner.expr),
        Expr::Group(inner) => variable(&inner.expr),
        _ => None,
    }
}
