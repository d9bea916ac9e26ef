//! Modes, warm throughput, record size, distribution, and the account that some of it needs.

use serde_json::{Value, json};

use super::{SOME, Steps, arn};
use millstream_tests::told::Client;

impl<C: Client> Steps<C> {
    pub(super) fn capacity(&mut self) {
        let commitment = |settings: Value| json!({ "MinimumThroughputBillingCommitment": settings });
        let disabled = commitment(json!({ "Status": "DISABLED", "StartedAt": null }));
        self.call("DescribeAccountSettings", &json!({}), &disabled);
        let enabled =
            json!({ "Status": "ENABLED", "StartedAt": SOME, "EarliestAllowedEndAt": SOME, "EndedAt": null });
        let enable = commitment(json!({ "Status": "ENABLED" }));
        self.call("UpdateAccountSettings", &enable, &commitment(enabled));

        let stream = arn("orders");
        let mode = |mode: &str| json!({ "StreamARN": stream, "StreamModeDetails": { "StreamMode": mode } });
        self.refused("UpdateStreamMode", &mode("PROVISIONED"), "ValidationException");
        self.tell("UpdateStreamMode", &mode("ON_DEMAND"));
        let warm = json!({
            "StreamARN": stream, "StreamName": "orders", "WarmThroughput": { "TargetMiBps": 3, "CurrentMiBps": 2 },
        });
        let ask = json!({ "StreamName": "orders", "WarmThroughputMiBps": 3 });
        self.call("UpdateStreamWarmThroughput", &ask, &warm);
        self.tell("UpdateMaxRecordSize", &json!({ "StreamARN": stream, "MaxRecordSizeInKiB": 2048 }));
        let summary = json!({
            "StreamModeDetails": { "StreamMode": "ON_DEMAND" }, "OpenShardCount": 3, "MaxRecordSizeInKiB": 2048,
            "WarmThroughput": { "TargetMiBps": 3, "CurrentMiBps": 3 },
        });
        let named = json!({ "StreamName": "orders" });
        self.call("DescribeStreamSummary", &named, &json!({ "StreamDescriptionSummary": summary }));
        self.distribution(&named, &stream);
    }

    fn distribution(&mut self, named: &Value, stream: &str) {
        let spread = |strategy: &str| json!({ "StreamARN": stream, "RecordDistributionStrategy": strategy });
        self.tell("UpdateStreamRecordDistributionStrategy", &spread("AUTO"));
        // A client that cannot set it does not show it either.
        if self.walk.is_missing("UpdateStreamRecordDistributionStrategy") {
            return;
        }
        let summary = json!({ "RecordDistributionStrategy": "AUTO" });
        self.call("DescribeStreamSummary", named, &json!({ "StreamDescriptionSummary": summary }));
    }
}
