//! Texts with holes: `"product:{id}"`.
//!
//! A template is read here without knowing the function it belongs to;
//! `bound.rs` then finds the argument behind each hole.

mod format;

use proc_macro2::Ident;
use syn::LitStr;
use syn::ext::IdentExt;
use syn::parse::ParseStream;

use crate::{literal, tokens};

/// A template as it was written.
pub(crate) struct Template {
    pub(crate) literal: LitStr,
    pub(crate) parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Hole(Hole),
}

/// `{user.id}`: an argument, and the fields to follow from it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) root: String,
    pub(crate) fields: Vec<String>,
}

impl Template {
    /// Reads a text literal, which `example` is one of.
    pub(crate) fn read(input: ParseStream<'_>, example: &str) -> syn::Result<Self> {
        let found = literal::upcoming(input)?;
        if input.peek(LitStr) {
            return input.parse().and_then(Self::parse);
        }
        let meant = format::template(&found);
        let fix = match meant {
            Some(template) => {
                format!("; a template fills its holes by itself: write `{template:?}`")
            }
            None if format::is_format(&found) => {
                "; a template fills its holes by itself, with arguments and fields of them"
                    .to_owned()
            }
            None => String::new(),
        };
        let shown = tokens::show(&found);
        let message = format!("expected a template such as `{example:?}`, found `{shown}`{fix}");
        Err(syn::Error::new_spanned(found, message))
    }

    /// Reads a template, or says what is wrong with its first wrong part.
    pub(crate) fn parse(literal: LitStr) -> syn::Result<Self> {
        let text = literal.value();
        let mut rest = text.as_str();
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (part, after) = next(rest).map_err(|why| syn::Error::new(literal.span(), why))?;
            match (part, parts.last_mut()) {
                (Part::Text(more), Some(Part::Text(text))) => text.push_str(&more),
                (part, _) => parts.push(part),
            }
            rest = after;
        }
        Ok(Self { literal, parts })
    }

    /// Whether a hole starts from this variable.
    pub(crate) fn names(&self, name: &Ident) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Hole(hole) if hole.starts_from(name)))
    }
}

impl Hole {
    /// Whether it starts from this variable.
    pub(crate) fn starts_from(&self, name: &Ident) -> bool {
        name.unraw() == self.root.strip_prefix("r#").unwrap_or(&self.root)
    }
}

/// The part that `text` begins with, and what comes after it.
fn next(text: &str) -> Result<(Part, &str), String> {
    if let Some(after) = text.strip_prefix("{{") {
        return Ok((Part::Text("{".to_owned()), after));
    }
    if let Some(after) = text.strip_prefix("}}") {
        return Ok((Part::Text("}".to_owned()), after));
    }
    if text.starts_with('}') {
        return Err("`}` closes no hole; write `}}` for the brace itself".to_owned());
    }
    let Some(inside) = text.strip_prefix('{') else {
        let (plain, after) = text.split_at(text.find(['{', '}']).unwrap_or(text.len()));
        return Ok((Part::Text(plain.to_owned()), after));
    };
    let Some((path, after)) = inside.split_once('}') else {
        return Err(format!(
            "`{text}` opens a hole and does not close it; write `{{{{` for the brace itself"
        ));
    };
    Ok((Part::Hole(hole(path)?), after))
}

fn hole(path: &str) -> Result<Hole, String> {
    const EXAMPLES: &str = "`{id}`, `{user.id}`, `{pair.0}`";
    if path.trim().is_empty() {
        return Err(format!("`{{{path}}}` names no argument; a hole is written {EXAMPLES}"));
    }
    if let Some((name, _)) = path.split_once(':') {
        return Err(format!(
            "`{{{path}}}` asks for a format, and keys and tags know only one; write `{{{name}}}`"
        ));
    }
    if let Some(keyword) = path.split('.').map(str::trim).find(|step| is_keyword(step)) {
        return Err(format!(
            "`{keyword}` in `{{{path}}}` is a keyword, and a name only in its raw form; write `{{{}}}`",
            with_raw_names(path)
        ));
    }
    let mut steps = path.split('.').map(str::trim);
    let root = steps.next().unwrap_or_default().to_owned();
    let fields: Vec<_> = steps.map(str::to_owned).collect();
    let is_root = root == "self" || is_name(&root);
    if !is_root || !fields.iter().all(|field| is_name(field) || is_index(field)) {
        return Err(format!(
            "`{{{path}}}` is neither an argument nor a field of one; a hole is written {EXAMPLES}"
        ));
    }
    Ok(Hole { root, fields })
}

fn is_name(step: &str) -> bool {
    syn::parse_str::<syn::Ident>(step).is_ok()
}

/// Whether a step is a name as `r#type` alone.
fn is_keyword(step: &str) -> bool {
    step != "self" && !is_name(step) && is_name(&format!("r#{step}"))
}

/// `user.r#type` for `user.type`.
fn with_raw_names(path: &str) -> String {
    let raw = |step: &str| if is_keyword(step) { format!("r#{step}") } else { step.to_owned() };
    let steps: Vec<_> = path.split('.').map(|step| raw(step.trim())).collect();
    steps.join(".")
}

fn is_index(step: &str) -> bool {
    !step.is_empty() && step.len() <= 4 && step.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn parse(text: &str) -> syn::Result<Vec<Part>> {
        Template::parse(LitStr::new(text, Span::call_site())).map(|template| template.parts)
    }

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn hole(root: &str, fields: &[&str]) -> Part {
        Part::Hole(Hole {
            root: root.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        })
    }

    #[test]
    fn texts_and_holes_alternate() {
        let parts = parse("product:{id}/{user.id}:{pair.0.1}").unwrap();
        let expected = [
            text("product:"),
            hole("id", &[]),
            text("/"),
            hole("user", &["id"]),
            text(":"),
            hole("pair", &["0", "1"]),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn doubled_braces_are_text() {
        assert_eq!(parse("a{{b}}c").unwrap(), [text("a{b}c")]);
        assert_eq!(parse("{{{id}}}").unwrap(), [text("{"), hole("id", &[]), text("}")]);
    }

    #[test]
    fn raw_names_and_self_may_fill_a_hole() {
        assert_eq!(parse("{r#type}").unwrap(), [hole("r#type", &[])]);
        assert_eq!(parse("{self.tenant}").unwrap(), [hole("self", &["tenant"])]);
    }

    #[test]
    fn a_fault_says_what_was_found_and_what_to_write() {
        for (template, found, fix) in [
            ("a:{id", "`{id` opens a hole", "write `{{`"),
            ("a:id}", "`}` closes no hole", "write `}}`"),
            ("a:{}", "`{}` names no argument", "`{id}`"),
            ("a:{id:?}", "`{id:?}` asks for a format", "write `{id}`"),
            ("a:{id.len()}", "`{id.len()}` is neither", "`{user.id}`"),
            ("a:{0}", "`{0}` is neither", "`{pair.0}`"),
            ("a:{a..b}", "`{a..b}` is neither", "`{user.id}`"),
            ("a:{a.self}", "`{a.self}` is neither", "`{user.id}`"),
            ("a:{type}", "`type` in `{type}` is a keyword", "write `{r#type}`"),
            ("a:{user.type.0}", "`type` in `{user.type.0}`", "write `{user.r#type.0}`"),
        ] {
            let fault = parse(template).unwrap_err().to_string();
            assert!(fault.contains(found) && fault.contains(fix), "{fault}");
        }
    }
}
