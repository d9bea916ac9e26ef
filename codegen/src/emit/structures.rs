//! Structures: the types, how they are read and how they are written.

use std::fmt::Write;

use super::ALLOW_OPEN_ARMS;
use crate::catalog::{Catalog, MemberEntry};
use crate::error::Error;
use crate::model::Structure;
use crate::names::{field, path_step, screaming_case};

pub(super) fn emit(
    catalog: &Catalog<'_>,
    about: &str,
    structures: &[(&str, &Structure)],
) -> Result<String, Error> {
    let mut body = String::new();
    for (name, structure) in structures {
        let members = catalog.members(name, structure);
        emit_type(&mut body, catalog, name, &members, catalog.has_default(name, structure))?;
        if catalog.is_input(name) {
            emit_decode(&mut body, catalog, name, &members);
        }
        if catalog.is_output(name) {
            emit_encode(&mut body, name, &members);
        }
    }
    Ok(format!("//! {about}\n\n{ALLOW_OPEN_ARMS}\n\n{}{body}", imports(&body)))
}

/// The imports that the code needs, in the groups in which `rustfmt` leaves them.
fn imports(code: &str) -> String {
    const GROUPS: [&[(&str, &str)]; 3] = [
        &[("BTreeMap<", "use std::collections::BTreeMap;")],
        &[
            ("<Bytes>", "use bytes::Bytes;"),
            (": Bytes,", "use bytes::Bytes;"),
            ("ByteString", "use bytestring::ByteString;"),
            ("Timestamp>", "use millstream_model::Timestamp;"),
        ],
        &[
            ("rules::", "use super::rules;"),
            ("", "#[allow(unused_imports, clippy::wildcard_imports)] // which ones is the model's business"),
            ("", "use super::*;"),
            ("Fields<", "use crate::aws::codec::decoder::{Fields, Structure};"),
            ("MemberWriter::", "use crate::aws::codec::encode::MemberWriter;"),
            ("Reader<", "use crate::aws::codec::token::{Read, Reader};"),
            ("W: Writer", "use crate::aws::codec::{Encode, Writer};"),
            ("Checked<", "use crate::aws::validation::{Checked, Members};"),
        ],
    ];
    let mut imports = String::new();
    for group in GROUPS {
        let needed = group.iter().filter(|(token, _)| code.contains(token));
        imports.extend(needed.map(|(_, import)| format!("{import}\n")));
        imports.push('\n');
    }
    imports
}

fn emit_type(
    code: &mut String,
    catalog: &Catalog<'_>,
    name: &str,
    members: &[MemberEntry<'_>],
    has_default: bool,
) -> Result<(), Error> {
    let default = if has_default { "Default, " } else { "" };
    let _ = write!(code, "\n#[derive(Clone, Debug, {default}PartialEq)]\npub struct {name} {{");
    for member in members {
        let value = catalog.rust_type(member.shape)?;
        let value = if member.required { value } else { format!("Option<{value}>") };
        let _ = write!(code, "pub {}: {value},", field(member.name));
    }
    code.push_str("}\n");
    Ok(())
}

fn emit_decode(code: &mut String, catalog: &Catalog<'_>, name: &str, members: &[MemberEntry<'_>]) {
    let _ = write!(
        code,
        "
        impl Structure for {name} {{
            const CLASS: &'static str = \"{package}.{name}\";

            fn decode<'b, R: Reader<'b>>(fields: &mut Fields<'_, 'b, R>) -> Read<Checked<Self>> {{",
        package = catalog.service.java_package,
    );
    for member in members {
        let _ = write!(code, "let mut {} = None;", field(member.name));
    }
    code.push_str("while let Some(wire_name) = fields.key()? {");
    if members.is_empty() {
        code.push_str("fields.skip(wire_name)?;");
    } else {
        code.push_str("match wire_name.as_bytes() {");
        for MemberEntry { name, shape, .. } in members {
            let (field, rule) = (field(name), screaming_case(shape));
            let _ = writeln!(code, "b{name:?} => {field} = fields.value(&rules::{rule})?,");
        }
        code.push_str("_ => fields.skip(wire_name)?, }");
    }
    let mutable = if members.is_empty() { "" } else { "mut " };
    let _ = write!(code, "}} let {mutable}members = Members::default(); let value = Self {{");
    for MemberEntry { name, required, demanded, .. } in members {
        let (field, step) = (field(name), path_step(name));
        let _ = match (*demanded, *required) {
            (true, _) => writeln!(code, "{field}: members.demanded({name:?}, {step:?}, {field}),"),
            (false, true) => writeln!(code, "{field}: members.required({step:?}, {field}),"),
            (false, false) => writeln!(code, "{field}: members.optional({step:?}, {field}),"),
        };
    }
    code.push_str("}; Ok(members.checked(value)) } }\n");
}

fn emit_encode(code: &mut String, name: &str, members: &[MemberEntry<'_>]) {
    let _ = write!(
        code,
        "
        impl Encode for {name} {{
            fn encode<W: Writer>(&self, writer: &mut W) {{
                let {}members = MemberWriter::open(writer);",
        if members.is_empty() { "" } else { "mut " }
    );
    for MemberEntry { name, required, .. } in members {
        let field = field(name);
        let _ = if *required {
            write!(code, "members.required({name:?}, &self.{field});")
        } else {
            write!(code, "members.optional({name:?}, self.{field}.as_ref());")
        };
    }
    code.push_str("members.close(); } }\n");
}
