//! Times that are constants: one for all calls, evaluated where neither arguments nor generics are known.

use proc_macro2::Ident;
use quote::format_ident;
use syn::GenericParam;

use crate::attribute::Written;
use crate::cache::options::CacheOptions;
use crate::duration::Time;
use crate::fault::Faults;
use crate::function::Argument;
use crate::origin::Origin;
use crate::tokens;

/// Refuses what cannot be known when the function is compiled.
pub(super) fn check(options: &CacheOptions, origin: &Origin, faults: &mut Faults) {
    for Written { name: option, value } in options.times() {
        if let Some(variable) = value.names(variables(origin)) {
            faults.at(&variable, per_call(option, &variable));
        } else if let Time::Constant(expression) = value
            && let Some(parameter) = parameter(expression, origin)
        {
            let message = format!(
                "`{option}` is one constant for all that the function is compiled for, which does not know \
                 `{parameter}`; name the constant by its type, as in `ttl = Shop::TTL`"
            );
            faults.at(&parameter, message);
        }
    }
}

fn per_call(option: &Ident, variable: &Ident) -> String {
    let fix = if option == "ttl" {
        "write `ttl_from = |value| …` for a time that the value tells, or `Cache::entry` for one that the call tells"
    } else {
        "write `Cache::entry` for a time that the call tells"
    };
    format!(
        "`{option}` is one for all calls, and `{variable}` is known to one call alone: expected a constant such as \
         `TTL` or `Duration::from_secs(60)`; {fix}; what holds for a whole cache is in its settings"
    )
}

/// The arguments, by all their names.
fn variables(origin: &Origin) -> impl Iterator<Item = Ident> {
    let receiver = origin.function.receiver().map(|_| format_ident!("self"));
    let names = origin.arguments.iter().flat_map(|Argument { names, .. }| names.iter().cloned());
    names.chain(receiver)
}

/// `Self`, or a generic parameter of the function.
fn parameter(expression: &syn::Expr, origin: &Origin) -> Option<Ident> {
    let parameters = origin.function.sig.generics.params.iter();
    let names = parameters.filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(parameter.ident.to_string()),
        GenericParam::Const(parameter) => Some(parameter.ident.to_string()),
        GenericParam::Lifetime(_) => None,
    });
    std::iter::once("Self".to_owned()).chain(names).find_map(|name| tokens::find(expression, &name))
}
