//! Templates whose holes are arguments of the function.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{LitStr, Member, Type, TypePath};

use crate::choice;
use crate::fault::Faults;
use crate::function;
use crate::origin::Origin;
use crate::runtime::Runtime;
use crate::template::{Hole, Part, Template};
use crate::tokens::hidden_at;

/// A template that fits its function.
pub(crate) struct Bound(Vec<Piece>);

/// A piece of it.
enum Piece {
    Text(LitStr),
    /// An expression whose text fills the hole.
    Value {
        value: TokenStream,
        is_integer: bool,
        exposure: Exposure,
    },
}

/// How an argument stands in a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// As it is written.
    Readable,
    /// By its digest.
    Secret,
}

/// Finds the arguments behind the holes of a tag's template.
pub(crate) fn tag(template: &Template, origin: &Origin, faults: &mut Faults) -> Bound {
    if template.parts.is_empty() {
        faults.at(&template.literal, "a tag needs a text such as `\"products\"`");
    }
    bind(template, origin, &[], faults)
}

/// Finds the arguments behind the holes of a key's template, of which some are secret.
///
/// Keys are names in the whole namespace, so two of them must not meet.
pub(crate) fn key(
    template: &Template,
    origin: &Origin,
    secret: &[Ident],
    faults: &mut Faults,
) -> Bound {
    let starts_with_name = matches!(
        template.parts.first(),
        Some(Part::Text(text)) if text.starts_with(char::is_alphanumeric)
    );
    if !starts_with_name {
        let message = "a key is a name in the whole namespace, so it starts with a word that says \
                       what it names, such as `product:{id}`";
        faults.at(&template.literal, message);
    }
    if let Some(joint) = forgeable_joint(&template.parts) {
        let message = format!(
            "{joint} is part of what a value may contain, so two different keys could read the \
             same; put e.g. `:` between the two holes"
        );
        faults.at(&template.literal, message);
    }
    bind(template, origin, secret, faults)
}

/// What stands between two holes, if the text of a value may contain it.
///
/// Values are written with everything but letters, digits (of any script) and
/// `_ . ~ -` as `%` and two digits, hence a `%` does not separate either.
fn forgeable_joint(parts: &[Part]) -> Option<String> {
    let may_be_value = |letter: char| letter.is_alphanumeric() || "_.~-%".contains(letter);
    parts.windows(2).enumerate().find_map(|(at, pair)| match pair {
        [Part::Hole(_), Part::Hole(_)] => {
            Some("nothing stands between two holes, which".to_owned())
        }
        [Part::Hole(_), Part::Text(text)]
            if matches!(parts.get(at + 2), Some(Part::Hole(_)))
                && text.chars().all(may_be_value) =>
        {
            Some(format!("`{text}` between two holes"))
        }
        _ => None,
    })
}

fn bind(template: &Template, origin: &Origin, secret: &[Ident], faults: &mut Faults) -> Bound {
    let exposure = |hole: &Hole| {
        let is_secret = secret.iter().any(|name| hole.starts_from(name));
        if is_secret { Exposure::Secret } else { Exposure::Readable }
    };
    let place = template.literal.span();
    let piece = |part: &Part| match part {
        Part::Text(text) => Some(Piece::Text(LitStr::new(text, place))),
        Part::Hole(hole) => match root(hole, origin) {
            Ok(root) => Some(Piece::Value {
                value: value(hole, &root, place),
                is_integer: hole.fields.is_empty() && is_integer(&root, origin),
                exposure: exposure(hole),
            }),
            Err(message) => {
                faults.at(&template.literal, message);
                None
            }
        },
    };
    Bound(template.parts.iter().filter_map(piece).collect())
}

/// The variable that a hole starts from, as the function knows it.
fn root(hole: &Hole, origin: &Origin) -> Result<Ident, String> {
    let written = &hole.root;
    let function = &origin.function.sig.ident;
    if written == "self" {
        let receiver = origin.function.receiver();
        return receiver
            .map(|receiver| Ident::new("self", receiver.self_token.span))
            .ok_or_else(|| format!("`{{self}}` names nothing: `{function}` takes no `self`"));
    }
    let wanted = syn::parse_str(written).map_err(|error| error.to_string())?;
    let mut arguments = origin.arguments.iter();
    if let Some(argument) = arguments.find(|argument| argument.binds(&wanted)) {
        return argument.name().ok_or_else(|| format!(
            "`{{{written}}}` is part of a pattern; give the argument a name and take it apart in \
             the body"
        ));
    }
    let known = function::names(&origin.arguments);
    if known.is_empty() {
        return Err(format!("`{{{written}}}` names no argument: `{function}` has none"));
    }
    let expected = choice::expected(written, &known);
    Err(format!("`{{{written}}}` names no argument of `{function}`, {expected}"))
}

