//! The `Deserializer` that writes requests down and answers with made-up values.

use std::any;

use serde::de::{Deserializer, Visitor};

use super::access::{Elements, Entries, Fields, Variant};
use super::refusal::Refusal;
use super::sample;
use super::shape::Id;
use super::shape::{Scalar, TypeShape};
use super::tracer::Tracer;

/// Stands at one place of a type.
#[derive(Debug)]
pub(super) struct TypeProbe<'t> {
    tracer: &'t mut Tracer,
    at: Id,
    /// Whether the value belongs to a field that nobody asked for.
    surplus: bool,
}

impl<'t> TypeProbe<'t> {
    pub(super) fn new(tracer: &'t mut Tracer, at: Id) -> Self {
        Self { tracer, at, surplus: false }
    }

    /// For the value of a field that may not exist.
    pub(super) fn or_surplus(self) -> Self {
        Self { surplus: true, ..self }
    }

    fn occupy(&mut self, shape: TypeShape) -> Result<Id, Refusal> {
        self.tracer.count()?;
        Ok(self.tracer.graph.occupy(self.at, shape))
    }

    fn occupy_named<V>(&mut self, shape: TypeShape) -> Result<Id, Refusal> {
        self.tracer.count()?;
        Ok(self.tracer.graph.occupy_named(self.at, shape, any::type_name::<V>()))
    }

    fn occupy_content<V>(&mut self, shape: TypeShape) -> Result<Id, Refusal> {
        self.tracer.count()?;
        Ok(self.tracer.occupy_content(self.at, shape, any::type_name::<V>()))
    }

    fn sample(&mut self, scalar: Scalar) -> Result<usize, Refusal> {
        let id = self.occupy(TypeShape::Scalar(scalar))?;
        Ok(self.tracer.sample(id))
    }
}

/// Answers a request for a scalar with a sample.
macro_rules! scalars {
    ($($method:ident: $scalar:ident => $visit:ident($sample:expr);)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refusal> {
            let at = self.sample(Scalar::$scalar)?;
            visitor.$visit($sample(at))
        }
    )*};
}

impl<'de> Deserializer<'de> for TypeProbe<'_> {
    type Error = Refusal;

    scalars! {
        deserialize_bool: Bool => visit_bool(sample::boolean);
        deserialize_i8: I8 => visit_i8(sample::integer);
        deserialize_i16: I16 => visit_i16(sample::integer);
        deserialize_i32: I32 => visit_i32(sample::integer);
        deserialize_i64: I64 => visit_i64(sample::integer);
        deserialize_i128: I128 => visit_i128(sample::integer);
        deserialize_u8: U8 => visit_u8(sample::integer);
        deserialize_u16: U16 => visit_u16(sample::integer);
        deserialize_u32: U32 => visit_u32(sample::integer);
        deserialize_u64: U64 => visit_u64(sample::integer);
        deserialize_u128: U128 => visit_u128(sample::integer);
        deserialize_f32: F32 => visit_f32(sample::float);
        deserialize_f64: F64 => visit_f64(|at| f64::from(sample::float(at)));
        deserialize_char: Char => visit_char(sample::character);
        deserialize_str: Str => visit_borrowed_str(sample::string);
        deserialize_string: Str => visit_borrowed_str(sample::string);
        deserialize_bytes: Bytes => visit_borrowed_bytes(sample::bytes);
        deserialize_byte_buf: Bytes => visit_borrowed_bytes(sample::bytes);
    }

    fn is_human_readable(&self) -> bool {
        self.tracer.is_text
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.tracer.describe_self(self.at, TypeShape::Any)?;
        visitor.visit_unit()
    }

    /// At the place of a value, a name says that the bytes must tell what follows.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.tracer.describe_self(self.at, TypeShape::Tag)?;
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.surplus { visitor.visit_unit() } else { self.deserialize_any(visitor) }
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refusal> {
        self.occupy(TypeShape::Unit)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.occupy(TypeShape::UnitStruct(name))?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refusal> {
        let id = self.occupy_content::<V>(TypeShape::Option)?;
        self.tracer.branch(id, |tracer, branch| {
            if branch == 0 {
                return visitor.visit_none();
            }
            let content = tracer.graph.child(id, 0);
            tracer.step(content, |probe| visitor.visit_some(probe))
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refusal> {
        let id = self.occupy_content::<V>(TypeShape::Seq)?;
        self.tracer.branch(id, |tracer, branch| {
            let len = sample::LENGTHS.get(branch).copied().unwrap_or(0);
            visitor.visit_seq(Elements::new(tracer, id, len))
        })
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refusal> {
        let id = self.occupy_content::<V>(TypeShape::Map)?;
        self.tracer.branch(id, |tracer, branch| {
            let len = sample::LENGTHS.get(branch).copied().unwrap_or(0);
            visitor.visit_map(Entries::new(tracer, id, len))
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        mut self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let id = self.occupy(TypeShape::Tuple(len))?;
        self.tracer.inside(id, |tracer| elements(tracer, id, len, visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let id = self.occupy_named::<V>(TypeShape::Newtype(name))?;
        self.tracer.inside(id, |tracer| {
            let content = tracer.graph.child(id, 0);
            tracer.step(content, |probe| visitor.visit_newtype_struct(probe))
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let id = self.occupy_named::<V>(TypeShape::TupleStruct(name, len))?;
        self.tracer.inside(id, |tracer| elements(tracer, id, len, visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let id = self.occupy_named::<V>(TypeShape::Struct(name, names))?;
        self.tracer.inside(id, |tracer| fields(tracer, id, names.len(), visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let id = self.occupy_named::<V>(TypeShape::Enum(name, variants))?;
        self.tracer.branch(id, |tracer, branch| {
            let payload = tracer.graph.child(id, branch);
            visitor.visit_enum(Variant::new(tracer, payload, branch))
        })
    }
}

/// Visits the elements of a tuple, tuple struct or tuple variant.
pub(super) fn elements<'de, V: Visitor<'de>>(
    tracer: &mut Tracer,
    id: Id,
    len: usize,
    visitor: V,
) -> Result<V::Value, Refusal> {
    let result = visitor.visit_seq(Elements::new(tracer, id, len));
    if result.is_err() {
        tracer.lose_tail(id, len);
    }
    result
}

/// Visits the fields of a struct or struct variant: in order, as postcard does, or by name if
/// there are fields to leave out.
pub(super) fn fields<'de, V: Visitor<'de>>(
    tracer: &mut Tracer,
    id: Id,
    len: usize,
    visitor: V,
) -> Result<V::Value, Refusal> {
    let result = if tracer.graph[id].skipped.is_empty() {
        visitor.visit_seq(Elements::new(tracer, id, len))
    } else {
        let mut rest = Fields::new(tracer, id, len);
        let result = visitor.visit_map(&mut rest);
        rest.finish(result)
    };
    if result.is_err() {
        tracer.skip_field(id);
    }
    result
}
