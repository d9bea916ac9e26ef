//! Amazon Kinesis Data Streams.

use super::{EnumOrder, Member, Service, ShownPattern};

pub(super) const KINESIS: Service = Service {
    id: "Kinesis",
    model: "kinesis-2013-12-02.json",
    operations: &[],
    left_out: &[],
    handwritten: &[],
    output: "server/src/aws/kinesis/generated",
    handler_trait: "KinesisService",
    java_package: "com.amazonaws.kinesis.v20131202",
    // The deepest input of the model has six levels; the rest is room for members that AWS may add.
    nesting_max: 16,
    words: "Kinesis",
    // Of the modelled errors the one that no client retries. An unmodelled one reaches users without its text.
    unbuilt: "Exception::InvalidArgument",
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
    demanded_members: &[],
    omitted_members: &[Member {
        structure: "StreamDescriptionSummary",
        member: "StreamId",
        reason: "SDKs that are given one send their next requests to amazonaws.com, whatever the endpoint",
    }],
    subjects: &["StreamName", "StreamARN", "ResourceARN", "ConsumerARN", "ShardId", "ShardIterator"],
};
