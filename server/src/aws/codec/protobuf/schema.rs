//! Which field of a message is which member of the model.
//!
//! Names follow one rule, for `stream_arn` stands for `StreamARN`; where AWS breaks it, a list says so. An enum's values
//! have its name in front, which the model's have not. Messages in [`TRANSPARENT`] stand for the list or map that they
//! hold, where protobuf has no other way to put one into a `oneof`, or to tell an empty one from none.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Messages that are nothing but the list or map inside.
const TRANSPARENT: [&str; 7] = [
    "AttributeList",
    "AttributeMap",
    "BinarySet",
    "ItemCollectionMetricsList",
    "ItemList",
    "StringSet",
    "WriteRequestList",
];

/// Members that Kinesis spells another way than the rule has it.
const OF_KINESIS: [(&str, &str); 7] = [
    ("consumer_arn", "ConsumerARN"),
    ("current_mibps", "CurrentMiBps"),
    ("max_record_size_in_kib", "MaxRecordSizeInKiB"),
    ("resource_arn", "ResourceARN"),
    ("stream_arn", "StreamARN"),
    ("target_mibps", "TargetMiBps"),
    ("warm_throughput_mibps", "WarmThroughputMiBps"),
];

/// Members that DynamoDB and its streams spell another way than the rule has it.
const OF_TABLES: [(&str, &str); 21] = [
    ("aws_region", "awsRegion"),
    ("bool_value", "BOOL"),
    ("bs", "BS"),
    ("dynamodb", "dynamodb"),
    ("event_id", "eventID"),
    ("event_name", "eventName"),
    ("event_source", "eventSource"),
    ("event_version", "eventVersion"),
    ("kms_master_key_arn", "KMSMasterKeyArn"),
    ("kms_master_key_id", "KMSMasterKeyId"),
    ("ns", "NS"),
    ("null_value", "NULL"),
    ("reason", "reason"),
    ("reasons", "throttlingReasons"),
    ("resource", "resource"),
    ("size_estimate_range_gb", "SizeEstimateRangeGB"),
    ("ss", "SS"),
    ("sse_description", "SSEDescription"),
    ("sse_specification", "SSESpecification"),
    ("sse_type", "SSEType"),
    ("user_identity", "userIdentity"),
];

/// Enum values that are spelled another way than in capitals.
const VALUES: [(&str, &str); 7] = [
    ("METRICS_NAME_INCOMING_BYTES", "IncomingBytes"),
    ("METRICS_NAME_INCOMING_RECORDS", "IncomingRecords"),
    ("METRICS_NAME_OUTGOING_BYTES", "OutgoingBytes"),
    ("METRICS_NAME_OUTGOING_RECORDS", "OutgoingRecords"),
    ("METRICS_NAME_ITERATOR_AGE_MILLISECONDS", "IteratorAgeMilliseconds"),
    ("METRICS_NAME_READ_PROVISIONED_THROUGHPUT_EXCEEDED", "ReadProvisionedThroughputExceeded"),
    ("METRICS_NAME_WRITE_PROVISIONED_THROUGHPUT_EXCEEDED", "WriteProvisionedThroughputExceeded"),
];

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::of(millstream_proto::DESCRIPTORS));

/// The messages of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shapes {
    input: usize,
    output: usize,
}

#[derive(Debug)]
struct Schema {
    messages: Vec<Message>,
    /// By their names with the package.
    numbers: HashMap<String, usize>,
    /// By the path of a request, without its slash in front: `millstream.v1.Streams/CreateStream`.
    calls: HashMap<String, Shapes>,
}

#[derive(Debug)]
pub(crate) struct Message {
    /// In the order of their numbers.
    fields: Vec<Field>,
    is_transparent: bool,
}

/// A field, by the names of the model.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) count: Count,
    /// Of the value, of each item, or of the value of each entry.
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    One,
    List,
    /// Keys are text.
    Map,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Blob,
    Boolean,
    Integer,
    Double,
    Time,
    /// Numbers and names.
    Choice(Vec<(i32, String)>),
    /// The number of a message.
    Message(usize),
}

impl Shapes {
    /// Those of the call with that path.
    pub(crate) fn of(path: &str) -> Option<Self> {
        SCHEMA.calls.get(path).copied()
    }

    pub(crate) fn input(self) -> &'static Message {
        &SCHEMA.messages[self.input]
    }

    pub(crate) fn output(self) -> &'static Message {
        &SCHEMA.messages[self.output]
    }
}

/// The paths of all calls.
#[cfg(test)]
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    SCHEMA.calls.keys().map(String::as_str)
}

impl Message {
    /// The message of that name within the package.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        let number = SCHEMA.numbers.get(&format!(".{}.{name}", millstream_proto::PACKAGE))?;
        SCHEMA.messages.get(*number)
    }

    #[inline]
    pub(crate) fn by_number(&self, number: u32) -> Option<&Field> {
        // Most messages number their fields from one on without gaps.
        let guess = self.fields.get((number as usize).wrapping_sub(1));
        guess
            .filter(|field| field.number == number)
            .or_else(|| self.fields.iter().find(|field| field.number == number))
    }

    #[inline]
    pub(crate) fn by_name(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The list or map that this message stands for.
    pub(crate) fn content(&self) -> Option<&Field> {
        self.fields.first().filter(|_| self.is_transparent)
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }
}

