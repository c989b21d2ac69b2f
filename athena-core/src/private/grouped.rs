//! Functions whose entries can be invalidated together, as `functions = […]` names them.
//!
//! An expansion imports a path under one name. A function that is `grouped` brings a type of that name, which stands
//! before the one that [`ungrouped`] has for it; any other function brings none.

/// Stands for an annotated function that is `grouped`.
#[diagnostic::on_unimplemented(
    message = "this is not a function with `#[athena_cache(…, grouped)]`",
    label = "its entries have nothing in common that could be invalidated",
    note = "add `grouped` to its `#[athena_cache]`; of a method write the name instead, as in `\"shop::Catalog::books\"`"
)]
pub trait Grouped {
    /// The name of the function.
    fn name() -> &'static str;
}

/// What stands for functions that are not.
pub mod ungrouped {
    /// Any of them.
    #[derive(Debug)]
    pub struct AthenaFunction;
}
