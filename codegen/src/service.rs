//! The services that are generated, and where the wire differs from what their models say.
//!
//! Another service is another entry here with its model in `models/`. Every deviation from a model stands in a
//! table with its reason.

mod cloudwatch;
mod dynamodb;
mod kinesis;
mod streams;

/// One service and how to generate it.
#[derive(Debug)]
pub struct Service {
    /// The service's id in its model.
    pub id: &'static str,
    /// File in `codegen/models/`.
    pub model: &'static str,
    /// The operations that are kept of AWS's model; all where none is named.
    pub operations: &'static [&'static str],
    /// Members that are not kept. In a request they are what any unknown member is: not looked at.
    pub left_out: &'static [LeftOut],
    /// Shapes whose types are written by hand, with their way in and out.
    pub handwritten: &'static [Handwritten],
    /// Folder of the generated modules, from the workspace's root.
    pub output: &'static str,
    /// Name of the trait that handlers implement.
    pub handler_trait: &'static str,
    /// The package that AWS shows in front of the names of structures.
    pub java_package: &'static str,
    /// Lists and maps inside each other that a request may have. Beyond, it is refused as malformed.
    pub nesting_max: u8,
    /// In whose words the server complains of values of the wrong type: a variant of its `Words`.
    pub words: &'static str,
    /// The error, as an expression, that says that an operation is not built.
    pub unbuilt: &'static str,
    /// Enums whose values AWS shows in another order than the model's.
    pub enum_orders: &'static [EnumOrder],
    /// Patterns that AWS shows in other words than the model's.
    pub shown_patterns: &'static [ShownPattern],
    /// Members that an output may lack although its model requires them.
    pub optional_members: &'static [Member],
    /// Required members of inputs of whose absence AWS speaks in words of their own, and of nothing beside it.
    pub demanded_members: &'static [Member],
    /// Members that must never be sent.
    pub omitted_members: &'static [Member],
    /// Texts at the root of inputs that say what a request is about.
    pub subjects: &'static [&'static str],
}

#[derive(Debug)]
pub struct EnumOrder {
    pub shape: &'static str,
    pub order: &'static [&'static str],
    pub reason: &'static str,
}

#[derive(Debug)]
pub struct ShownPattern {
    pub shape: &'static str,
    pub shown: &'static str,
    pub reason: &'static str,
}

#[derive(Debug)]
pub struct Member {
    pub structure: &'static str,
    pub member: &'static str,
    pub reason: &'static str,
}

/// Members of a structure that are not kept.
#[derive(Debug)]
pub struct LeftOut {
    pub structure: &'static str,
    pub members: &'static [&'static str],
    pub reason: &'static str,
}

/// A shape with a type of ours.
#[derive(Debug)]
pub struct Handwritten {
    pub shape: &'static str,
    /// The path of the type, whose name is the shape's.
    pub path: &'static str,
    pub reason: &'static str,
}

pub const SERVICES: &[Service] =
    &[kinesis::KINESIS, dynamodb::DYNAMODB, streams::DYNAMODB_STREAMS, cloudwatch::CLOUDWATCH];

impl Service {
    /// The service of that id.
    #[must_use]
    pub fn of_id(id: &str) -> Option<&'static Self> {
        SERVICES.iter().find(|service| service.id == id)
    }

    pub(crate) fn is_handwritten(&self, shape: &str) -> bool {
        self.handwritten.iter().any(|entry| entry.shape == shape)
    }
}
