//! The operation enum.

use crate::catalog::Catalog;
use crate::error::Error;

pub(super) fn emit(catalog: &Catalog<'_>) -> Result<String, Error> {
    let operations = catalog.operations()?;
    let count = operations.len();
    let variants: String = operations.iter().map(|operation| format!("{},", operation.name)).collect();
    let all: String = operations.iter().map(|operation| format!("Self::{},", operation.name)).collect();
    let names: String = operations.iter().map(|o| format!("Self::{0} => {0:?},", o.name)).collect();
    Ok(format!(
        "//! The names of all operations.

        use std::fmt;

        /// Every operation of the service, in the order of their names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {{ {variants} }}

        impl Operation {{
            pub const ALL: [Self; {count}] = [{all}];

            #[must_use]
            pub const fn name(self) -> &'static str {{
                match self {{ {names} }}
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
