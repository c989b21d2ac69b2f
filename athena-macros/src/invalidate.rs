//! `#[athena_invalidate]`: parse, check, render.

mod check;
mod functions;
mod options;
mod render;

use proc_macro2::TokenStream;

use crate::attribute;
use crate::fault::{self, Faults};
use crate::function::Function;
use crate::invalidate::check::InvalidatePlan;

/// The function with its sweep, or as it was with what is wrong.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    plan(options, item.clone())
        .map_or_else(|faults| fault::give_back(item, &faults), |plan| render::render(&plan))
}

fn plan(options: TokenStream, item: TokenStream) -> syn::Result<InvalidatePlan> {
    let mut faults = Faults::default();
    let options = attribute::read(&options::TABLE, options, &mut faults);
    match syn::parse2::<Function>(item) {
        Ok(function) => check::check(options, function, faults),
        Err(error) => Err(faults.and(error)),
    }
}

#[cfg(test)]
mod tests;
