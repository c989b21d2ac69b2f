//! What is noticed while a value is written, and where in it.
//!
//! Invariant: nothing is allocated as long as there is nothing to say.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};

use serde::ser;

use crate::schema::{Expected, Outline};

/// How a format finds the parts of a struct and the variants of an enum again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldFinding {
    /// postcard: by where they stand.
    ByPosition,
    /// JSON: by their names; it also has one word, `null`, for several values.
    ByName,
}

/// Hears what is noticed while one value is written.
#[derive(Debug)]
pub(super) struct Watcher<'o> {
    pub(super) outline: &'o Outline,
    pub(super) finding: FieldFinding,
    /// How many elements all sequences and maps have so far.
    pub(super) elements: Cell<usize>,
    notice: RefCell<Option<Notice>>,
}

/// The worst that was noticed.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) weight: Weight,
    path: String,
    what: String,
}

/// What follows from a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Nobody knows what is read here: the bytes must be tried.
    Unknown,
    /// The two sides differ here, which may do no harm: the bytes must be tried.
    Differs,
    /// The bytes would be read as another value, or as none.
    Refused,
}

/// The way from the value to one of its parts, each step on the stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trail<'a> {
    watcher: &'a Watcher<'a>,
    up: Option<&'a Trail<'a>>,
    pub(super) step: TrailStep,
    pub(super) depth: usize,
}

/// One step of a trail.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrailStep {
    pub(super) variant: Option<&'static str>,
    pub(super) part: Part,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// The value itself, or the content of a variant.
    Whole,
    Field(&'static str),
    Index(usize),
    Element,
    Key,
    Value,
}

/// Where the writer stands: in the value, and in what is read of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) asked: &'a Expected,
    pub(super) trail: &'a Trail<'a>,
    /// Whether it is the content of a `Some`.
    pub(super) in_some: bool,
}

impl<'o> Watcher<'o> {
    pub(super) fn new(outline: &'o Outline, finding: FieldFinding) -> Self {
        Self { outline, finding, elements: Cell::new(0), notice: RefCell::new(None) }
    }

    pub(super) fn into_notice(self) -> Option<Notice> {
        self.notice.into_inner()
    }
}

impl<'a> Trail<'a> {
    /// To the value itself.
    pub(super) fn root(watcher: &'a Watcher<'a>) -> Self {
        let step = TrailStep { variant: None, part: Part::Whole };
        Self { watcher, up: None, step, depth: 0 }
    }

    #[inline]
    pub(super) fn then(&'a self, step: TrailStep) -> Self {
        Trail { watcher: self.watcher, up: Some(self), step, depth: self.depth + 1 }
    }

    fn write(&self, path: &mut String) -> fmt::Result {
        if let Some(up) = self.up {
            up.write(path)?;
        }
        if let Some(variant) = self.step.variant {
            write!(path, "::{variant}")?;
        }
        match self.step.part {
            Part::Whole => Ok(()),
            Part::Field(name) => write!(path, ".{name}"),
            Part::Index(index) => write!(path, ".{index}"),
            Part::Element => path.write_str("[_]"),
            Part::Key => path.write_str("[key]"),
            Part::Value => path.write_str("[value]"),
        }
    }
}

impl<'a> Place<'a> {
    /// Where a value begins.
    pub(super) fn whole(trail: &'a Trail<'a>) -> Self {
        Self { asked: trail.watcher.outline.root(), trail, in_some: false }
    }

    /// What is read of part `index`.
    #[inline]
    pub(super) fn part(&self, index: usize) -> &'a Expected {
        self.trail.watcher.outline.part(self.asked, index)
    }

    #[inline]
    pub(super) fn is_named(&self) -> bool {
        self.trail.watcher.finding == FieldFinding::ByName
    }

    /// Counts elements of a sequence or a map.
    #[inline]
    pub(super) fn count(&self, elements: usize) {
        let counted = &self.trail.watcher.elements;
        counted.set(counted.get().saturating_add(elements));
    }

    /// Notes something that leaves the value to be tried.
    #[cold]
    pub(super) fn doubt(&self, weight: Weight, what: impl FnOnce() -> String) {
        let mut notice = self.trail.watcher.notice.borrow_mut();
        if notice.as_ref().is_none_or(|known| known.weight < weight) {
            let mut path = String::new();
            let _ = self.trail.write(&mut path);
            *notice = Some(Notice { weight, path, what: what() });
        }
    }

    /// Ends the writing.
    #[cold]
    pub(super) fn refuse<E: ser::Error>(&self, what: impl FnOnce() -> String) -> E {
        self.doubt(Weight::Refused, what);
        E::custom("refused")
    }
}

impl Notice {
    /// The notice as a sentence about a value of the type `name`.
    pub(super) fn tell(&self, name: &str) -> String {
        format!("`{}{}` {}", short(name), self.path, self.what)
    }
}

/// The name of a type without its modules.
pub(super) fn short(name: &str) -> String {
    let mut whole = String::with_capacity(name.len());
    for part in name.split_inclusive(|it: char| !(it.is_alphanumeric() || "_:".contains(it))) {
        whole.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn the_modules_of_a_type_are_left_out() {
        let name = "alloc::vec::Vec<(shop::Stock, core::option::Option<&str>, [u8; 2])>";
        assert_eq!(short(name), "Vec<(Stock, Option<&str>, [u8; 2])>");
    }
}
