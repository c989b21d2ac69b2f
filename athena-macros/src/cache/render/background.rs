//! Writes the parts of an expansion whose load can go on in the background.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, GenericParam, Signature};

use crate::cache::background::{Background, Home, Own};
use crate::function::Body;
use crate::origin::Origin;
use crate::runtime::Runtime;
use crate::tokens::hidden_at;

/// The function inside the annotated one that holds the body.
pub(crate) fn inner(load: &Background, origin: &Origin) -> Option<TokenStream> {
    let Home::Inner(name) = &load.home else {
        return None;
    };
    let (sig, body) = (renamed(&origin.function.sig, name), &origin.function.body);
    Some(quote_spanned!(Span::mixed_site()=> #sig #body))
}

/// The method beside the annotated one that holds the body.
pub(crate) fn sibling(load: &Background, origin: &Origin) -> Option<TokenStream> {
    let Home::Sibling(name) = &load.home else {
        return None;
    };
    let function = &origin.function;
    let (sig, body) = (renamed(&function.sig, name), &function.body);
    let inner_attrs = &function.inner_attrs;
    let attrs = function.attributes(Body::Moved);
    let attrs = attrs.iter().filter(|attr| rules_the_body(attr));
    Some(quote_spanned!(Span::mixed_site()=>
        #(#attrs)*
        #[doc(hidden)]
        #sig { #(#inner_attrs)* #body }
    ))
}

/// Attributes that the body must keep when it moves.
fn rules_the_body(attr: &Attribute) -> bool {
    ["allow", "cfg", "cfg_attr", "deny", "forbid", "warn"]
        .iter()
        .any(|name| attr.path().is_ident(name))
}

fn renamed(sig: &Signature, name: &Ident) -> Signature {
    Signature {
        ident: name.clone(),
        ..sig.clone()
    }
}

/// The call that runs the load in place, or later with copies it owns.
pub(crate) fn run(load: &Background, origin: &Origin, runtime: &Runtime) -> TokenStream {
    let arguments = passed(load, origin);
    let values = arguments.iter().map(|argument| &argument.value);
    let locals: Vec<_> = arguments.iter().map(|argument| &argument.local).collect();
    let owned = arguments.iter().map(|argument| argument.owned(runtime));
    let lent = arguments.iter().map(Passed::lent);
    let function = callee(load, origin);
    quote_spanned!(hidden_at(&load.option)=>
        #[allow(clippy::used_underscore_binding)]
        let run = ask.run_background(
            (#(#values,)*),
            |(#(#locals,)*)| #function(#(#locals),*),
            |(#(#locals,)*)| {
                #(#owned)*
                ::std::boxed::Box::pin(async move { #function(#(#lent),*).await })
            },
        );
        run.await
    )
}

/// `load::<T>` or `Self::load::<T>`.
fn callee(load: &Background, origin: &Origin) -> TokenStream {
    let parameters = origin.function.sig.generics.params.iter();
    let parameters: Vec<_> = parameters
        .filter_map(|parameter| match parameter {
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Const(parameter) => Some(&parameter.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    let generics =
        (!parameters.is_empty()).then(|| quote_spanned!(Span::mixed_site()=> ::<#(#parameters),*>));
    match &load.home {
        Home::Inner(name) => quote_spanned!(name.span()=> #name #generics),
        Home::Sibling(name) => quote_spanned!(name.span()=> Self::#name #generics),
    }
}

/// What is passed to the load, `self` first.
fn passed<'a>(load: &'a Background, origin: &'a Origin) -> Vec<Passed<'a>> {
    let receiver = origin.function.receiver().zip(load.receiver.as_ref());
    let receiver = receiver.map(|(receiver, own)| Passed {
        value: receiver.self_token.to_token_stream(),
        local: Ident::new("this", hidden_at(receiver.self_token)),
        own,
    });
    let arguments = origin.arguments.iter().zip(&load.arguments);
    let arguments = arguments.map(|(argument, own)| Passed {
        value: argument.local.to_token_stream(),
        local: argument.local.clone(),
        own,
    });
    receiver.into_iter().chain(arguments).collect()
}

struct Passed<'a> {
    value: TokenStream,
    local: Ident,
    own: &'a Own,
}

impl Passed<'_> {
    /// `let id = Clone::clone(id);`
    fn owned(&self, runtime: &Runtime) -> TokenStream {
        let local = &self.local;
        let place = hidden_at(local);
        let private = runtime.private_at(place);
        let copy = match self.own {
            Own::Clone => quote_spanned!(place=> ::core::clone::Clone::clone(#local)),
            Own::ToOwned(_) => quote_spanned!(place=> ::std::borrow::ToOwned::to_owned(*#local)),
            Own::Receiver => quote_spanned!(place=> #private::own_receiver(*#local)),
        };
        quote_spanned!(place=> let #local = #copy;)
    }

    /// What the load takes, out of the copy.
    fn lent(&self) -> TokenStream {
        let local = &self.local;
        let place = hidden_at(local);
        match self.own {
            Own::Clone => local.to_token_stream(),
            Own::ToOwned(ty) => {
                quote_spanned!(place=> ::core::borrow::Borrow::<#ty>::borrow(&#local))
            }
            Own::Receiver => quote_spanned!(place=> &#local),
        }
    }
}
