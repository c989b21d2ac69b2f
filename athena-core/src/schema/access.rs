//! What a probe hands out for values that have parts.

use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::choice::Obstacle;
use super::probe::{elements, fields};
use super::refusal::Refusal;
use super::shape::Id;
use super::shape::TypeShape;
use super::tracer::Tracer;

/// The parts of `id`, in order.
#[derive(Debug)]
pub(super) struct Elements<'t> {
    tracer: &'t mut Tracer,
    id: Id,
    next: usize,
    len: usize,
}

impl<'t> Elements<'t> {
    pub(super) fn new(tracer: &'t mut Tracer, id: Id, len: usize) -> Self {
        Self { tracer, id, next: 0, len }
    }

    fn part<'de, T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        self.tracer.count()?;
        if self.next >= self.len {
            return Ok(None);
        }
        let part = self.tracer.graph.child(self.id, self.next);
        self.next += 1;
        self.tracer.step(part, |probe| seed.deserialize(probe)).map(Some)
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refusal> {
        self.part(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.next)
    }
}

/// The keys and values of the map `id`, in turn.
#[derive(Debug)]
pub(super) struct Entries<'t>(Elements<'t>);

impl<'t> Entries<'t> {
    pub(super) fn new(tracer: &'t mut Tracer, id: Id, len: usize) -> Self {
        Self(Elements::new(tracer, id, len * 2))
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refusal> {
        self.0.part(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        self.0.part(seed)?.ok_or(Refusal)
    }

    fn size_hint(&self) -> Option<usize> {
        Some((self.0.len - self.0.next) / 2)
    }
}

/// The fields of the struct `id` that have values, by their positions.
///
/// The names are of no use here: they include aliases, which would look like duplicates.
#[derive(Debug)]
pub(super) struct Fields<'t> {
    tracer: &'t mut Tracer,
    id: Id,
    next: usize,
    len: usize,
    ended: bool,
}

impl<'t> Fields<'t> {
    pub(super) fn new(tracer: &'t mut Tracer, id: Id, len: usize) -> Self {
        Self { tracer, id, next: 0, len, ended: false }
    }

    /// Judges a visit that lacks some fields: an error was to be expected.
    pub(super) fn finish<T>(self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        if result.is_err() && !self.tracer.has_fault() {
            if !self.ended {
                self.tracer.lose();
            }
            self.tracer.raise(Obstacle::Unbuildable, self.id);
        }
        result
    }
}

impl<'de> MapAccess<'de> for &mut Fields<'_> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refusal> {
        self.tracer.count()?;
        while self.tracer.graph[self.id].skipped.contains(&self.next) {
            self.next += 1;
        }
        self.ended = self.next >= self.len;
        if self.ended {
            return Ok(None);
        }
        seed.deserialize((self.next as u64).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        self.tracer.count()?;
        if self.next >= self.len {
            return Err(Refusal);
        }
        let field = self.tracer.graph.child(self.id, self.next);
        self.next += 1;
        self.tracer.step(field, |probe| seed.deserialize(probe.or_surplus()))
    }
}

/// One variant of an enum.
#[derive(Debug)]
pub(super) struct Variant<'t> {
    tracer: &'t mut Tracer,
    payload: Id,
    index: usize,
}

impl<'t> Variant<'t> {
    pub(super) fn new(tracer: &'t mut Tracer, payload: Id, index: usize) -> Self {
        Self { tracer, payload, index }
    }

    fn occupy(&mut self, shape: TypeShape) -> Result<Id, Refusal> {
        self.tracer.count()?;
        Ok(self.tracer.graph.occupy(self.payload, shape))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Refusal;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refusal> {
        // As postcard does. The list of variants includes aliases: past the end there is none.
        let index = u32::try_from(self.index).unwrap_or(u32::MAX);
        match seed.deserialize(index.into_deserializer()) {
            Ok(value) => Ok((value, self)),
            Err(Refusal) => Err(self.tracer.raise(Obstacle::Unbuildable, self.payload)),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Refusal;

    fn unit_variant(mut self) -> Result<(), Refusal> {
        self.occupy(TypeShape::UnitVariant).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        mut self,
        seed: T,
    ) -> Result<T::Value, Refusal> {
        let id = self.occupy(TypeShape::NewtypeVariant)?;
        let content = self.tracer.graph.child(id, 0);
        self.tracer.step(content, |probe| seed.deserialize(probe))
    }

    fn tuple_variant<V: Visitor<'de>>(
        mut self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let id = self.occupy(TypeShape::TupleVariant(len))?;
        elements(self.tracer, id, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let id = self.occupy(TypeShape::StructVariant(names))?;
        fields(self.tracer, id, names.len(), visitor)
    }
}
