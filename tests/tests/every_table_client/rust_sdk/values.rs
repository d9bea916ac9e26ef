//! Values from JSON and as JSON, for everything that the SDK has a type for; and how what has members is declared.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::primitives::{Blob, DateTime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

pub(crate) trait Given {
    fn given(value: &Value) -> Self;
}

pub(crate) trait Shown {
    fn shown(&self) -> Value;
}

/// A builder gives what it builds, or that it may fail where there are members that must be.
pub(crate) trait Built<T> {
    fn built(self) -> T;
}

impl<T> Built<T> for T {
    fn built(self) -> T {
        self
    }
}

impl<T> Built<T> for Result<T, BuildError> {
    fn built(self) -> T {
        self.unwrap()
    }
}

impl<T: Given> Given for Option<T> {
    fn given(value: &Value) -> Self {
        (!value.is_null()).then(|| T::given(value))
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::shown)
    }
}

impl<T: Given> Given for Vec<T> {
    fn given(value: &Value) -> Self {
        value.as_array().unwrap().iter().map(T::given).collect()
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn shown(&self) -> Value {
        self.iter().map(T::shown).collect()
    }
}

impl<T: Given> Given for HashMap<String, T> {
    fn given(value: &Value) -> Self {
        value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), T::given(value))).collect()
    }
}

impl<T: Shown> Shown for HashMap<String, T> {
    fn shown(&self) -> Value {
        self.iter().map(|(name, value)| (name.clone(), value.shown())).collect()
    }
}

impl Given for String {
    fn given(value: &Value) -> Self {
        value.as_str().unwrap().to_owned()
    }
}

impl Given for bool {
    fn given(value: &Value) -> Self {
        value.as_bool().unwrap()
    }
}

impl Given for i32 {
    fn given(value: &Value) -> Self {
        Self::try_from(value.as_i64().unwrap()).unwrap()
    }
}

impl Given for i64 {
    fn given(value: &Value) -> Self {
        value.as_i64().unwrap()
    }
}

impl Given for f64 {
    fn given(value: &Value) -> Self {
        value.as_f64().unwrap()
    }
}

impl Given for Blob {
    fn given(value: &Value) -> Self {
        Self::new(BASE64.decode(value.as_str().unwrap()).unwrap())
    }
}

impl Given for DateTime {
    fn given(value: &Value) -> Self {
        Self::from_secs_f64(value.as_f64().unwrap())
    }
}

impl Shown for Blob {
    fn shown(&self) -> Value {
        BASE64.encode(self).into()
    }
}

impl Shown for DateTime {
    fn shown(&self) -> Value {
        self.as_secs_f64().into()
    }
}

macro_rules! plain {
    ($($kind:ty),*) => { $(
        impl Shown for $kind {
            fn shown(&self) -> Value {
                self.clone().into()
            }
        }
    )* };
}

plain!(String, bool, i32, i64, f64);

/// An object of these members.
pub(crate) fn members<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The enums of a service.
macro_rules! enums {
    ($($name:ident),* $(,)?) => { $(
        impl Given for $name {
            fn given(value: &Value) -> Self {
                Self::from(value.as_str().unwrap())
            }
        }

        impl Shown for $name {
            fn shown(&self) -> Value {
                self.as_str().into()
            }
        }
    )* };
}

/// The structures of a service: of each member how its builder is given it, what holds it, and its name in the model.
macro_rules! structures {
    ($($name:ident { $($setter:ident $field:ident $member:literal),* $(,)? })*) => { $(
        impl Given for $name {
            fn given(value: &Value) -> Self {
                let builder = Self::builder()$(.$setter(Given::given(&value[$member])))*;
                Built::<Self>::built(builder.build())
            }
        }

        impl Shown for $name {
            fn shown(&self) -> Value {
                members([$(($member, self.$field.shown())),*])
            }
        }
    )* };
}

/// Values of attributes, of which each service has a type of its own.
macro_rules! attribute_values {
    ($name:ident) => {
        impl Given for $name {
            fn given(value: &Value) -> Self {
                let (kind, value) = value.as_object().and_then(|members| members.iter().next()).unwrap();
                match kind.as_str() {
                    "B" => Self::B(Given::given(value)),
                    "BOOL" => Self::Bool(Given::given(value)),
                    "BS" => Self::Bs(Given::given(value)),
                    "L" => Self::L(Given::given(value)),
                    "M" => Self::M(Given::given(value)),
                    "N" => Self::N(Given::given(value)),
                    "NS" => Self::Ns(Given::given(value)),
                    "NULL" => Self::Null(Given::given(value)),
                    "S" => Self::S(Given::given(value)),
                    "SS" => Self::Ss(Given::given(value)),
                    _ => panic!("the SDK has no {kind}"),
                }
            }
        }

        impl Shown for $name {
            fn shown(&self) -> Value {
                members([match self {
                    Self::B(value) => ("B", value.shown()),
                    Self::Bool(value) => ("BOOL", value.shown()),
                    Self::Bs(value) => ("BS", value.shown()),
                    Self::L(value) => ("L", value.shown()),
                    Self::M(value) => ("M", value.shown()),
                    Self::N(value) => ("N", value.shown()),
                    Self::Ns(value) => ("NS", value.shown()),
                    Self::Null(value) => ("NULL", value.shown()),
                    Self::S(value) => ("S", value.shown()),
                    Self::Ss(value) => ("SS", value.shown()),
                    _ => panic!("{self:?}"),
                }])
            }
        }
    };
}

/// The operations of a client: the members of each one's input, and what holds those of its output. `None` for one
/// that is not among them. `Error` is all that the client may fail with.
macro_rules! operations {
    ($sdk:ident, $operation:ident, $input:ident; $(
        $name:literal $call:ident ($($setter:ident $given:literal),*) -> ($($field:ident $shown:literal),*);
    )*) => {
        match $operation {
            $($name => {
                let call = $sdk.$call()$(.$setter(Given::given(&$input[$given])))*;
                Some(match call.send().await {
                    #[allow(unused_variables)] // some have no members
                    Ok(output) => Reply::Output(members([$(($shown, output.$field.shown())),*])),
                    Err(error) => super::refused(&Error::from(error)),
                })
            })*
            _ => None,
        }
    };
}

pub(crate) use {attribute_values, enums, operations, structures};
