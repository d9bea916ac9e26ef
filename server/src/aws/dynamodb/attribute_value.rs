//! Attribute values as the wire has them: one of ten datatypes, each under its own name.
//!
//! Written by hand, because the model's structure of ten optional members would make every value ten times as
//! large. What is wrong with a value beyond its types is not decided here: that comes after the model's
//! constraints, in the words of the table service.

use std::collections::BTreeMap;

use bytes::Bytes;
use bytestring::ByteString;

use crate::aws::codec::collection::{List, Map};
use crate::aws::codec::decoder::{Fields, Structure};
use crate::aws::codec::encode::MemberWriter;
use crate::aws::codec::shape::{Blob, Boolean, Nested, Shape};
use crate::aws::codec::token::{Read, Reader};
use crate::aws::codec::{Encode, Writer};
use crate::aws::validation::constraint::{Length, Text, Unconstrained};
use crate::aws::validation::{Checked, Faults};

/// The longest name of an attribute.
const NAME_MAX: u32 = 65_535;

const STRING: Text = Text { length: Length::ANY, pattern: None };
const NAME: Text = Text { length: Length { min: None, max: Some(NAME_MAX) }, pattern: None };
const BINARY: Blob = Blob(Length::ANY);
const FLAG: Boolean = Boolean(Unconstrained);
const STRINGS: List<Text> = List { length: Length::ANY, item: STRING };
const BINARIES: List<Blob> = List { length: Length::ANY, item: BINARY };
const VALUES: List<Nested<AttributeValue>> = List { length: Length::ANY, item: Nested::new() };
const MEMBERS: Map<Nested<AttributeValue>> = Map { length: Length::ANY, key: NAME, value: Nested::new() };

#[derive(Clone, Debug, Default, PartialEq)]
pub enum AttributeValue {
    S(ByteString),
    /// A number's digits, not yet looked at.
    N(ByteString),
    B(Bytes),
    Ss(Vec<ByteString>),
    Ns(Vec<ByteString>),
    Bs(Vec<Bytes>),
    M(BTreeMap<ByteString, AttributeValue>),
    L(Vec<AttributeValue>),
    Null(bool),
    Bool(bool),
    /// A request named no datatype.
    #[default]
    Empty,
    /// A request named several.
    Several,
}

/// A datatype that was read, with what is wrong with it.
fn read<'b, R: Reader<'b>, S: Shape>(
    fields: &mut Fields<'_, 'b, R>,
    (step, shape): (&str, &S),
    faults: &mut Faults,
    value: impl FnOnce(S::Value) -> AttributeValue,
) -> Read<Option<AttributeValue>> {
    Ok(fields.value(shape)?.map(|checked| {
        if !checked.faults.is_empty() {
            faults.absorb(step, checked.faults);
        }
        value(checked.value)
    }))
}

impl Structure for AttributeValue {
    const CLASS: &'static str = "com.amazonaws.dynamodb.v20120810.AttributeValue";

    /// Recursion ends at the reader's nesting limit.
    fn decode<'b, R: Reader<'b>>(fields: &mut Fields<'_, 'b, R>) -> Read<Checked<Self>> {
        let (mut value, mut faults) = (Self::Empty, Faults::default());
        while let Some(wire_name) = fields.key()? {
            let faults = &mut faults;
            let next = match wire_name.as_bytes() {
                b"S" => read(fields, ("s", &STRING), faults, Self::S)?,
                b"N" => read(fields, ("n", &STRING), faults, Self::N)?,
                b"B" => read(fields, ("b", &BINARY), faults, Self::B)?,
                b"SS" => read(fields, ("sS", &STRINGS), faults, Self::Ss)?,
                b"NS" => read(fields, ("nS", &STRINGS), faults, Self::Ns)?,
                b"BS" => read(fields, ("bS", &BINARIES), faults, Self::Bs)?,
                b"M" => read(fields, ("m", &MEMBERS), faults, Self::M)?,
                b"L" => read(fields, ("l", &VALUES), faults, Self::L)?,
                b"NULL" => read(fields, ("nULL", &FLAG), faults, Self::Null)?,
                b"BOOL" => read(fields, ("bOOL", &FLAG), faults, Self::Bool)?,
                _ => {
                    fields.skip(wire_name)?;
                    None
                }
            };
            value = match (value, next) {
                (value, None) => value,
                (Self::Empty, Some(next)) => next,
                _ => Self::Several,
            };
        }
        Ok(Checked { value, faults })
    }
}

/// What is no value is written as a structure without members; no answer holds it.
impl Encode for AttributeValue {
    fn encode<W: Writer>(&self, writer: &mut W) {
        let mut members = MemberWriter::open(writer);
        match self {
            Self::S(text) => members.required("S", text),
            Self::N(digits) => members.required("N", digits),
            Self::B(bytes) => members.required("B", bytes),
            Self::Ss(texts) => members.required("SS", texts),
            Self::Ns(numbers) => members.required("NS", numbers),
            Self::Bs(binaries) => members.required("BS", binaries),
            Self::M(entries) => members.required("M", entries),
            Self::L(values) => members.required("L", values),
            Self::Null(flag) => members.required("NULL", flag),
            Self::Bool(flag) => members.required("BOOL", flag),
            Self::Empty | Self::Several => {}
        }
        members.close();
    }
}
