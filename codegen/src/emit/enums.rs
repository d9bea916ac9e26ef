//! Enums: closed in Rust, strings on the wire.

use std::fmt::Write;

use crate::catalog::Catalog;
use crate::error::Error;
use crate::names::pascal_case;

pub(super) fn emit(catalog: &Catalog<'_>) -> Result<String, Error> {
    let mut code = String::new();
    let mut names: Vec<_> = catalog.model.shapes.keys().map(String::as_str).collect();
    names.sort_unstable();
    for name in names {
        let (input, output) = (catalog.is_input(name), catalog.is_output(name));
        if let Some(values) = catalog.enum_values(name)?.filter(|_| input || output) {
            emit_enum(&mut code, name, values, input);
            if input {
                emit_input(&mut code, catalog, name, values);
            }
            if output {
                emit_output(&mut code, name);
            }
        }
    }
    let codec = if code.contains("Encode") { "use crate::aws::codec::{Encode, Writer};" } else { "" };
    let enumeration = if code.contains("Enumeration") {
        "use crate::aws::validation::constraint::Enumeration;"
    } else {
        ""
    };
    Ok(format!(
        "//! The enums of the model.
        //!
        //! Where an enum has a default, it stands in for a value that was refused; no handler sees it.

        {codec}
        {enumeration}
        {code}"
    ))
}

fn emit_enum(code: &mut String, name: &str, values: &[String], input: bool) {
    let name = pascal_case(name);
    let default = if input { "Default, " } else { "" };
    let first_is_default = if input { "#[default]" } else { "" };
    let variants: String = values.iter().map(|value| format!("{},", pascal_case(value))).collect();
    let names: String =
        values.iter().map(|value| format!("Self::{} => {value:?},", pascal_case(value))).collect();
    let _ = write!(
        code,
        "
        #[derive(Clone, Copy, Debug, {default}PartialEq, Eq, Hash)]
        pub enum {name} {{ {first_is_default} {variants} }}

        impl {name} {{
            /// The value as clients write it.
            #[must_use]
            pub const fn name(self) -> &'static str {{
                match self {{ {names} }}
            }}
        }}
        "
    );
}

fn emit_input(code: &mut String, catalog: &Catalog<'_>, name: &str, values: &[String]) {
    let order = catalog.service.enum_orders.iter().find(|entry| entry.shape == name);
    let (shown, note) = match order {
        Some(entry) => {
            (entry.order.join(", "), format!("// The order is not the model's: {}.", entry.reason))
        }
        None => (values.join(", "), String::new()),
    };
    let names: String =
        values.iter().map(|value| format!("{value:?} => Self::{},", pascal_case(value))).collect();
    let _ = write!(
        code,
        "
        impl Enumeration for {name} {{
            {note}
            const SHOWN: &'static str = {shown:?};

            fn from_name(name: &str) -> Option<Self> {{
                Some(match name {{ {names} _ => return None }})
            }}

            fn name(self) -> &'static str {{
                self.name()
            }}
        }}
        ",
        name = pascal_case(name),
    );
}

fn emit_output(code: &mut String, name: &str) {
    let _ = write!(
        code,
        "
        impl Encode for {name} {{
            fn encode<W: Writer>(&self, writer: &mut W) {{
                writer.text(self.name());
            }}
        }}
        ",
        name = pascal_case(name),
    );
}
