//! `#[athena_cache]`: parse, check, render.

mod argument;
mod background;
mod check;
mod constant;
mod each;
mod foreign;
mod key;
mod options;
mod output;
mod plan;
mod render;
mod secret;

use proc_macro2::TokenStream;

use crate::attribute;
use crate::cache::plan::CachePlan;
use crate::fault::{self, Faults};
use crate::function::Function;

/// The function behind its cache, or as it was with what is wrong.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    plan(options, item.clone())
        .map_or_else(|faults| fault::give_back(item, &faults), |plan| render::render(&plan))
}

fn plan(options: TokenStream, item: TokenStream) -> syn::Result<CachePlan> {
    let mut faults = Faults::default();
    let options = attribute::read(&options::TABLE, options, &mut faults);
    match syn::parse2::<Function>(item) {
        Ok(function) => check::check(options, function, faults),
        Err(error) => Err(faults.and(error)),
    }
}

#[cfg(test)]
mod tests;
