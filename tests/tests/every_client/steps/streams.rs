//! Streams: created, described, listed, kept longer, deleted; and records in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{SOME, Steps, arn, shard};
use millstream_tests::told::Client;

const TOP: &str = "340282366920938463463374607431768211455";

impl<C: Client> Steps<C> {
    pub(super) fn create(&mut self) {
        let stream = json!({ "StreamName": "orders" });
        self.tell(
            "CreateStream",
            &json!({ "StreamName": "orders", "ShardCount": 1, "Tags": { "team": "a" } }),
        );
        let known = json!({
            "StreamName": "orders", "StreamARN": arn("orders"), "StreamStatus": "ACTIVE",
            "StreamModeDetails": { "StreamMode": "PROVISIONED" }, "RetentionPeriodHours": 24,
            "StreamCreationTimestamp": SOME, "EncryptionType": "NONE",
            "EnhancedMonitoring": [{ "ShardLevelMetrics": [] }],
        });
        let (mut description, mut summary) = (known.clone(), known);
        description["HasMoreShards"] = false.into();
        description["Shards"] = json!([{
            "ShardId": shard(0), "HashKeyRange": { "StartingHashKey": "0", "EndingHashKey": TOP },
            "SequenceNumberRange": { "StartingSequenceNumber": SOME },
        }]);
        summary["OpenShardCount"] = 1.into();
        summary["ConsumerCount"] = 0.into();
        summary["MaxRecordSizeInKiB"] = 1024.into();
        self.call("DescribeStream", &stream, &json!({ "StreamDescription": description }));
        self.call("DescribeStreamSummary", &stream, &json!({ "StreamDescriptionSummary": summary }));
        self.refused("DescribeStream", &json!({ "StreamName": "missing" }), "ResourceNotFoundException");
    }

    pub(super) fn list(&mut self) {
        self.tell("CreateStream", &json!({ "StreamName": "other", "ShardCount": 2 }));
        let summary = |name: &str| {
            json!({
                "StreamName": name, "StreamARN": arn(name), "StreamStatus": "ACTIVE", "StreamCreationTimestamp": SOME,
                "StreamModeDetails": { "StreamMode": "PROVISIONED" },
            })
        };
        let first = json!({
            "StreamNames": ["orders"], "HasMoreStreams": true, "NextToken": SOME,
            "StreamSummaries": [summary("orders")],
        });
        let shown = self.call("ListStreams", &json!({ "Limit": 1 }), &first);
        let rest = json!({
            "StreamNames": ["other"], "HasMoreStreams": false, "StreamSummaries": [summary("other")],
        });
        self.call("ListStreams", &json!({ "NextToken": shown["NextToken"] }), &rest);
        let filter = json!({ "StreamName": "other", "ShardFilter": { "Type": "AFTER_SHARD_ID", "ShardId": shard(0) } });
        let found = json!({ "Shards": [{ "ShardId": shard(1), "HashKeyRange": { "EndingHashKey": TOP } }] });
        self.call("ListShards", &filter, &found);
        let limits = json!({
            "ShardLimit": SOME, "OpenShardCount": 3, "OnDemandStreamCount": 0, "OnDemandStreamCountLimit": SOME,
        });
        self.call("DescribeLimits", &json!({}), &limits);
    }

    pub(super) fn retention_and_monitoring(&mut self) {
        self.tell(
            "IncreaseStreamRetentionPeriod",
            &json!({ "StreamName": "orders", "RetentionPeriodHours": 48 }),
        );
        let summary = json!({ "StreamDescriptionSummary": { "RetentionPeriodHours": 48 } });
        self.call("DescribeStreamSummary", &json!({ "StreamName": "orders" }), &summary);
        self.tell(
            "DecreaseStreamRetentionPeriod",
            &json!({ "StreamName": "orders", "RetentionPeriodHours": 24 }),
        );
        for (operation, before, after) in [
            ("EnableEnhancedMonitoring", json!([]), json!(["IncomingBytes"])),
            ("DisableEnhancedMonitoring", json!(["IncomingBytes"]), json!([])),
        ] {
            let change = json!({ "StreamName": "orders", "ShardLevelMetrics": ["IncomingBytes"] });
            let answer = json!({
                "StreamName": "orders", "StreamARN": arn("orders"), "CurrentShardLevelMetrics": before,
                "DesiredShardLevelMetrics": after,
            });
            self.call(operation, &change, &answer);
        }
    }

    pub(super) fn encryption(&mut self) {
        let key = json!({ "StreamName": "orders", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis" });
        self.tell("StartStreamEncryption", &key);
        let record = json!({
            "StreamName": "orders", "PartitionKey": "k", "Data": BASE64.encode("secret"), "ExplicitHashKey": "7",
        });
        let put = json!({ "ShardId": shard(0), "SequenceNumber": SOME, "EncryptionType": "KMS" });
        self.call("PutRecord", &record, &put);
        self.tell("StopStreamEncryption", &key);
    }

    pub(super) fn records(&mut self) {
        let entries = json!([
            { "PartitionKey": "k", "Data": BASE64.encode("first") },
            { "PartitionKey": "größe", "Data": BASE64.encode("second") },
        ]);
        let put = json!({ "ShardId": shard(0), "SequenceNumber": SOME });
        let answer = json!({ "FailedRecordCount": 0, "Records": [put, put] });
        let put = self.call("PutRecords", &json!({ "StreamName": "orders", "Records": entries }), &answer);
        let start =
            json!({ "StreamName": "orders", "ShardId": shard(0), "ShardIteratorType": "TRIM_HORIZON" });
        let start = self.call("GetShardIterator", &start, &json!({ "ShardIterator": SOME }));
        let record = |data: &str, key: &str, number: &Value| {
            json!({
                "Data": BASE64.encode(data), "PartitionKey": key, "SequenceNumber": number,
                "ApproximateArrivalTimestamp": SOME,
            })
        };
        let mut secret = record("secret", "k", &SOME.into());
        secret["EncryptionType"] = "KMS".into();
        let page = json!({
            "Records": [
                secret,
                record("first", "k", &put["Records"][0]["SequenceNumber"]),
                record("second", "größe", &put["Records"][1]["SequenceNumber"]),
            ],
            "NextShardIterator": SOME, "MillisBehindLatest": 0,
        });
        self.call("GetRecords", &json!({ "ShardIterator": start["ShardIterator"], "Limit": 100 }), &page);
    }

    pub(super) fn delete(&mut self) {
        let stream = json!({ "StreamName": "orders", "EnforceConsumerDeletion": true });
        self.tell("DeleteStream", &stream);
        self.refused("DeleteStream", &stream, "ResourceNotFoundException");
    }
}
