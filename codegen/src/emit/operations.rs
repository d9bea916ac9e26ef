//! The operation enum.

use super::exceptions;
use crate::catalog::{Catalog, OperationEntry};
use crate::error::Error;

pub(super) fn emit(catalog: &Catalog<'_>) -> Result<String, Error> {
    let operations = catalog.operations()?;
    let count = operations.len();
    let variants: String = operations.iter().map(|operation| format!("{},", operation.name)).collect();
    let all: String = operations.iter().map(|operation| format!("Self::{},", operation.name)).collect();
    let errors: String = operations.iter().map(errors).collect();
    let names: String = operations.iter().map(|o| format!("Self::{0} => {0:?},", o.name)).collect();
    Ok(format!(
        "//! The names of all operations.

        use std::fmt;

        use super::Exception;

        /// Every operation of the service, in the order of their names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {{ {variants} }}

        impl Operation {{
            pub const ALL: [Self; {count}] = [{all}];

            #[must_use]
            pub const fn name(self) -> &'static str {{
                match self {{ {names} }}
            }}

            /// The errors that it may answer, as the model has them.
            #[must_use]
            pub const fn errors(self) -> &'static [Exception] {{
                match self {{ {errors} }}
            }}

            /// The operation that a client calls `name`.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {{
                let index = Self::ALL.binary_search_by(|operation| operation.name().cmp(name)).ok()?;
                Some(Self::ALL[index])
            }}
        }}

        impl fmt::Display for Operation {{
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
                f.write_str(self.name())
            }}
        }}
        "
    ))
}

fn errors(operation: &OperationEntry<'_>) -> String {
    let errors = operation.errors.iter().map(|error| format!("Exception::{},", exceptions::variant(error)));
    format!("Self::{} => &[{}],", operation.name, errors.collect::<String>())
}
