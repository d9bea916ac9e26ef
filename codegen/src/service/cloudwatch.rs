//! Amazon CloudWatch, as far as clients report metrics to it.

use super::{LeftOut, Service};

pub(super) const CLOUDWATCH: Service = Service {
    id: "CloudWatch",
    model: "cloudwatch-2010-08-01.json",
    operations: &["PutMetricData"],
    left_out: &[
        LeftOut {
            structure: "MetricDatum",
            members: &["Timestamp"],
            reason: "who reads the metrics notes when; and each of the three protocols writes it in its own way",
        },
        LeftOut {
            structure: "EntityMetricData",
            members: &["Entity"],
            reason: "metrics are told apart by their dimensions alone",
        },
    ],
    handwritten: &[],
    output: "server/src/aws/cloudwatch/generated",
    handler_trait: "CloudWatchService",
    java_package: "com.amazonaws.cloudwatch",
    // The deepest input of the model has eight levels; the rest is room for members that AWS may add.
    nesting_max: 16,
    words: "CloudWatch",
    unbuilt: "Exception::InternalServiceFault",
    enum_orders: &[],
    shown_patterns: &[],
    optional_members: &[],
    demanded_members: &[],
    omitted_members: &[],
    subjects: &[],
};
