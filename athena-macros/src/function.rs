//! The annotated function as it was written, its body left as tokens.
//!
//! The body is never parsed: what is wrong in it is rustc's to report, and
//! editors see the tokens they know.

mod place;

use proc_macro2::{Delimiter, Group, Ident, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, Meta, Pat, PathArguments, Receiver, Signature, Token, Type,
    Visibility,
};

use crate::tokens;

/// A function with a body.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// `#![…]` at the start of the body.
    pub(crate) inner_attrs: Vec<Attribute>,
    pub(crate) body: Group,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        place::check(&attrs, input)?;
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            return Err(input.error("this function has no body to run; annotate one that has"));
        }
        let content;
        let brace = syn::braced!(content in input);
        let inner_attrs = content.call(Attribute::parse_inner)?;
        let mut body = Group::new(Delimiter::Brace, content.parse()?);
        body.set_span(brace.span.join());
        Ok(Self { attrs, vis, sig, inner_attrs, body })
    }
}

impl Function {
    /// The `self` of a method.
    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.sig.receiver()
    }

    /// All arguments but `self`.
    pub(crate) fn arguments(&self) -> Vec<Argument> {
        let typed = self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        typed
            .enumerate()
            .map(|(position, typed)| Argument {
                local: simple_name(&typed.pat).unwrap_or_else(|| {
                    format_ident!("argument_{position}", span = tokens::hidden_at(&typed.pat))
                }),
                names: bindings(&typed.pat),
                pattern: (*typed.pat).clone(),
                ty: bare(&typed.ty).clone(),
            })
            .collect()
    }

    /// The signature with each argument named as the expansion names it.
    ///
    /// Without the body there is nothing that changes an argument, so `mut` goes with it.
    pub(crate) fn signature(&self, arguments: &[Argument], body: Body) -> Signature {
        let mut sig = self.sig.clone();
        let mut arguments = arguments.iter();
        for input in &mut sig.inputs {
            match input {
                FnArg::Receiver(receiver) if body == Body::Moved => receiver.mutability = None,
                FnArg::Receiver(_) => {}
                FnArg::Typed(typed) => {
                    let Some(argument) = arguments.next() else {
                        break;
                    };
                    if argument.name().is_none() || body == Body::Moved {
                        *typed.pat = plain(&argument.local);
                    }
                }
            }
        }
        sig
    }

    /// The attributes.
    ///
    /// Of a body that moves nobody can say which half does what a lint expects.
    pub(crate) fn attributes(&self, body: Body) -> Vec<Attribute> {
        let mut attrs = self.attrs.clone();
        let expected = attrs.iter_mut().filter(|_| body == Body::Moved);
        for attr in expected.filter(|attr| attr.path().is_ident("expect")) {
            if let Meta::List(lints) = &mut attr.meta {
                lints.path = Ident::new("allow", lints.path.span()).into();
            }
        }
        attrs
    }
}

/// Where the user's body stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// In the annotated function.
    Here,
    /// In another function that the annotated one calls.
    Moved,
}

/// An argument other than `self`.
pub(crate) struct Argument {
    /// The argument's name, or ours where the user wrote a pattern.
    pub(crate) local: Ident,
    pub(crate) pattern: Pat,
    /// What the body knows it by: its name, or the parts that its pattern binds.
    pub(crate) names: Vec<Ident>,
    pub(crate) ty: Type,
}

impl Argument {
    /// The name the user gave it, if it is not a pattern.
    pub(crate) fn name(&self) -> Option<Ident> {
        simple_name(&self.pattern)
    }

    /// Whether `name` is this argument, or bound by its pattern.
    pub(crate) fn binds(&self, name: &Ident) -> bool {
        self.names.iter().any(|own| is_same(own, name))
    }

    /// Whether it is `_`, which the body cannot see.
    pub(crate) fn is_unseen(&self) -> bool {
        matches!(self.pattern, Pat::Wild(_))
    }

    /// Its names for a message.
    pub(crate) fn shown_names(&self) -> Vec<String> {
        self.names.iter().map(|name| name.unraw().to_string()).collect()
    }

    /// `let (a, b) = argument_0;` where the user wrote a pattern.
    pub(crate) fn rebind(&self) -> TokenStream {
        if self.name().is_some() {
            return TokenStream::new();
        }
        let (pattern, local) = (&self.pattern, &self.local);
        quote_spanned!(tokens::hidden_at(pattern)=> let #pattern = #local;)
    }
}

/// The type inside of parentheses, and of the invisible group that `macro_rules!` puts around one.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        _ => ty,
    }
}

/// The types in `<A, B>`.
pub(crate) fn type_arguments(arguments: &PathArguments) -> impl Iterator<Item = &Type> {
    let arguments = match arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The name in `x` and `mut x`.
fn simple_name(pattern: &Pat) -> Option<Ident> {
    match pattern {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            Some(pattern.ident.clone())
        }
        _ => None,
    }
}

/// What a pattern binds, in the order in which it is written.
fn bindings(pattern: &Pat) -> Vec<Ident> {
    let all = |patterns: &mut dyn Iterator<Item = &Pat>| patterns.flat_map(bindings).collect();
    match pattern {
        Pat::Ident(pattern) => {
            let inner = pattern.subpat.iter().flat_map(|(_, inner)| bindings(inner));
            std::iter::once(pattern.ident.clone()).chain(inner).collect()
        }
        Pat::Or(pattern) => pattern.cases.first().map(bindings).unwrap_or_default(),
        Pat::Paren(pattern) => bindings(&pattern.pat),
        Pat::Reference(pattern) => bindings(&pattern.pat),
        Pat::Slice(pattern) => all(&mut pattern.elems.iter()),
        Pat::Struct(pattern) => all(&mut pattern.fields.iter().map(|field| &*field.pat)),
        Pat::Tuple(pattern) => all(&mut pattern.elems.iter()),
        Pat::TupleStruct(pattern) => all(&mut pattern.elems.iter()),
        Pat::Type(pattern) => bindings(&pattern.pat),
        _ => Vec::new(),
    }
}

/// Whether two names are one, raw or not.
pub(crate) fn is_same(one: &Ident, other: &Ident) -> bool {
    one.unraw() == other.unraw()
}

/// The names of `arguments` for a message, as far as they have one.
pub(crate) fn names(arguments: &[Argument]) -> Vec<String> {
    arguments.iter().filter_map(|argument| Some(argument.name()?.unraw().to_string())).collect()
}

fn plain(name: &Ident) -> Pat {
    Pat::Ident(syn::PatIdent {
        attrs: Vec::new(),
        by_ref: None,
        mutability: None,
        ident: name.clone(),
        subpat: None,
    })
}
