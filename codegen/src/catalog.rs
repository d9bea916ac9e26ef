//! What of a model is generated, and in which role: read as input, written as output, or both.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::model::{Model, Shape, Structure};
use crate::names;
use crate::service::Service;

/// A model with its service's deviations, and the shapes that its operations reach.
#[derive(Debug)]
pub(crate) struct Catalog<'m> {
    pub(crate) model: &'m Model,
    pub(crate) service: &'m Service,
    /// Shapes that some input holds.
    inputs: BTreeSet<&'m str>,
    /// Shapes that some output or event holds.
    outputs: BTreeSet<&'m str>,
    /// Event streams and the outputs around them: they are no value, so they have no type.
    streams: BTreeSet<&'m str>,
}

/// One operation with the types of its input and output.
#[derive(Debug)]
pub(crate) struct OperationEntry<'m> {
    pub(crate) name: &'m str,
    pub(crate) input: &'m str,
    /// `None` where the answer is empty or a stream.
    pub(crate) output: Option<&'m str>,
    pub(crate) streams: bool,
    /// Names of the errors that it declares.
    pub(crate) errors: Vec<&'m str>,
}

/// A member of a structure as it is generated.
#[derive(Debug)]
pub(crate) struct MemberEntry<'m> {
    pub(crate) name: &'m str,
    pub(crate) shape: &'m str,
    pub(crate) required: bool,
    /// Of its absence AWS speaks in words of its own.
    pub(crate) demanded: bool,
}

impl<'m> Catalog<'m> {
    pub(crate) fn new(model: &'m Model, service: &'m Service) -> Result<Self, Error> {
        let (inputs, outputs, streams) = Default::default();
        let mut catalog = Self { model, service, inputs, outputs, streams };
        catalog.find_streams();
        let (mut inputs, mut outputs) = (BTreeSet::new(), BTreeSet::new());
        for operation in model.operations.values() {
            if let Some(input) = &operation.input {
                catalog.reach(&input.shape, &mut inputs)?;
            }
            if let Some(output) = &operation.output {
                catalog.reach(&output.shape, &mut outputs)?;
            }
        }
        for (_, exception) in catalog.exceptions() {
            for member in exception.members.values() {
                catalog.reach(&member.shape, &mut outputs)?;
            }
        }
        outputs.retain(|shape| !catalog.streams.contains(shape));
        Ok(Self { inputs, outputs, ..catalog })
    }

    fn find_streams(&mut self) {
        let structures = || self.model.shapes.iter().filter_map(|(name, shape)| as_structure(name, shape));
        let streams: BTreeSet<_> =
            structures().filter(|(_, structure)| structure.eventstream).map(|(name, _)| name).collect();
        let around = structures().filter(|(_, structure)| {
            structure.members.values().any(|member| streams.contains(member.shape.as_str()))
        });
        let around: BTreeSet<_> = around.map(|(name, _)| name).collect();
        self.streams = &streams | &around;
    }

    /// Adds the shape and all that it holds, errors excepted.
    fn reach(&self, name: &'m str, reached: &mut BTreeSet<&'m str>) -> Result<(), Error> {
        let shape = self.shape(name)?;
        if as_structure(name, shape).is_some_and(|(_, structure)| structure.exception)
            || !reached.insert(name)
            || self.service.is_handwritten(name)
        {
            return Ok(());
        }
        parts_of(shape).into_iter().try_for_each(|part| self.reach(part, reached))
    }

