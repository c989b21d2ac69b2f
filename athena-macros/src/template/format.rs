//! The template that a `format!` stands for.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, LitStr, Macro, Member, Token};

/// Whether `found` is a `format!`.
pub(super) fn is_format(found: &TokenStream) -> bool {
    call(found).is_some()
}

/// `user:{id}` for `format!("user:{}", id)`, as far as a template can say it.
pub(super) fn template(found: &TokenStream) -> Option<String> {
    let read = |input: ParseStream<'_>| {
        let text: LitStr = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        let values = Punctuated::<Expr, Token![,]>::parse_terminated(input)?;
        Ok((text.value(), values.into_iter().collect::<Vec<_>>()))
    };
    let (text, values) = read.parse2(call(found)?.tokens).ok()?;
    fill(&text, &values)
}

fn call(found: &TokenStream) -> Option<Macro> {
    let read = |input: ParseStream<'_>| {
        input.parse::<Option<Token![&]>>()?;
        let call: Macro = input.parse()?;
        input.parse::<TokenStream>()?;
        Ok(call)
    };
    let call = read.parse2(found.clone()).ok()?;
    call.path.segments.last().is_some_and(|last| last.ident == "format").then_some(call)
}

/// The text with its nameless holes named by the values, in their order.
fn fill(text: &str, values: &[Expr]) -> Option<String> {
    let mut values = values.iter();
    let mut filled = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        filled.push_str(before);
        if let Some(more) = after.strip_prefix("{{") {
            filled.push_str("{{");
            rest = more;
            continue;
        }
        let (hole, more) = after.strip_prefix('{')?.split_once('}')?;
        let name = hole.split_once(':').map_or(hole, |(name, _)| name).trim();
        let name = if name.is_empty() { path(values.next()?)? } else { name.to_owned() };
        filled.extend(["{", &name, "}"]);
        rest = more;
    }
    filled.push_str(rest);
    values.next().is_none().then_some(filled)
}

/// `user.id`, which a hole can name.
fn path(value: &Expr) -> Option<String> {
    match value {
        Expr::Path(path) => Some(path.path.get_ident()?.to_string()),
        Expr::Reference(reference) => path(&reference.expr),
        Expr::Field(field) => {
            let member = match &field.member {
                Member::Named(name) => name.to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            Some(format!("{}.{member}", path(&field.base)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn holes_are_named_by_what_fills_them() {
        for (call, expected) in [
            (r#"format!("user:{}", id)"#, "user:{id}"),
            (r#"format!("user:{id}")"#, "user:{id}"),
            (r#"format!("{}:{}", self.tenant, &user.0)"#, "{self.tenant}:{user.0}"),
            (r#"&format!("user:{:?}", id)"#, "user:{id}"),
            (r#"format!("user:{id:>8}")"#, "user:{id}"),
            (r#"std::format!("a{{}}b")"#, "a{{}}b"),
        ] {
            let found = TokenStream::from_str(call).unwrap();
            assert_eq!(template(&found).unwrap(), expected, "{call}");
        }
    }

    #[test]
    fn what_no_hole_can_name_makes_no_template() {
        for call in [
            r#"format!("user:{}", id.to_hex())"#,
            r#"format!("user:{}")"#,
            r#"format!("user", id)"#,
            r#"format!("user:{x}", x = id)"#,
            r#"concat!("a", "b")"#,
            "id",
        ] {
            assert_eq!(template(&TokenStream::from_str(call).unwrap()), None, "{call}");
        }
    }
}
