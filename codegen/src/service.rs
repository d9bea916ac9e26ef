//! The services that are generated, and where the wire differs from what their models say.
//!
//! Another JSON service is another entry here with its model in `models/`. Every deviation from a model
//! stands in a table with its reason.

/// One service and how to generate it.
#[derive(Debug)]
pub struct Service {
    /// File in `codegen/models/`.
    pub model: &'static str,
    /// Folder of the generated modules, from the workspace's root.
    pub output: &'static str,
    /// Name of the trait that handlers implement.
    pub handler_trait: &'static str,
    /// The package that AWS shows in front of the names of structures.
    pub java_package: &'static str,
    /// Lists and maps inside each other that a request may have. Beyond, it is refused as malformed.
    pub nesting_max: u8,
    /// The exception, as a variant, that says that an operation is not built.
    pub unbuilt: &'static str,
    /// Enums whose values AWS shows in another order than the model's.
    pub enum_orders: &'static [EnumOrder],
    /// Patterns that AWS shows in other words than the model's.
    pub shown_patterns: &'static [ShownPattern],
    /// Members that an output may lack although its model requires them.
    pub optional_members: &'static [Member],
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

pub const SERVICES: &[Service] = &[KINESIS];

pub const KINESIS: Service = Service {
    model: "kinesis-2013-12-02.json",
    output: "server/src/aws/kinesis/generated",
    handler_trait: "KinesisService",
    java_package: "com.amazonaws.kinesis.v20131202",
    // The deepest input of the model has six levels; the rest is room for members that AWS may add.
    nesting_max: 16,
    // Of the modelled errors the one that no client retries. An unmodelled one reaches users without its text.
    unbuilt: "InvalidArgument",
    enum_orders: &[EnumOrder {
        shape: "ShardIteratorType",
        order: &["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"],
        reason: "recorded from AWS",
    }],
    shown_patterns: &[
        ShownPattern {
            shape: "SequenceNumber",
            shown: r"0|([1-9]\d{0,128})",
            reason: "recorded from AWS, whose texts leave out the anchors",
        },
        ShownPattern {
            shape: "HashKey",
            shown: r"0|([1-9]\d{0,38})",
            reason: "recorded from AWS, whose texts leave out the anchors",
        },
    ],
    optional_members: &[Member {
        structure: "SubscribeToShardEvent",
        member: "ContinuationSequenceNumber",
        reason: "the last event of a closed shard has none, and KCL checks that",
    }],
    omitted_members: &[Member {
        structure: "StreamDescriptionSummary",
        member: "StreamId",
        reason: "SDKs that are given one send their next requests to amazonaws.com, whatever the endpoint",
    }],
    subjects: &["StreamName", "StreamARN", "ResourceARN", "ConsumerARN", "ShardId", "ShardIterator"],
};
