//! The stream of Kinesis into which a table's changes go.

use serde_json::json;

use super::{NOT_FOUND, Steps};
use crate::CHANGES;
use millstream_tests::told::Client;

const PRECISION: &str = "ApproximateCreationDateTimePrecision";

impl<C: Client> Steps<C> {
    pub(super) fn destinations(&mut self) {
        let stream = format!("arn:aws:kinesis:us-east-1:000000000000:stream/{CHANGES}");
        let table = json!({ "TableName": "orders" });
        let named = json!({ "TableName": "orders", "StreamArn": stream });
        let described = |status: &str, precision: &str| {
            let destination =
                json!({ "StreamArn": stream, "DestinationStatus": status, PRECISION: precision });
            json!({ "TableName": "orders", "KinesisDataStreamDestinations": [destination] })
        };
        let enable = super::with(
            &named,
            &json!({ "EnableKinesisStreamingConfiguration": { PRECISION: "MILLISECOND" } }),
        );
        let answer = super::with(&enable, &json!({ "DestinationStatus": "ENABLING" }));
        self.call("EnableKinesisStreamingDestination", &enable, &answer);
        let describe = "DescribeKinesisStreamingDestination";
        self.call_until(describe, &table, &described("ACTIVE", "MILLISECOND"));
        let update = super::with(
            &named,
            &json!({ "UpdateKinesisStreamingConfiguration": { PRECISION: "MICROSECOND" } }),
        );
        let answer = super::with(&update, &json!({ "DestinationStatus": "UPDATING" }));
        self.call("UpdateKinesisStreamingDestination", &update, &answer);
        self.call_until(describe, &table, &described("ACTIVE", "MICROSECOND"));
        let answer = super::with(&named, &json!({ "DestinationStatus": "DISABLING" }));
        self.call("DisableKinesisStreamingDestination", &named, &answer);
        self.call_until(describe, &table, &described("DISABLED", "MICROSECOND"));
        let text = "Requested resource not found: Table: missing not found";
        self.refused(describe, &json!({ "TableName": "missing" }), NOT_FOUND, text);
    }
}
