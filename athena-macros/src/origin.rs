//! The user's function, checked as far as both attributes ask.

use proc_macro2::{Group, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{
    FnArg, GenericArgument, Path, PathArguments, ReturnType, Safety, Signature, Type,
    TypeParamBound, parse_quote_spanned,
};

use crate::fault::Faults;
use crate::function::{Argument, Body, Function, bare};
use crate::tokens;

/// A function that can run inside the cache.
pub(crate) struct Origin {
    pub(crate) function: Function,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) form: AsyncForm,
    /// What the future gives; `()` if nothing is written.
    pub(crate) output: Type,
}

/// Whether the function is asynchronous, and how it says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsyncForm {
    /// `async fn f() -> R`
    Async,
    /// `fn f() -> Pin<Box<dyn Future<Output = R>>>`, as `#[async_trait]` writes it.
    Boxed,
    /// `fn f() -> R`: the thread waits.
    Blocking,
}

impl Origin {
    /// Checks `function`; what is wrong becomes a fault.
    pub(crate) fn check(function: Function, faults: &mut Faults) -> Self {
        refuse_qualifiers(&function.sig, faults);
        refuse_conditional_arguments(&function.sig, faults);
        let (form, output) = form(&function.sig, faults);
        if let Some(opaque) = tokens::find(&output, "impl") {
            let message = "the result needs a name: write the type instead of `impl …`";
            faults.at(opaque, message);
        }
        Self { arguments: function.arguments(), form, output, function }
    }

