//! Where an attribute cannot stand: on what is no function, and on tests.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Token};

/// Whether what comes next in `input`, under `attrs`, can be an annotated function.
pub(super) fn check(attrs: &[Attribute], input: ParseStream<'_>) -> syn::Result<()> {
    refuse_other_items(input)?;
    refuse_test(attrs)
}

/// Items that people put the attribute on, and where it belongs instead.
const OTHER_ITEMS: &[(&str, &str)] = &[
    ("impl", "put it on each of its methods that it is for"),
    ("trait", "put it on methods with a body, as in the impls of the trait"),
    ("mod", "put it on each of its functions that it is for"),
    ("struct", "put it on the function that loads such a value"),
    ("enum", "put it on the function that loads such a value"),
    ("union", "put it on the function that loads such a value"),
    ("type", "put it on the function that loads such a value"),
    ("static", "put it on the function that loads the value"),
];

fn refuse_other_items(input: ParseStream<'_>) -> syn::Result<()> {
    let fork = input.fork();
    fork.parse::<Option<Token![unsafe]>>()?;
    let Ok(word) = fork.call(Ident::parse_any) else {
        return Ok(());
    };
    let mut items = OTHER_ITEMS.iter();
    items.find(|(item, _)| word == item).map_or(Ok(()), |(item, instead)| {
        let article = if item.starts_with(['i', 'e', 'u']) { "an" } else { "a" };
        let message =
            format!("the attribute stands on a function, found {article} `{item}`; {instead}");
        Err(syn::Error::new(word.span(), message))
    })
}

/// Attributes of tests have made theirs synchronous if they stand above.
fn refuse_test(attrs: &[Attribute]) -> syn::Result<()> {
    let is_test =
        |attr: &&Attribute| attr.path().segments.last().is_some_and(|last| last.ident == "test");
    attrs.iter().find(is_test).map_or(Ok(()), |attr| {
        let message = "a test runs once and gives its result to nobody, found an attribute that makes this \
                       function one; put what is to be cached into a function of its own, and call that \
                       from the test";
        Err(syn::Error::new_spanned(attr, message))
    })
}