    pub(crate) fn shape(&self, name: &str) -> Result<&'m Shape, Error> {
        self.model.shapes.get(name).ok_or_else(|| Error::UnknownShape(name.to_owned()))
    }

    pub(crate) fn is_input(&self, shape: &str) -> bool {
        self.inputs.contains(shape)
    }

    pub(crate) fn is_output(&self, shape: &str) -> bool {
        self.outputs.contains(shape)
    }

    /// Shapes of which a value stands inside some input, by name.
    pub(crate) fn input_parts(&self) -> Result<BTreeSet<&'m str>, Error> {
        let mut parts = BTreeSet::new();
        for name in self.inputs.iter().filter(|name| !self.service.is_handwritten(name)) {
            parts.extend(parts_of(self.shape(name)?));
        }
        Ok(parts)
    }

    /// The operations by name.
    pub(crate) fn operations(&self) -> Result<Vec<OperationEntry<'m>>, Error> {
        let mut entries = Vec::new();
        for (name, operation) in &self.model.operations {
            let no_input = || Error::NoInput(name.clone());
            let input = operation.input.as_ref().ok_or_else(no_input)?.shape.as_str();
            let output = operation.output.as_ref().map(|output| output.shape.as_str());
            let streams = output.is_some_and(|output| self.streams.contains(output));
            let errors = operation.errors.iter().map(|error| error.shape.as_str()).collect();
            entries.push(OperationEntry {
                name,
                input,
                output: output.filter(|_| !streams),
                streams,
                errors,
            });
        }
        entries.sort_by_key(|entry| entry.name);
        Ok(entries)
    }

    /// Structures that are generated, by name.
    pub(crate) fn structures(&self) -> Vec<(&'m str, &'m Structure)> {
        let generated = |(name, _): &(&str, &Structure)| {
            (self.is_input(name) || self.is_output(name)) && !self.service.is_handwritten(name)
        };
        let all = self.model.shapes.iter().filter_map(|(name, shape)| as_structure(name, shape));
        let mut structures: Vec<_> = all.filter(generated).collect();
        structures.sort_by_key(|(name, _)| *name);
        structures
    }

    /// The errors that the model knows, by name.
    pub(crate) fn exceptions(&self) -> Vec<(&'m str, &'m Structure)> {
        let all = self.model.shapes.iter().filter_map(|(name, shape)| as_structure(name, shape));
        let mut exceptions: Vec<_> = all.filter(|(_, structure)| structure.exception).collect();
        exceptions.sort_by_key(|(name, _)| *name);
        exceptions
    }

    pub(crate) fn members(&self, name: &str, structure: &'m Structure) -> Vec<MemberEntry<'m>> {
        let listed = |list: &[crate::service::Member], member: &str| {
            list.iter().any(|entry| entry.structure == name && entry.member == member)
        };
        let kept =
            structure.members.iter().filter(|(member, _)| !listed(self.service.omitted_members, member));
        let entries = kept.map(|(member, target)| MemberEntry {
            name: member,
            shape: &target.shape,
            required: structure.required.contains(member) && !listed(self.service.optional_members, member),
            demanded: listed(self.service.demanded_members, member),
        });
        entries.collect()
    }

    /// Whether a default value may be made. An output that has required members may not: a handler that
    /// forgets one must not compile.
    pub(crate) fn has_default(&self, name: &str, structure: &'m Structure) -> bool {
        self.is_input(name) || !self.members(name, structure).iter().any(|member| member.required)
    }

    /// The values of an enum, `None` for any other shape.
    pub(crate) fn enum_values(&self, name: &str) -> Result<Option<&'m [String]>, Error> {
        Ok(match self.shape(name)? {
            Shape::String { values, .. } if !values.is_empty() => Some(values),
            _ => None,
        })
    }

    /// The Rust type of a shape's values.
    pub(crate) fn rust_type(&self, name: &str) -> Result<String, Error> {
        Ok(match self.shape(name)? {
            Shape::Structure(_) => name.to_owned(),
            Shape::List { member, .. } => format!("Vec<{}>", self.rust_type(&member.shape)?),
            Shape::Map { value, .. } => format!("BTreeMap<ByteString, {}>", self.rust_type(&value.shape)?),
            Shape::String { values, .. } if values.is_empty() => "ByteString".to_owned(),
            Shape::String { .. } => names::pascal_case(name),
            Shape::Blob(_) => "Bytes".to_owned(),
            Shape::Integer(_) => "i32".to_owned(),
            Shape::Long(_) => "i64".to_owned(),
            Shape::Double {} => "f64".to_owned(),
            Shape::Boolean {} => "bool".to_owned(),
            Shape::Timestamp {} => "Timestamp".to_owned(),
        })
    }
}

/// The shapes of which a shape is directly made.
pub(crate) fn parts_of(shape: &Shape) -> Vec<&str> {
    match shape {
        Shape::Structure(structure) => {
            structure.members.values().map(|member| member.shape.as_str()).collect()
        }
        Shape::List { member, .. } => vec![&member.shape],
        Shape::Map { key, value, .. } => vec![&key.shape, &value.shape],
        _ => Vec::new(),
    }
}

fn as_structure<'m>(name: &'m str, shape: &'m Shape) -> Option<(&'m str, &'m Structure)> {
    match shape {
        Shape::Structure(structure) => Some((name, structure)),
        _ => None,
    }
}
