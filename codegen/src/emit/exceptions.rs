//! The errors that the model knows.

use std::fmt::Write;

use crate::catalog::Catalog;
use crate::error::Error;
use crate::model::Structure;
use crate::names::{field, pascal_case};

/// The variant for an error of the model.
pub(super) fn variant(name: &str) -> String {
    pascal_case(name.strip_suffix("Exception").unwrap_or(name))
}

/// What the module gives to the outside.
pub(super) fn index(catalog: &Catalog<'_>) -> String {
    let telling = telling(catalog).into_iter().map(|(name, _)| format!(", {name}"));
    format!("pub use exception::{{Exception{}}};", telling.collect::<String>())
}

/// The errors that say more than a text.
fn telling<'m>(catalog: &Catalog<'m>) -> Vec<(&'m str, &'m Structure)> {
    let mut exceptions = catalog.exceptions();
    exceptions.retain(|(_, structure)| structure.members.keys().any(|member| !is_message(member)));
    exceptions
}

fn is_message(member: &str) -> bool {
    member.eq_ignore_ascii_case("message")
}

pub(super) fn emit(catalog: &Catalog<'_>) -> Result<String, Error> {
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
    let capitals: Vec<String> = exceptions
        .iter()
        .filter(|(_, structure)| structure.members.contains_key("Message"))
        .map(|(name, _)| format!("Self::{}", variant(name)))
        .collect();
    let message = match capitals.join(" | ").as_str() {
        "" => String::new(),
        capitals => format!(
            "
            fn message_member(self) -> &'static str {{
                match self {{ {capitals} => \"Message\", _ => \"message\" }}
            }}"
        ),
    };
    let (about, imports, structures) = details(catalog)?;
    Ok(format!(
        "//! The errors of the service, {about}

        {imports}

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
            {message}
        }}
        {structures}
        "
    ))
}

/// The structures of errors that say more than a text: about, imports and code.
fn details(catalog: &Catalog<'_>) -> Result<(&'static str, String, String), Error> {
    let telling = telling(catalog);
    if telling.is_empty() {
        let imports = "use crate::aws::codec::ErrorCode;".to_owned();
        return Ok(("each with nothing but a text.", imports, String::new()));
    }
    let mut code = String::new();
    for (name, structure) in telling {
        let (mut members, mut details) = (String::new(), String::new());
        for (member, target) in structure.members.iter().filter(|(member, _)| !is_message(member)) {
            let (field, value) = (field(member), catalog.rust_type(&target.shape)?);
            let _ = write!(members, "pub {field}: Option<{value}>,");
            let _ = write!(details, ".with({member:?}, self.{field}.as_ref())");
        }
        let _ = write!(
            code,
            "
            /// What the error says beside its text.
            #[derive(Clone, Debug, Default, PartialEq)]
            pub struct {name} {{ {members} }}

            impl {name} {{
                /// The error with this text.
                #[must_use]
                pub fn error(&self, message: impl Into<Cow<'static, str>>) -> ApiError {{
                    ApiError::new(Exception::{variant}, message){details}
                }}
            }}
            ",
            variant = variant(name),
        );
    }
    let maps = if code.contains("BTreeMap") { "use std::collections::BTreeMap;" } else { "" };
    let texts = if code.contains("ByteString") { "use bytestring::ByteString;" } else { "" };
    let imports = format!(
        "use std::borrow::Cow;
        {maps}

        {texts}

        #[allow(unused_imports, clippy::wildcard_imports)] // which ones is the model's business
        use super::*;
        use crate::aws::codec::{{ApiError, ErrorCode}};"
    );
    Ok(("with what some of them say beside their text.", imports, code))
}
