//! From all that was seen to 64 bits: the first bytes of a SHA-256.
//!
//! The input is a walk from the root, each node once: one byte for its shape, what the shape says,
//! then its parts. A node met again is its number in the order of the walk, so that recursive
//! types end and the order of discovery leaves no mark. The bytes for shapes are
//! stored in production: a change to them needs another [`PREFACE`].

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::graph::Graph;
use super::knowledge::Knowledge;
use super::shape::Id;
use super::shape::{Scalar, TypeShape};

const PREFACE: &[u8] = b"athena-cache schema 1";

/// Digests what is known of a type; `name` stands for what is not.
pub(super) fn of(graph: &Graph, kind: Knowledge, name: &str, version: u32) -> u64 {
    let mut walk = Walk { graph, hash: Sha256::new(), numbers: BTreeMap::new() };
    walk.hash.update(PREFACE);
    walk.hash.update(version.to_le_bytes());
    walk.byte(match kind {
        Knowledge::Traced => 0,
        Knowledge::SelfDescribing => 1,
        Knowledge::Named => 2,
    });
    walk.text(name);
    walk.node(Graph::ROOT);
    let digest: [u8; 32] = walk.hash.finalize().into();
    digest.iter().take(8).fold(0, |id, &byte| id << 8 | u64::from(byte))
}

/// A walk through a graph, in an order that only depends on its content.
struct Walk<'g> {
    graph: &'g Graph,
    hash: Sha256,
    numbers: BTreeMap<Id, usize>,
}

impl Walk<'_> {
    fn node(&mut self, id: Id) {
        let node = &self.graph[id];
        if let Some(&number) = self.numbers.get(&id) {
            self.byte(0xff);
            return self.number(number);
        }
        if let TypeShape::Shared(target) = node.shape {
            self.node(target);
        } else {
            self.numbers.insert(id, self.numbers.len());
            self.shape(node.shape);
            let parts = self.graph.parts(id);
            self.number(parts.len());
            for part in parts {
                self.node(part);
            }
        }
        if let Some(rival) = node.rival {
            self.byte(0xfe);
            self.node(rival);
        }
    }

    fn shape(&mut self, shape: TypeShape) {
        match shape {
            TypeShape::Unseen | TypeShape::Shared(_) => self.byte(0x00),
            TypeShape::Scalar(scalar) => self.byte(byte_of(scalar)),
            TypeShape::Unit => self.byte(0x20),
            TypeShape::UnitStruct(name) => self.tagged(0x21, name, &[]),
            TypeShape::Option => self.byte(0x22),
            TypeShape::Seq => self.byte(0x23),
            TypeShape::Map => self.byte(0x24),
            TypeShape::Tuple(len) => self.sized(0x25, len),
            TypeShape::Newtype(name) => self.tagged(0x26, name, &[]),
            TypeShape::TupleStruct(name, len) => {
                self.tagged(0x27, name, &[]);
                self.number(len);
            }
            TypeShape::Struct(name, fields) => self.tagged(0x28, name, fields),
            TypeShape::Enum(name, variants) => self.tagged(0x29, name, variants),
            TypeShape::UnitVariant => self.byte(0x2a),
            TypeShape::NewtypeVariant => self.byte(0x2b),
            TypeShape::TupleVariant(len) => self.sized(0x2c, len),
            TypeShape::StructVariant(fields) => self.tagged(0x2d, "", fields),
            TypeShape::Any | TypeShape::Tag => self.byte(0x2e),
        }
    }

    fn tagged(&mut self, tag: u8, name: &str, names: &[&str]) {
        self.byte(tag);
        self.text(name);
        self.number(names.len());
        for name in names {
            self.text(name);
        }
    }

    fn sized(&mut self, tag: u8, len: usize) {
        self.byte(tag);
        self.number(len);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.hash.update(text);
    }

    fn number(&mut self, number: usize) {
        self.hash.update((number as u64).to_le_bytes());
    }

    fn byte(&mut self, byte: u8) {
        self.hash.update([byte]);
    }
}

fn byte_of(scalar: Scalar) -> u8 {
    match scalar {
        Scalar::Bool => 0x01,
        Scalar::I8 => 0x02,
        Scalar::I16 => 0x03,
        Scalar::I32 => 0x04,
        Scalar::I64 => 0x05,
        Scalar::I128 => 0x06,
        Scalar::U8 => 0x07,
        Scalar::U16 => 0x08,
        Scalar::U32 => 0x09,
        Scalar::U64 => 0x0a,
        Scalar::U128 => 0x0b,
        Scalar::F32 => 0x0c,
        Scalar::F64 => 0x0d,
        Scalar::Char => 0x0e,
        Scalar::Str => 0x0f,
        Scalar::Bytes => 0x10,
    }
}
