//! Writes the parts of an expansion whose load can go on in the background.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, GenericParam, Signature};

use crate::cache::background::{Background, Home, Own};
use crate::function::{Argument, Body};
use crate::origin::{AsyncForm, Origin};
use crate::runtime::Runtime;
use crate::tokens::hidden_at;

/// The function inside the annotated one that holds the body.
pub(crate) fn inner(load: &Background, origin: &Origin) -> Option<TokenStream> {
    let Home::Inner(name) = &load.home else {
        return None;
    };
    let (sig, body) = (renamed(&origin.function.sig, name), body(origin));
    Some(quote_spanned!(Span::mixed_site()=> #sig #body))
}

/// The method beside the annotated one that holds the body.
pub(crate) fn sibling(load: &Background, origin: &Origin) -> Option<TokenStream> {
    let Home::Sibling(name) = &load.home else {
        return None;
    };
    let function = &origin.function;
    let (sig, body) = (renamed(&function.sig, name), body(origin));
    let inner_attrs = &function.inner_attrs;
    let attrs = function.attributes(Body::Moved);
    let attrs = attrs.iter().filter(|attr| rules_the_body(attr));
    Some(quote_spanned!(Span::mixed_site()=>
        #(#attrs)*
        #[doc(hidden)]
        #sig { #(#inner_attrs)* #body }
    ))
}

/// The body, with every argument in use: some may serve the key alone.
fn body(origin: &Origin) -> TokenStream {
    let names = origin.arguments.iter().filter_map(Argument::name);
    let body = &origin.function.body;
    quote_spanned!(Span::mixed_site()=> { #(let _ = &#names;)* #body })
}

/// Attributes that the body must keep when it moves.
fn rules_the_body(attr: &Attribute) -> bool {
    ["allow", "cfg", "cfg_attr", "deny", "forbid", "warn"]
        .iter()
        .any(|name| attr.path().is_ident(name))
}

fn renamed(sig: &Signature, name: &Ident) -> Signature {
    Signature { ident: name.clone(), ..sig.clone() }
}

/// The call that runs the load in place, or, once its door is open, elsewhere with what it owns.
///
/// One future does both, since closures over borrowed arguments keep futures from being `Send`.
pub(crate) fn run(load: &Background, origin: &Origin, runtime: &Runtime) -> TokenStream {
    let arguments = passed(load, origin);
    let values = arguments.iter().map(|argument| &argument.value);
    let owned = arguments.iter().filter_map(|argument| argument.owned(runtime));
    let lent = arguments.iter().map(Passed::lent);
    let function = callee(load, origin);
    let place = hidden_at(&load.option);
    let private = runtime.private_at(place);
    let output = hidden_at(&origin.output);
    let (elsewhere, here, run) = match origin.form {
        AsyncForm::Blocking => (
            quote_spanned!(place=> #private::in_background(move || #function(#(#lent),*))),
            quote_spanned!(place=> #function(#(#values),*)),
            quote_spanned!(output=> ask.block_detached(detach, load)),
        ),
        AsyncForm::Async | AsyncForm::Boxed => (
            quote_spanned!(place=> async move { #function(#(#lent),*).await }),
            quote_spanned!(place=> #function(#(#values),*).await),
            quote_spanned!(output=> ask.run_detached(detach, load).await),
        ),
    };
    quote_spanned!(place=>
        let detach = #private::Detach::new();
        let door = ::core::clone::Clone::clone(&detach);
        #[allow(clippy::used_underscore_binding)]
        let load = ::core::pin::pin!(async move {
            if door.is_open() {
                #(#owned)*
                return door.leave(::std::boxed::Box::pin(#elsewhere)).await;
            }
            #here
        });
        #run
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
    /// `let category = ToOwned::to_owned(category);`, where the argument is not owned already.
    fn owned(&self, runtime: &Runtime) -> Option<TokenStream> {
        let (local, value) = (&self.local, &self.value);
        let place = hidden_at(local);
        let private = runtime.private_at(place);
        let copy = match self.own {
            Own::Move => return None,
            Own::ToOwned(_) => quote_spanned!(place=> ::std::borrow::ToOwned::to_owned(&*#value)),
            Own::Receiver => quote_spanned!(place=> #private::own_receiver(&*#value)),
        };
        Some(quote_spanned!(place=> let #local = #copy;))
    }

    /// What the load takes, out of what it owns.
    fn lent(&self) -> TokenStream {
        let (local, value) = (&self.local, &self.value);
        let place = hidden_at(local);
        match self.own {
            Own::Move => value.clone(),
            Own::ToOwned(ty) => {
                quote_spanned!(place=> ::core::borrow::Borrow::<#ty>::borrow(&#local))
            }
            Own::Receiver => quote_spanned!(place=> &#local),
        }
    }
}