/// Whether an argument is of a built-in integer type, by value or by reference.
fn is_integer(name: &Ident, origin: &Origin) -> bool {
    let mut arguments = origin.arguments.iter();
    arguments.find(|argument| argument.binds(name)).is_some_and(|argument| {
        let mut ty = &argument.ty;
        while let Type::Reference(reference) = ty {
            ty = &reference.elem;
        }
        let is_one = |path: &TypePath| INTEGERS.iter().any(|name| path.path.is_ident(name));
        matches!(ty, Type::Path(path) if is_one(path))
    })
}

const INTEGERS: [&str; 12] =
    ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];

/// `user.id`, placed at the template.
fn value(hole: &Hole, root: &Ident, place: Span) -> TokenStream {
    let mut root = root.clone();
    root.set_span(place.resolved_at(root.span()));
    let fields = hole.fields.iter().map(|field| member(field, place));
    quote_spanned!(place=> #root #(.#fields)*)
}

fn member(field: &str, place: Span) -> Member {
    match field.parse() {
        Ok(index) => Member::Unnamed(syn::Index { index, span: place }),
        Err(_) => Member::Named(match field.strip_prefix("r#") {
            Some(raw) => Ident::new_raw(raw, place),
            None => Ident::new(field, place),
        }),
    }
}

impl Bound {
    /// `call.key_text("product:"); call.key_hole(&id, …);`: with what is known of a value by its type.
    pub(crate) fn write_key(&self, to: &Ident, runtime: &Runtime) -> TokenStream {
        self.write(to, "key_text", |value, exposure| {
            let place = hidden_at(value);
            if exposure == Exposure::Secret {
                return quote_spanned!(place=> #to.key_secret(&#value););
            }
            let private = runtime.private_at(place);
            quote_spanned!(place=>
                let plain = {
                    use #private::holes::*;
                    (&&#private::HoleProbe(&#value)).plain()
                };
                #to.key_hole(&#value, plain);
            )
        })
    }

    fn write(
        &self,
        to: &Ident,
        text: &str,
        fill: impl Fn(&TokenStream, Exposure) -> TokenStream,
    ) -> TokenStream {
        let steps = self.0.iter().map(|piece| match piece {
            Piece::Text(literal) => {
                let place = hidden_at(literal);
                let method = Ident::new(text, place);
                quote_spanned!(place=> #to.#method(#literal);)
            }
            Piece::Value { value, exposure, .. } => fill(value, *exposure),
        });
        quote_spanned!(Span::mixed_site()=> #(#steps)*)
    }

    /// `&[KeyPart::Text("product:"), KeyPart::Integer]`: what keys of this template look like.
    pub(crate) fn parts(&self, private: &TokenStream) -> TokenStream {
        let hidden = Span::mixed_site();
        let parts = self.0.iter().map(|piece| match piece {
            Piece::Text(literal) => quote_spanned!(hidden=> #private::KeyPart::Text(#literal)),
            Piece::Value { is_integer: true, exposure: Exposure::Readable, .. } => {
                quote_spanned!(hidden=> #private::KeyPart::Integer)
            }
            Piece::Value { .. } => quote_spanned!(hidden=> #private::KeyPart::Value),
        });
        quote_spanned!(hidden=> &[#(#parts),*])
    }

    /// `|text| { text.text("category:"); text.hole(&category); }`
    pub(crate) fn closure(&self) -> TokenStream {
        let text = Ident::new("text", Span::mixed_site());
        // No tag has a secret in it.
        let steps = self.write(
            &text,
            "text",
            |value, _| quote_spanned!(hidden_at(value)=> #text.hole(&#value);),
        );
        quote_spanned!(Span::mixed_site()=> |#text| { #steps })
    }
}