impl Kind {
    pub(crate) fn message(&self) -> Option<&'static Message> {
        match self {
            Self::Message(index) => Some(&SCHEMA.messages[*index]),
            _ => None,
        }
    }
}

/// The descriptors by the full names of what they describe, with a dot in front as references have it.
#[derive(Default)]
struct Named<'d> {
    messages: Vec<(&'d DescriptorProto, Spelling)>,
    numbers: HashMap<String, usize>,
    enums: HashMap<String, &'d EnumDescriptorProto>,
}

/// Members that are spelled another way than the rule has it.
type Spelling = &'static [(&'static str, &'static str)];

impl<'d> Named<'d> {
    fn add(&mut self, scope: &str, message: &'d DescriptorProto, spelling: Spelling) {
        let name = format!("{scope}.{}", message.name());
        message.nested_type.iter().for_each(|nested| self.add(&name, nested, spelling));
        for choice in &message.enum_type {
            self.enums.insert(format!("{name}.{}", choice.name()), choice);
        }
        self.numbers.insert(name, self.messages.len());
        self.messages.push((message, spelling));
    }

    fn field(&self, field: &FieldDescriptorProto, spelling: Spelling) -> Option<Field> {
        let number = u32::try_from(field.number()).ok()?;
        let name = member(field.name(), spelling);
        let nested = self.numbers.get(field.type_name()).map(|index| self.messages[*index].0);
        let is_map = nested.is_some_and(|nested| {
            nested.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry)
        });
        if is_map {
            let value = nested?.field.iter().find(|field| field.number() == 2)?;
            return Some(Field { number, name, count: Count::Map, kind: self.kind(value)? });
        }
        let count = if field.label() == Label::Repeated { Count::List } else { Count::One };
        Some(Field { number, name, count, kind: self.kind(field)? })
    }

    /// `None` for what the published files have no fields of.
    fn kind(&self, field: &FieldDescriptorProto) -> Option<Kind> {
        Some(match field.r#type() {
            Type::String => Kind::Text,
            Type::Bytes => Kind::Blob,
            Type::Bool => Kind::Boolean,
            Type::Int32 | Type::Int64 => Kind::Integer,
            Type::Double => Kind::Double,
            Type::Enum => Kind::Choice(values(self.enums.get(field.type_name())?)),
            Type::Message if field.type_name() == ".google.protobuf.Timestamp" => Kind::Time,
            Type::Message => Kind::Message(*self.numbers.get(field.type_name())?),
            _ => return None,
        })
    }
}

impl Schema {
    /// The descriptors are those of this build; what could not be read of them would be missing, which tests notice.
    fn of(descriptors: &[u8]) -> Self {
        let files = FileDescriptorSet::decode(descriptors).unwrap_or_default();
        let mut named = Named::default();
        for file in &files.file {
            let scope = format!(".{}", file.package());
            let spelling = spelling(file.name());
            file.message_type.iter().for_each(|message| named.add(&scope, message, spelling));
            for choice in &file.enum_type {
                named.enums.insert(format!("{scope}.{}", choice.name()), choice);
            }
        }
        let messages = named.messages.iter().map(|&(message, spelling)| {
            let fields = message.field.iter().filter_map(|field| named.field(field, spelling));
            let mut fields: Vec<_> = fields.collect();
            fields.sort_by_key(|field| field.number);
            Message { fields, is_transparent: TRANSPARENT.contains(&message.name()) }
        });
        let messages = messages.collect();
        let mut calls = HashMap::new();
        for file in &files.file {
            for (service, method) in file
                .service
                .iter()
                .flat_map(|service| service.method.iter().map(move |method| (service, method)))
            {
                let number = |name| named.numbers.get(name).copied();
                if let (Some(input), Some(output)) =
                    (number(method.input_type()), number(method.output_type()))
                {
                    let path = format!("{}.{}/{}", file.package(), service.name(), method.name());
                    calls.insert(path, Shapes { input, output });
                }
            }
        }
        Self { messages, numbers: named.numbers, calls }
    }
}

/// That of the messages of a file.
fn spelling(file: &str) -> Spelling {
    match file {
        "millstream/v1/tables.proto" | "millstream/v1/table_streams.proto" => &OF_TABLES,
        _ => &OF_KINESIS,
    }
}

/// The member's name in the model.
fn member(field: &str, spelling: Spelling) -> String {
    match spelling.iter().find(|(ours, _)| *ours == field) {
        Some((_, theirs)) => (*theirs).to_owned(),
        None => field.split('_').map(capitalized).collect(),
    }
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// The values' names in the model; zero stands for no value and has none.
fn values(choice: &EnumDescriptorProto) -> Vec<(i32, String)> {
    let prefix =
        choice.value.first().and_then(|zero| zero.name().strip_suffix("UNSPECIFIED")).unwrap_or_default();
    let named = choice.value.iter().filter(|value| value.number() != 0).map(|value| {
        let listed = VALUES.iter().find(|(ours, _)| *ours == value.name());
        let name = listed
            .map_or_else(|| value.name().strip_prefix(prefix).unwrap_or_default(), |(_, theirs)| theirs);
        (value.number(), name.to_owned())
    });
    named.collect()
}
