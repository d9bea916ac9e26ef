//! What is refused of PutMetricData beyond what its model says.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::generated::{Input, Operation};
use super::service::put_metric_data;
use crate::aws::codec::{ApiError, Format};
use crate::metrics::ReportedMetrics;

fn put(body: &Json) -> Result<(), ApiError> {
    let body = Bytes::from(body.to_string());
    let Input::PutMetricData(input) = Input::decode(Operation::PutMetricData, Format::Json, &body)?;
    put_metric_data(&ReportedMetrics::default(), Duration::ZERO, input)
}

fn code(body: &Json) -> &'static str {
    put(body).map_or_else(|error| error.code(), |()| "")
}

fn datum(members: Json) -> Json {
    let mut datum = members;
    datum["MetricName"] = json!("m");
    json!({"Namespace": "app", "MetricData": [datum]})
}

#[test]
fn values_come_in_one_of_three_forms() {
    let statistics = json!({"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1});
    for (members, expected) in [
        (json!({"Value": 1}), ""),
        (json!({"Value": "1.5"}), ""),
        (json!({"StatisticValues": statistics}), ""),
        (json!({"Values": [1, 2], "Counts": [1, 2]}), ""),
        (json!({"Values": [1, 2], "Counts": [1]}), "InvalidParameterCombinationException"),
        (json!({"Values": []}), "InvalidParameterValueException"),
        (json!({"Values": vec![1; 151]}), "InvalidParameterValueException"),
        (json!({"Values": [1], "Counts": [0]}), "InvalidParameterValueException"),
        (json!({"Value": 1, "StatisticValues": statistics}), "InvalidParameterCombinationException"),
        (json!({"Value": 1, "StorageResolution": 2}), "InvalidParameterValueException"),
        (json!({}), "MissingRequiredParameterException"),
        (json!({"Value": "NaN"}), "SerializationException"),
    ] {
        assert_eq!(code(&datum(members.clone())), expected, "{members}");
    }
    let none = json!({"SampleCount": 0, "Sum": 1, "Minimum": 1, "Maximum": 1});
    assert_eq!(code(&datum(json!({"StatisticValues": none}))), "InvalidParameterValueException");
}

#[test]
fn requests_are_bounded() {
    let metrics = |count: usize| {
        let data: Json = (0..count).map(|_| json!({"MetricName": "m", "Value": 1})).collect();
        json!({"Namespace": "app", "MetricData": data})
    };
    assert_eq!(code(&metrics(1000)), "");
    assert_eq!(code(&metrics(1001)), "InvalidParameterValueException");
    assert_eq!(
        code(&json!({"Namespace": "AWS/Kinesis", "MetricData": []})),
        "InvalidParameterValueException"
    );
    assert_eq!(code(&json!({"Namespace": "app"})), "MissingRequiredParameterException");
    assert_eq!(code(&json!({"Namespace": ":app", "MetricData": []})), "ValidationException");
    let dimensions: Json = (0..31).map(|_| json!({"Name": "n", "Value": "v"})).collect();
    assert_eq!(code(&datum(json!({"Value": 1, "Dimensions": dimensions}))), "ValidationException");
    let entity = json!({"Namespace": "app", "EntityMetricData": [
        {"Entity": {"KeyAttributes": {"a": "b"}}, "MetricData": [{"MetricName": "m", "Value": 1}]},
    ]});
    assert_eq!(code(&entity), "");
}
