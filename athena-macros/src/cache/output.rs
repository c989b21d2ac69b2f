//! What a cached function may return, as far as its signature shows it.

use syn::{Type, TypeReference};

use crate::cache::options::CacheOptions;
use crate::fault::Faults;
use crate::function::{bare, type_arguments};
use crate::origin::Origin;
use crate::tokens;

/// Refuses results of which nothing can be kept.
pub(super) fn check(options: &CacheOptions, origin: &Origin, faults: &mut Faults) {
    let output = &origin.output;
    if matches!(output, Type::Tuple(tuple) if tuple.elems.is_empty()) {
        let message = "there is nothing to cache: this function returns `()`";
        faults.at(output, message);
    }
    if tokens::borrows(output) {
        let message = "a cached value outlives the call, so it cannot borrow; return an owned type";
        faults.at(output, message);
    } else if options.tier.is_none()
        && let Some(reference) = kept(options, output).into_iter().find_map(static_reference)
    {
        let shown = tokens::show(reference);
        let owned = match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
            Type::Slice(slice) => format!("Vec<{}>", tokens::show(&slice.elem)),
            other => tokens::show(other),
        };
        let message = format!(
            "a value is read back from bytes, which `{shown}` cannot be; return `{owned}`, or keep it in this \
             process alone with `tier = memory`"
        );
        faults.at(reference, message);
    }
}

/// The parts of a result that become bytes: errors only with `negative = err`.
fn kept<'a>(options: &CacheOptions, output: &'a Type) -> Vec<&'a Type> {
    let Type::Path(path) = output else {
        return vec![output];
    };
    match path.path.segments.last() {
        Some(last) if last.ident == "Result" => {
            let count = if options.negative.is_some() { 2 } else { 1 };
            type_arguments(&last.arguments).take(count).collect()
        }
        _ => vec![output],
    }
}

/// The first `&'static T` that a value consists of.
fn static_reference(ty: &Type) -> Option<&TypeReference> {
    match bare(ty) {
        Type::Reference(reference) => Some(reference),
        Type::Array(array) => static_reference(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(static_reference),
        Type::Path(path) => {
            let last = path.path.segments.last().filter(|last| last.ident != "PhantomData")?;
            type_arguments(&last.arguments).find_map(static_reference)
        }
        _ => None,
    }
}
