//! Which keys and tags the functions of this process can make, as far as they were called.
//!
//! Invariant: a template is said to be missed only if none that is known can make the same text, and one of them looks
//! much like it. What is unknown may make any: functions that were not called, other processes, entries by hand.

use super::near;
use super::part::{KeyPart, may_meet};
use crate::lock::RwLock;

/// A template, in its parts.
pub(crate) type Template = &'static [KeyPart];

/// What the entries of one function are found by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labels {
    pub(crate) function: &'static str,
    /// Empty if its keys are made of all arguments.
    pub(crate) key: Template,
    pub(crate) tags: &'static [Template],
}

/// What a template is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelKind {
    /// A key.
    Key,
    /// A tag.
    Tag,
}

/// What was found for a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LabelMatch {
    /// A function can make the same.
    Met,
    /// None can, and a function makes something like it.
    Missed { function: &'static str, label: String },
    /// Nobody knows.
    Unknown,
}

static KNOWN: RwLock<Vec<Labels>> = RwLock::new(Vec::new());

/// Makes the labels of a function known, which is called for the first time.
pub(crate) fn register(labels: Labels) {
    KNOWN.write().push(labels);
}

/// What is known of a template.
pub(crate) fn find(kind: LabelKind, template: Template) -> LabelMatch {
    judge(kind, template, &KNOWN.read())
}

fn judge(kind: LabelKind, template: Template, known: &[Labels]) -> LabelMatch {
    let of = |labels: &Labels| -> Vec<(&'static str, Template)> {
        let templates = match kind {
            LabelKind::Key => std::slice::from_ref(&labels.key),
            LabelKind::Tag => labels.tags,
        };
        let made = templates.iter().filter(|template| !template.is_empty());
        made.map(|template| (labels.function, *template)).collect()
    };
    let all: Vec<_> = known.iter().flat_map(of).collect();
    if all.iter().any(|(_, other)| may_meet(template, other)) {
        return LabelMatch::Met;
    }
    let text = shown(template);
    let near = all.iter().find(|(_, other)| looks_like(&text, &shown(other)));
    near.map_or(LabelMatch::Unknown, |(function, other)| LabelMatch::Missed {
        function,
        label: shown(other),
    })
}

/// Whether two templates begin with the same word, or differ by few letters.
fn looks_like(one: &str, other: &str) -> bool {
    let word = |text: &str| text.split([':', '{']).next().map(str::to_owned);
    one.contains([':', '{']) && word(one) == word(other) || near::differ_little(one, other)
}

/// As it is written, without what stands in its holes.
pub(crate) fn shown(template: Template) -> String {
    let part = |part: &KeyPart| match part {
        KeyPart::Text(text) => (*text).to_owned(),
        KeyPart::Value | KeyPart::Integer => "{…}".to_owned(),
    };
    template.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::KeyPart::{Integer, Text, Value};
    use super::*;

    const KNOWN: &[Labels] = &[
        Labels {
            function: "shop::product",
            key: &[Text("product:"), Value, Text(":"), Integer],
            tags: &[&[Text("products")], &[Text("category:"), Value]],
        },
        Labels { function: "shop::orders", key: &[], tags: &[] },
    ];

    fn found(kind: LabelKind, template: Template) -> LabelMatch {
        judge(kind, template, KNOWN)
    }

    fn missed(label: &str) -> LabelMatch {
        LabelMatch::Missed { function: "shop::product", label: label.to_owned() }
    }

    #[test]
    fn what_no_function_makes_is_missed_if_one_makes_something_like_it() {
        let (key, tag) = (LabelKind::Key, LabelKind::Tag);
        for (kind, template, expected) in [
            (key, &[Text("product:"), Value, Text(":"), Value] as Template, LabelMatch::Met),
            (key, &[Text("product:"), Value], missed("product:{…}:{…}")),
            (key, &[Text("products:"), Value, Text(":"), Value], missed("product:{…}:{…}")),
            (key, &[Text("user:"), Value], LabelMatch::Unknown),
            (tag, &[Text("product")], missed("products")),
            (tag, &[Text("category:"), Value], LabelMatch::Met),
            (tag, &[Text("categories:"), Value], LabelMatch::Unknown),
            (tag, &[Text("shelf")], LabelMatch::Unknown),
        ] {
            assert_eq!(found(kind, template), expected, "{}", shown(template));
        }
        assert_eq!(judge(key, &[Text("user:"), Value], &[]), LabelMatch::Unknown);
    }
}
