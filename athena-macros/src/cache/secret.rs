//! Arguments that nobody may read: in the key by their digest, and nowhere else.

use proc_macro2::Ident;
use syn::ext::IdentExt;

use crate::cache::options::CacheOptions;
use crate::fault::Faults;
use crate::function::{Argument, is_same};
use crate::origin::Origin;
use crate::template::Part;

/// Refuses what would show a secret, or what makes none.
pub(super) fn check(options: &CacheOptions, origin: &Origin, faults: &mut Faults) {
    let Some(secret) = &options.secret else { return };
    if secret.value.is_empty() {
        let message =
            "`secret` names no argument; write those that nobody may read, as in `secret(token)`";
        faults.at(&secret.name, message);
    }
    for name in &secret.value {
        refuse_skipped(name, options, faults);
        refuse_tags(name, options, &origin.arguments, faults);
    }
}

fn refuse_skipped(name: &Ident, options: &CacheOptions, faults: &mut Faults) {
    let mut skipped = options.skip.iter().flat_map(|skip| &skip.value);
    if skipped.any(|other| is_same(name, other)) {
        let message = format!(
            "`{name}` is both in `secret` and in `skip`, which leaves it out of the key; remove it from one"
        );
        faults.at(name, message);
    }
}

/// A tag is a readable name in the backend.
fn refuse_tags(name: &Ident, options: &CacheOptions, arguments: &[Argument], faults: &mut Faults) {
    let this = std::slice::from_ref(name);
    let argument = arguments.iter().find(|argument| argument.binds(name));
    let names = argument.map_or(this, |argument| &argument.names);
    for tag in options.tags.iter().flat_map(|tags| &tags.value) {
        let shown = tag.parts.iter().find_map(|part| match part {
            Part::Hole(hole) if names.iter().any(|name| hole.starts_from(name)) => Some(hole),
            _ => None,
        });
        if let Some(hole) = shown {
            let message = format!(
                "a tag is readable, and `{}` is secret: label the entry by something else, or remove it by \
                 `of(call).invalidate()`",
                name.unraw()
            );
            faults.at(&tag.literal, format!("{message}; found `{{{}}}`", hole.root));
        }
    }
}
