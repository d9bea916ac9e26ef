//! The shapes of a model: how a value of each is read, and that it is checked where it is read.
//!
//! The generated constants of a service are values of these types. A shape answers with the value and its
//! faults; whoever asked knows the value's name and puts it in front. Lists and maps are next door.

use std::fmt::Write;
use std::marker::PhantomData;

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::Timestamp;

use super::decoder::{Decoder, Structure};
use super::token::{Read, Reader};
use crate::aws::validation::constraint::{
    Constraint, Enumeration, Length, Range, Text, Unconstrained, not_in_set,
};
use crate::aws::validation::{Checked, Fault, Faults};

pub(crate) trait Shape {
    type Value;

    /// A scalar: inside a list, its faults are the list's.
    const SCALAR: bool;

    /// The class of a value as Java writes it.
    fn class() -> String;

    /// The next value, `None` for null or where its type is wrong.
    fn decode<'b, R: Reader<'b>>(&self, decoder: &mut Decoder<'b, R>) -> Read<Option<Checked<Self::Value>>>;

    /// Appends the value as AWS shows it in texts.
    fn show(value: &Self::Value, shown: &mut String);

    /// All rules of a scalar, or of how many items a list has.
    fn rules(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Checks a scalar; shows it only if it is at fault.
#[inline]
fn check<S: Shape, T: ?Sized>(
    constraint: &impl Constraint<T>,
    value: S::Value,
    seen: impl Fn(&S::Value) -> &T,
) -> Checked<S::Value> {
    let holds = constraint.holds(seen(&value));
    let faults = if holds { Faults::default() } else { faults_of::<S, T>(constraint, &value, seen(&value)) };
    Checked { value, faults }
}

#[cold]
fn faults_of<S: Shape, T: ?Sized>(constraint: &impl Constraint<T>, value: &S::Value, seen: &T) -> Faults {
    let mut shown = String::new();
    S::show(value, &mut shown);
    let mut faults = Faults::default();
    constraint.broken(seen).into_iter().for_each(|rule| faults.push(Fault::new(&shown, rule)));
    faults
}

impl Shape for Text {
    type Value = ByteString;
    const SCALAR: bool = true;

    fn class() -> String {
        "java.lang.String".to_owned()
    }

    #[inline]
    fn decode<'b, R: Reader<'b>>(&self, decoder: &mut Decoder<'b, R>) -> Read<Option<Checked<ByteString>>> {
        Ok(decoder.text()?.map(|text| check::<Self, str>(self, text, |text| text)))
    }

    fn show(value: &ByteString, shown: &mut String) {
        shown.push_str(value);
    }

    fn rules(&self) -> Vec<String> {
        self.all()
    }
}

/// A string out of a set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<E>(PhantomData<E>);

impl<E> Choice<E> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E: Enumeration> Shape for Choice<E> {
    type Value = E;
    const SCALAR: bool = true;

    fn class() -> String {
        "java.lang.String".to_owned()
    }

    fn decode<'b, R: Reader<'b>>(&self, decoder: &mut Decoder<'b, R>) -> Read<Option<Checked<E>>> {
        Ok(decoder.text()?.map(|name| {
            let value = E::from_name(&name);
            let mut faults = Faults::default();
            if value.is_none() {
                faults.push(Fault::new(&name, not_in_set::<E>()));
            }
            Checked { value: value.unwrap_or_default(), faults }
        }))
    }

    fn show(value: &E, shown: &mut String) {
        shown.push_str(value.name());
    }

    fn rules(&self) -> Vec<String> {
        vec![not_in_set::<E>()]
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Blob(pub(crate) Length);

impl Shape for Blob {
    type Value = Bytes;
    const SCALAR: bool = true;

    fn class() -> String {
        "java.nio.ByteBuffer".to_owned()
    }

    #[inline]
    fn decode<'b, R: Reader<'b>>(&self, decoder: &mut Decoder<'b, R>) -> Read<Option<Checked<Bytes>>> {
        Ok(decoder.blob()?.map(|blob| check::<Self, [u8]>(&self.0, blob, |blob| blob)))
    }

    fn show(value: &Bytes, shown: &mut String) {
        let length = value.len();
        // Writing to a String cannot fail.
        let _ = write!(shown, "java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]");
    }

    fn rules(&self) -> Vec<String> {
        self.0.all()
    }
}

/// Declares the shape of a scalar that AWS shows as Rust does: its constraint, its type, how it is read.
macro_rules! scalar_shape {
    ($shape:ident($constraint:ty) = $value:ty, $read:ident, $class:literal) => {
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $shape(pub(crate) $constraint);

        impl Shape for $shape {
            type Value = $value;
            const SCALAR: bool = true;

            fn class() -> String {
                $class.to_owned()
            }

            fn decode<'b, R: Reader<'b>>(
                &self,
                decoder: &mut Decoder<'b, R>,
            ) -> Read<Option<Checked<$value>>> {
                Ok(decoder.$read()?.map(|value| check::<Self, $value>(&self.0, value, |value| value)))
            }

            fn show(value: &$value, shown: &mut String) {
                // Writing to a String cannot fail.
                let _ = write!(shown, "{value}");
            }

            fn rules(&self) -> Vec<String> {
                Constraint::<$value>::all(&self.0)
            }
        }
    };
}

scalar_shape!(Integer(Range) = i32, integer, "java.lang.Integer");
scalar_shape!(Long(Range) = i64, long, "java.lang.Long");
scalar_shape!(Double(Unconstrained) = f64, double, "java.lang.Double");
scalar_shape!(Boolean(Unconstrained) = bool, boolean, "java.lang.Boolean");
scalar_shape!(Time(Unconstrained) = Timestamp, timestamp, "java.util.Date");

/// A structure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nested<S>(PhantomData<S>);

impl<S> Nested<S> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<S: Structure> Shape for Nested<S> {
    type Value = S;
    const SCALAR: bool = false;

    fn class() -> String {
        S::CLASS.to_owned()
    }

    fn decode<'b, R: Reader<'b>>(&self, decoder: &mut Decoder<'b, R>) -> Read<Option<Checked<S>>> {
        decoder.structure()
    }

    /// AWS adds the object's hash, which varies; a constant stands in.
    fn show(_: &S, shown: &mut String) {
        shown.push_str(S::CLASS);
        shown.push_str("@0");
    }
}
