//! What a request is about, whichever operation it is.

use crate::catalog::{Catalog, OperationEntry};
use crate::error::Error;
use crate::model::Shape;
use crate::names::snake_case;

pub(super) fn emit(catalog: &Catalog<'_>) -> Result<String, Error> {
    let subjects = catalog.service.subjects;
    let fields: String =
        subjects.iter().map(|name| format!("pub {}: Option<&'a ByteString>,", snake_case(name))).collect();
    let mut arms = String::new();
    for operation in catalog.operations()? {
        arms += &arm(catalog, &operation)?;
    }
    Ok(format!(
        "//! What a request is about, in the words of the request.

        use bytestring::ByteString;

        use super::Input;

        /// Those of these members that an input has.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Subject<'a> {{ {fields} }}

        impl Input {{
            /// What the request is about, as far as it says so at its root.
            #[must_use]
            pub fn subject(&self) -> Subject<'_> {{
                match self {{ {arms} }}
            }}
        }}
        "
    ))
}

fn arm(catalog: &Catalog<'_>, operation: &OperationEntry<'_>) -> Result<String, Error> {
    let name = operation.name;
    let Shape::Structure(structure) = catalog.shape(operation.input)? else {
        return Err(Error::NoInput(name.to_owned()));
    };
    let members = catalog.members(operation.input, structure);
    let said: Vec<_> =
        members.iter().filter(|member| catalog.service.subjects.contains(&member.name)).collect();
    if said.is_empty() {
        return Ok(format!("Self::{name}(_) => Subject::default(),"));
    }
    let fields = said.iter().map(|member| {
        let field = snake_case(member.name);
        if member.required {
            format!("{field}: Some(&input.{field}),")
        } else {
            format!("{field}: input.{field}.as_ref(),")
        }
    });
    let fields: String = fields.collect();
    let rest = if said.len() < catalog.service.subjects.len() { "..Subject::default()" } else { "" };
    Ok(format!("Self::{name}(input) => Subject {{ {fields} {rest} }},"))
}