    /// The function with `content` as its body.
    pub(crate) fn emit(&self, body: Body, content: &TokenStream) -> TokenStream {
        let (vis, inner_attrs) = (&self.function.vis, &self.function.inner_attrs);
        let attrs = self.function.attributes(body);
        let sig = self.function.signature(&self.arguments, body);
        let hidden = Span::mixed_site();
        let content = match self.form {
            AsyncForm::Async | AsyncForm::Blocking => content.clone(),
            AsyncForm::Boxed => {
                quote_spanned!(hidden=> ::std::boxed::Box::pin(async move { #content }))
            }
        };
        quote_spanned!(hidden=> #(#attrs)* #vis #sig { #(#inner_attrs)* #content })
    }

    /// The user's body as a future that is not started yet; that of one which is not `async` does not wait.
    ///
    /// The `return` that never runs gives the body's type to rustc before the
    /// body does, so that errors in it read as they would without us.
    pub(crate) fn load(&self) -> TokenStream {
        self.load_as(&self.function.sig.output)
    }

    /// The same for a body that gets something of this run in place of an argument, which lives for no caller's
    /// lifetime.
    pub(crate) fn load_again(&self) -> TokenStream {
        match &self.function.sig.output {
            ReturnType::Type(arrow, declared) => {
                let unnamed = Type::Verbatim(tokens::without_lifetimes(declared));
                self.load_as(&ReturnType::Type(*arrow, Box::new(unnamed)))
            }
            declared @ ReturnType::Default => self.load_as(declared),
        }
    }

    fn load_as(&self, declared: &ReturnType) -> TokenStream {
        let (body, output) = (&self.function.body, &self.output);
        let rebind = self.arguments.iter().map(Argument::rebind);
        let body = match (self.form, declared) {
            (AsyncForm::Boxed, ReturnType::Type(_, boxed)) => {
                quote_spanned!(tokens::hidden_at(boxed)=>
                    (move || -> #boxed #body)().await
                )
            }
            (AsyncForm::Blocking, ReturnType::Type(_, declared)) => {
                quote_spanned!(tokens::hidden_at(declared)=> (move || -> #declared #body)())
            }
            (AsyncForm::Blocking, ReturnType::Default) => {
                quote_spanned!(tokens::hidden_at(output)=> (move || #body)())
            }
            _ => braced_by_us(body).into_token_stream(),
        };
        quote_spanned!(tokens::hidden_at(output)=> async move {
            if let ::core::option::Option::Some(never) = ::core::option::Option::None::<#output> {
                return never;
            }
            #(#rebind)*
            #body
        })
    }
}

/// The body in braces that are not the user's: nobody warns that those around one expression are unused.
fn braced_by_us(body: &Group) -> Group {
    let mut braced = body.clone();
    braced.set_span(tokens::hidden_at(body));
    braced
}

fn refuse_qualifiers(sig: &Signature, faults: &mut Faults) {
    if let Some(constness) = &sig.constness {
        faults.at(constness, "a `const fn` cannot wait for a cache");
    }
    if let Safety::Unsafe(unsafety) = &sig.safety {
        let message = "the body of an `unsafe fn` would run where its caller's promise is unknown; \
                       annotate a safe function around it";
        faults.at(unsafety, message);
    }
    if let Some(abi) = &sig.abi {
        faults.at(
            abi,
            "a function with a foreign ABI is called by foreign code; annotate one that it calls",
        );
    }
    if let Some(variadic) = &sig.variadic {
        faults.at(variadic, "a function with `...` has no arguments to name");
    }
}

/// Macros see `#[cfg]` on arguments before rustc does, so they cannot know.
fn refuse_conditional_arguments(sig: &Signature, faults: &mut Faults) {
    for input in &sig.inputs {
        let (FnArg::Typed(syn::PatType { attrs, .. })
        | FnArg::Receiver(syn::Receiver { attrs, .. })) = input;
        for attr in attrs {
            if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
                let message = "an argument cannot be conditional here; put `#[cfg(…)]` on two \
                               versions of the function";
                faults.at(attr, message);
            }
        }
    }
}

fn form(sig: &Signature, faults: &mut Faults) -> (AsyncForm, Type) {
    let declared = match &sig.output {
        ReturnType::Type(_, ty) => bare(ty).clone(),
        ReturnType::Default => parse_quote_spanned!(sig.ident.span()=> ()),
    };
    if sig.asyncness.is_some() {
        return (AsyncForm::Async, declared);
    }
    if let Some(output) = boxed_output(&declared) {
        return (AsyncForm::Boxed, output.clone());
    }
    if let Some(future) = future(&declared) {
        let message = "found a future in a form that cannot be seen through; write `async fn`, or \
                       `Pin<Box<dyn Future<Output = …>>>` as the result";
        faults.at(future, message);
        // What it gives is nothing to find more faults in.
        return (AsyncForm::Async, parse_quote_spanned!(sig.ident.span()=> bool));
    }
    (AsyncForm::Blocking, declared)
}

/// Where a result looks like a future of which nobody can tell what it gives.
fn future(ty: &Type) -> Option<TokenStream> {
    let is_future = |path: &Path| {
        let last = path.segments.last();
        last.is_some_and(|last| FUTURES.iter().any(|name| last.ident == name))
    };
    let is_bound =
        |bound: &TypeParamBound| matches!(bound, TypeParamBound::Trait(it) if is_future(&it.path));
    let found = match ty {
        Type::ImplTrait(opaque) => opaque.bounds.iter().any(is_bound),
        Type::Path(path) if is_future(&path.path) => true,
        Type::Path(_) => return inside(ty, "Pin").or_else(|| inside(ty, "Box")).and_then(future),
        Type::TraitObject(object) => object.bounds.iter().any(is_bound),
        _ => false,
    };
    found.then(|| ty.to_token_stream())
}

/// What futures are called that are not written as `Pin<Box<dyn Future<Output = …>>>`.
const FUTURES: [&str; 4] = ["Future", "BoxFuture", "LocalBoxFuture", "IntoFuture"];

/// `T` in `Pin<Box<dyn Future<Output = T> + …>>`, whatever paths lead there.
fn boxed_output(ty: &Type) -> Option<&Type> {
    let Type::TraitObject(object) = inside(inside(ty, "Pin")?, "Box")? else {
        return None;
    };
    object.bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => future_output(&bound.path),
        _ => None,
    })
}

/// `T` in `path::wrapper<T>`.
fn inside<'a>(ty: &'a Type, wrapper: &str) -> Option<&'a Type> {
    match bare(ty) {
        Type::Path(path) => generics(&path.path, wrapper)?.find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        }),
        _ => None,
    }
}

fn future_output(path: &Path) -> Option<&Type> {
    generics(path, "Future")?.find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    })
}

fn generics<'a>(
    path: &'a Path,
    name: &str,
) -> Option<impl Iterator<Item = &'a GenericArgument> + use<'a>> {
    let last = path.segments.last().filter(|last| last.ident == name)?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    }
}
