//! `each = ids`: the argument that is a list, of which each element has an entry of its own.
//!
//! For all that names entries the argument is then an element: its type is replaced by that of one.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{ReceiverKind, Type};

use crate::cache::options::{CacheOptions, FAIL_FAST};
use crate::choice;
use crate::fault::Faults;
use crate::function::{Argument, bare, is_same, type_arguments};
use crate::origin::{AsyncForm, Origin};
use crate::tokens;

/// A list whose elements have entries.
pub(crate) struct EachList {
    /// Which argument it is.
    pub(crate) position: usize,
    pub(crate) form: ListForm,
}

/// How the body gets what it is to load.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListForm {
    /// `&[T]`
    Slice,
    /// `Vec<T>`
    Owned,
}

/// Finds the list, and takes the argument for one of its elements.
pub(super) fn check(
    options: &CacheOptions,
    origin: &mut Origin,
    faults: &mut Faults,
) -> Option<EachList> {
    let each = &options.each.as_ref()?.value;
    refuse_form(each, origin, faults);
    refuse_receiver(each, origin, faults);
    refuse_options(options, faults);
    refuse_left_out(each, options, origin, faults);
    let Some(position) = origin.arguments.iter().position(|argument| argument.binds(each)) else {
        faults.at(each, unknown(each, origin));
        return None;
    };
    let argument = &mut origin.arguments[position];
    if argument.name().is_none() {
        let message = format!(
            "`{each}` is part of a pattern; give the list a name and take it apart in the body"
        );
        faults.at(each, message);
        return None;
    }
    let Some((form, element)) = list(&argument.ty) else {
        let shown = tokens::show(&argument.ty);
        let message = format!(
            "`each` needs a list, whose elements have an entry each: expected `&[T]` or `Vec<T>`, found `{shown}`"
        );
        faults.at(&argument.ty, message);
        return None;
    };
    argument.ty = element;
    Some(EachList { position, form })
}

fn unknown(each: &Ident, origin: &Origin) -> String {
    let function = &origin.function.sig.ident;
    let known: Vec<_> = origin.arguments.iter().flat_map(Argument::shown_names).collect();
    let expected = match known.as_slice() {
        [] => "which has none".to_owned(),
        known => choice::expected(&each.to_string(), known),
    };
    format!("`{each}` is no argument of `{function}`, {expected}")
}

/// The element type of `&[T]` and `Vec<T>`.
fn list(ty: &Type) -> Option<(ListForm, Type)> {
    match bare(ty) {
        Type::Reference(reference) if reference.mutability.is_none() => match bare(&reference.elem)
        {
            Type::Slice(slice) => Some((ListForm::Slice, bare(&slice.elem).clone())),
            _ => None,
        },
        Type::Path(path) => {
            let last = path.path.segments.last().filter(|last| last.ident == "Vec")?;
            let element = type_arguments(&last.arguments).next()?;
            Some((ListForm::Owned, bare(element).clone()))
        }
        _ => None,
    }
}

fn refuse_form(each: &Ident, origin: &Origin, faults: &mut Faults) {
    if origin.form == AsyncForm::Blocking {
        let message = "`each` needs a function that is `async`; make it `async`, or use `Cache::batch` in its place";
        faults.at(each, message);
    }
}

/// The body may run once more, which needs `self` once more.
fn refuse_receiver(each: &Ident, origin: &Origin, faults: &mut Faults) {
    let Some(receiver) = origin.function.receiver() else { return };
    let is_shared = match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_none(),
        ReceiverKind::Typed(_, ty) => {
            matches!(bare(ty), Type::Reference(reference) if reference.mutability.is_none())
        }
        _ => false,
    };
    if !is_shared {
        let message = format!(
            "`each = {each}` may run the body once more, for other elements, so `self` cannot be used up or changed; \
             take `&self`"
        );
        faults.at(receiver, message);
    }
}

/// What is said of one load, and a load here is of many entries.
fn refuse_options(options: &CacheOptions, faults: &mut Faults) {
    let CacheOptions { refresh, soft_timeout, hard_timeout, negative, grace_unless, .. } = options;
    let alone = [
        refresh.as_ref().map(|it| &it.name),
        soft_timeout.as_ref().map(|it| &it.name),
        hard_timeout.as_ref().map(|it| &it.name),
        negative.as_ref().map(|it| &it.name),
        grace_unless.as_ref().map(|it| &it.name),
    ];
    for option in alone.into_iter().flatten() {
        let message = format!(
            "`{option}` is about the load of one entry, and with `each` one load is for many; remove it, or cache a \
             function of one element"
        );
        faults.at(option, message);
    }
    if let Some(fallback) = options.fallback.as_ref().filter(|it| it.value == FAIL_FAST) {
        let message = "`FailFast` gives an error in place of one entry, and with `each` there are many; choose another \
                       fallback, or cache a function of one element";
        faults.at(&fallback.value, message);
    }
}

/// An element is what names an entry; the other arguments have to be there for each run.
fn refuse_left_out(each: &Ident, options: &CacheOptions, origin: &Origin, faults: &mut Faults) {
    for name in options.skip.iter().flat_map(|skip| &skip.value) {
        if is_same(name, each) {
            let message = format!(
                "`{}` is both in `each` and in `skip`, and its elements are what names the entries; remove it from one",
                name.unraw()
            );
            faults.at(name, message);
            continue;
        }
        let argument = origin.arguments.iter().find(|argument| argument.binds(name));
        let Some(argument) = argument else { continue };
        if matches!(&argument.ty, Type::Reference(ty) if ty.mutability.is_some()) {
            let message = format!(
                "`each = {each}` may run the body once more, for other elements, so it cannot change its arguments; \
                 take `{}` by `&`",
                argument.local
            );
            faults.at(&argument.ty, message);
        }
    }
}
