//! Arguments that can be no part of a key, as far as their types show it.
//!
//! What only the compiler knows of a type is told by `KeyArgument` of the runtime.

use proc_macro2::Ident;
use syn::{Type, TypeParamBound};

use crate::fault::Faults;
use crate::function::{Argument, bare, type_arguments};
use crate::tokens;

/// Refuses an argument of a key that is made of all arguments.
pub(super) fn check(argument: &Argument, faults: &mut Faults) {
    let skip = argument.shown_names().join(", ");
    let shown = tokens::show(&argument.ty);
    if matches!(&argument.ty, Type::Reference(ty) if ty.mutability.is_some()) {
        let local = &argument.local;
        let message = format!(
            "a cached function must not change its arguments; take `{local}` by `&`, or leave it \
             out of the key with `skip({local})`"
        );
        faults.at(&argument.ty, message);
    } else if is_code(&argument.ty) {
        let message = format!(
            "an argument is part of the key, so it has to be `Serialize`, and `{shown}` is code; write \
             `skip({skip})` if the result does not depend on it"
        );
        faults.at(&argument.ty, message);
    } else if let Some(set) = unordered(&argument.ty) {
        let ordered = shown.replace(&set.to_string(), "BTreeSet");
        let message = format!(
            "an argument is part of the key, and a `{set}` lists its items in another order each time, so that \
             equal ones would miss; take `{ordered}`, or write `skip({skip})` if the result does not depend on it"
        );
        faults.at(&argument.ty, message);
    }
}

/// `impl Fn()`, `dyn Fn()`, `fn()`, behind references and boxes.
fn is_code(ty: &Type) -> bool {
    match bare(ty) {
        Type::FnPtr(_) => true,
        Type::Reference(reference) => is_code(&reference.elem),
        Type::ImplTrait(opaque) => opaque.bounds.iter().any(calls),
        Type::TraitObject(object) => object.bounds.iter().any(calls),
        Type::Path(path) => {
            let last = path.path.segments.last();
            last.is_some_and(|last| {
                let is_pointer = ["Box", "Arc", "Rc"].iter().any(|name| last.ident == name);
                is_pointer && type_arguments(&last.arguments).any(is_code)
            })
        }
        _ => false,
    }
}

fn calls(bound: &TypeParamBound) -> bool {
    let TypeParamBound::Trait(bound) = bound else {
        return false;
    };
    let last = bound.path.segments.last();
    let names = ["Fn", "FnMut", "FnOnce", "AsyncFn", "AsyncFnMut", "AsyncFnOnce"];
    last.is_some_and(|last| names.iter().any(|name| last.ident == name))
}

/// The first `HashSet` that a type names; a `HashMap` is sorted by its keys.
fn unordered(ty: &Type) -> Option<&Ident> {
    match bare(ty) {
        Type::Reference(reference) => unordered(&reference.elem),
        Type::Slice(slice) => unordered(&slice.elem),
        Type::Array(array) => unordered(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(unordered),
        Type::Path(path) => path.path.segments.iter().find_map(|segment| {
            let is_set = segment.ident == "HashSet" && !segment.arguments.is_none();
            let this = is_set.then_some(&segment.ident);
            this.or_else(|| type_arguments(&segment.arguments).find_map(unordered))
        }),
        _ => None,
    }
}
