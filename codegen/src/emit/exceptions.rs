//! The errors that the model knows.

use crate::catalog::Catalog;
use crate::names::pascal_case;

/// The variant for an error of the model.
pub(super) fn variant(name: &str) -> String {
    pascal_case(name.strip_suffix("Exception").unwrap_or(name))
}

pub(super) fn emit(catalog: &Catalog<'_>) -> String {
    let exceptions = catalog.exceptions();
    let variants: String = exceptions.iter().map(|(name, _)| format!("{},", variant(name))).collect();
    let count = exceptions.len();
    let all: String = exceptions.iter().map(|(name, _)| format!("Self::{},", variant(name))).collect();
    let codes: String =
        exceptions.iter().map(|(name, _)| format!("Self::{} => {name:?},", variant(name))).collect();
    let faults: Vec<String> = exceptions
        .iter()
        .filter(|(_, structure)| structure.fault)
        .map(|(name, _)| format!("Self::{}", variant(name)))
        .collect();
    let status = match faults.join(" | ").as_str() {
        "" => "400".to_owned(),
        faults => format!("match self {{ {faults} => 500, _ => 400 }}"),
    };
    format!(
        "//! The errors of the service, each with nothing but a text.

        use crate::aws::codec::ErrorCode;

        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Exception {{ {variants} }}

        impl Exception {{
            pub const ALL: [Self; {count}] = [{all}];

            /// The error with this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {{
                Self::ALL.into_iter().find(|exception| exception.code() == code)
            }}
        }}

        impl ErrorCode for Exception {{
            fn code(self) -> &'static str {{
                match self {{ {codes} }}
            }}

            fn status(self) -> u16 {{
                {status}
            }}
        }}
        "
    )
}
