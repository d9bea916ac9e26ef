//! Amazon DynamoDB Streams.

use super::Service;
use super::dynamodb::ATTRIBUTE_VALUE;

pub(super) const DYNAMODB_STREAMS: Service = Service {
    id: "DynamoDB Streams",
    model: "dynamodb-streams-2012-08-10.json",
    operations: &[],
    left_out: &[],
    handwritten: &[ATTRIBUTE_VALUE],
    output: "server/src/aws/dynamodb/streams/generated",
    handler_trait: "DynamoDbStreamsService",
    java_package: "com.amazonaws.dynamodb.v20120810",
    // The deepest input of the model has two levels; the rest is room for members that AWS may add.
    nesting_max: 16,
    words: "DynamoDb",
    unbuilt: "ProtocolError::UnknownOperation",
    enum_orders: &[],
    shown_patterns: &[],
    optional_members: &[],
    demanded_members: &[],
    omitted_members: &[],
    subjects: &["StreamArn", "TableName", "ShardIterator"],
};
