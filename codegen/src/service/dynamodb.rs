//! Amazon DynamoDB, without PartiQL, backups, exports and imports, global tables, bulk operations and vectors.

use super::{EnumOrder, Handwritten, LeftOut, Member, Service};

/// The type of attribute values, which streams have as well.
pub(super) const ATTRIBUTE_VALUE: Handwritten = Handwritten {
    shape: "AttributeValue",
    path: "crate::aws::dynamodb::attribute_value",
    reason: "it holds one of ten, and itself: ten members that are nearly always absent would cost too much",
};

const GLOBAL_TABLES: &str = "of global tables, which are not offered";
const VECTORS: &str = "vector indexes are refused whatever they say";
const OTHER_WORDS: &str = "recorded from AWS";

pub(super) const DYNAMODB: Service = Service {
    id: "DynamoDB",
    model: "dynamodb-2012-08-10.json",
    operations: &[
        "BatchGetItem",
        "BatchWriteItem",
        "CreateTable",
        "DeleteItem",
        "DeleteResourcePolicy",
        "DeleteTable",
        "DescribeContinuousBackups",
        "DescribeEndpoints",
        "DescribeKinesisStreamingDestination",
        "DescribeLimits",
        "DescribeTable",
        "DescribeTimeToLive",
        "DisableKinesisStreamingDestination",
        "EnableKinesisStreamingDestination",
        "GetItem",
        "GetResourcePolicy",
        "ListTables",
        "ListTagsOfResource",
        "PutItem",
        "PutResourcePolicy",
        "Query",
        "Scan",
        "TagResource",
        "TransactGetItems",
        "TransactWriteItems",
        "UntagResource",
        "UpdateContinuousBackups",
        "UpdateItem",
        "UpdateKinesisStreamingDestination",
        "UpdateTable",
        "UpdateTimeToLive",
    ],
    left_out: &[
        LeftOut {
            structure: "CreateTableInput",
            members: &["GlobalTableSourceArn", "GlobalTableSettingsReplicationMode"],
            reason: GLOBAL_TABLES,
        },
        LeftOut {
            structure: "UpdateTableInput",
            members: &[
                "ReplicaUpdates",
                "MultiRegionConsistency",
                "GlobalTableWitnessUpdates",
                "GlobalTableSettingsReplicationMode",
                "DisassociationProtectionEnabled",
            ],
            reason: GLOBAL_TABLES,
        },
        LeftOut {
            structure: "TableDescription",
            members: &[
                "GlobalTableVersion",
                "Replicas",
                "GlobalTableWitnesses",
                "GlobalTableSettingsReplicationMode",
                "RestoreSummary",
                "ArchivalSummary",
                "DisassociationProtectionEnabled",
                "MultiRegionConsistency",
                "VectorIndexes",
            ],
            reason: "of global tables, backups and vectors, none of which are offered",
        },
        LeftOut {
            structure: "VectorIndex",
            members: &[
                "IndexName",
                "VectorAttribute",
                "SearchSchema",
                "Projection",
                "Dimensions",
                "DistanceFunction",
            ],
            reason: VECTORS,
        },
        LeftOut { structure: "VectorIndexUpdate", members: &["Create", "Delete"], reason: VECTORS },
        LeftOut { structure: "ConsumedCapacity", members: &["VectorIndexes"], reason: VECTORS },
    ],
    handwritten: &[ATTRIBUTE_VALUE],
    output: "server/src/aws/dynamodb/generated",
    handler_trait: "DynamoDbService",
    java_package: "com.amazonaws.dynamodb.v20120810",
    // A value of 32 levels has 64 lists and maps, and stands in at most six more; what is deeper than that is
    // refused in AWS's words, up to here.
    nesting_max: 128,
    words: "DynamoDb",
    unbuilt: "ProtocolError::UnknownOperation",
    enum_orders: &[EnumOrder {
        shape: "ScalarAttributeType",
        order: &["B", "N", "S"],
        reason: "recorded from AWS",
    }],
    shown_patterns: &[],
    optional_members: &[],
    demanded_members: &[
        Member { structure: "CreateTableInput", member: "TableName", reason: OTHER_WORDS },
        Member { structure: "DeleteTableInput", member: "TableName", reason: OTHER_WORDS },
        Member { structure: "DescribeTableInput", member: "TableName", reason: OTHER_WORDS },
        Member { structure: "UpdateTableInput", member: "TableName", reason: OTHER_WORDS },
        Member { structure: "DescribeTimeToLiveInput", member: "TableName", reason: OTHER_WORDS },
    ],
    omitted_members: &[],
    subjects: &["TableName", "ResourceArn", "StreamArn"],
};
