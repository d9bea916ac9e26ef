//! What was published of the API stays: a client that was built yesterday is understood tomorrow.
//!
//! `published.txt` has a line for each field, enum value and call that was ever released. A line is never changed or
//! removed; new ones are added by running this test with `MILLSTREAM_PUBLISH=1`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

fn declared() -> BTreeSet<String> {
    let files = FileDescriptorSet::decode(millstream_proto::DESCRIPTORS).unwrap();
    let mut lines = BTreeSet::new();
    for file in files.file.iter().filter(|file| file.package() == millstream_proto::PACKAGE) {
        file.message_type.iter().for_each(|message| add_message("", message, &mut lines));
        file.enum_type.iter().for_each(|choice| add_enum(choice, &mut lines));
        for service in &file.service {
            for method in &service.method {
                let stream = |is_stream: bool| if is_stream { "stream " } else { "" };
                lines.insert(format!(
                    "rpc {}/{} ({}{}) -> {}{}",
                    service.name(),
                    method.name(),
                    stream(method.client_streaming()),
                    method.input_type(),
                    stream(method.server_streaming()),
                    method.output_type(),
                ));
            }
        }
    }
    lines
}

fn add_message(outer: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let name = format!("{outer}{}", message.name());
    lines.insert(format!("message {name}"));
    for field in &message.field {
        lines.insert(format!("field {name} {} {} {}", field.number(), kind(field), field.name()));
    }
    message.nested_type.iter().for_each(|nested| add_message(&format!("{name}."), nested, lines));
}

fn kind(field: &FieldDescriptorProto) -> String {
    let mut kind = String::new();
    if field.label() == Label::Repeated {
        kind.push_str("repeated ");
    } else if field.proto3_optional() {
        kind.push_str("optional ");
    } else if field.oneof_index.is_some() {
        kind.push_str("oneof ");
    }
    match field.r#type() {
        Type::Message | Type::Enum => kind.push_str(field.type_name()),
        scalar => write!(kind, "{scalar:?}").unwrap(),
    }
    kind
}

fn add_enum(choice: &EnumDescriptorProto, lines: &mut BTreeSet<String>) {
    for value in &choice.value {
        lines.insert(format!("value {} {} {}", choice.name(), value.number(), value.name()));
    }
}

#[test]
fn what_was_published_stays() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("published.txt");
    let published = fs::read_to_string(&path).unwrap_or_default();
    let published: BTreeSet<String> = published.lines().map(str::to_owned).collect();
    let declared = declared();
    let gone: Vec<_> = published.difference(&declared).collect();
    assert!(gone.is_empty(), "changed or removed, which breaks clients that are out there: {gone:#?}");
    if env::var_os("MILLSTREAM_PUBLISH").is_some() {
        let all: String = declared.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        fs::write(&path, all).unwrap();
        return;
    }
    let new: Vec<_> = declared.difference(&published).collect();
    assert!(new.is_empty(), "not published yet; MILLSTREAM_PUBLISH=1 adds {new:#?}");
}

/// A number that was given away cannot be given to another field, so each message says which are reserved.
#[test]
fn no_message_uses_a_number_twice_or_one_that_it_reserved() {
    let files = FileDescriptorSet::decode(millstream_proto::DESCRIPTORS).unwrap();
    for message in files.file.iter().flat_map(|file| &file.message_type) {
        let numbers: BTreeSet<_> = message.field.iter().map(FieldDescriptorProto::number).collect();
        assert_eq!(numbers.len(), message.field.len(), "{}", message.name());
        for range in &message.reserved_range {
            assert!(numbers.range(range.start()..range.end()).next().is_none(), "{}", message.name());
        }
    }
}
