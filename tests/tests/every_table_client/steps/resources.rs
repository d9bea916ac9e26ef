//! What tables have beside their items: a time to live, tags, backups, policies; and the account.

use serde_json::json;

use super::{NOT_FOUND, SOME, Steps, VALIDATION, arn};
use millstream_tests::told::Client;

const NO_SUCH_TABLE: &str = "Requested resource not found: Table: missing not found";

impl<C: Client> Steps<C> {
    pub(super) fn account(&mut self) {
        let limits = json!({
            "AccountMaxReadCapacityUnits": 80_000, "AccountMaxWriteCapacityUnits": 80_000,
            "TableMaxReadCapacityUnits": 40_000, "TableMaxWriteCapacityUnits": 40_000,
        });
        self.call("DescribeLimits", &json!({}), &limits);
        let endpoint = json!({ "Address": SOME, "CachePeriodInMinutes": 1440 });
        self.call("DescribeEndpoints", &json!({}), &json!({ "Endpoints": [endpoint] }));
    }

    pub(super) fn times_to_live(&mut self) {
        let table = json!({ "TableName": "leases" });
        let off =
            json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "DISABLED", "AttributeName": null } });
        self.call("DescribeTimeToLive", &table, &off);
        let on = json!({ "Enabled": true, "AttributeName": "expires" });
        let update = json!({ "TableName": "leases", "TimeToLiveSpecification": on });
        self.call("UpdateTimeToLive", &update, &json!({ "TimeToLiveSpecification": on }));
        let described = json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "expires" });
        self.call_until("DescribeTimeToLive", &table, &json!({ "TimeToLiveDescription": described }));
        self.refused("UpdateTimeToLive", &update, VALIDATION, "TimeToLive is already enabled");
        self.refused("DescribeTimeToLive", &json!({ "TableName": "missing" }), NOT_FOUND, NO_SUCH_TABLE);
    }

    pub(super) fn tags(&mut self) {
        let resource = json!({ "ResourceArn": arn("leases") });
        let tags = json!([{ "Key": "env", "Value": "" }]);
        self.tell("TagResource", &json!({ "ResourceArn": arn("leases"), "Tags": tags }));
        let both = json!([{ "Key": "team", "Value": "a" }, { "Key": "env", "Value": "" }]);
        self.call("ListTagsOfResource", &resource, &json!({ "Tags": super::in_any_order(both) }));
        self.tell("UntagResource", &json!({ "ResourceArn": arn("leases"), "TagKeys": ["team"] }));
        self.call("ListTagsOfResource", &resource, &json!({ "Tags": tags }));
        let missing = json!({ "ResourceArn": arn("missing") });
        let text = format!("Requested resource not found: ResourcArn: {} not found", arn("missing"));
        self.refused("ListTagsOfResource", &missing, NOT_FOUND, &text);
        let none = json!({ "ResourceArn": arn("leases"), "Tags": [] });
        self.refused("TagResource", &none, VALIDATION, "Atleast one Tag needs to be provided as Input.");
        let none = json!({ "ResourceArn": arn("leases"), "TagKeys": [] });
        self.refused(
            "UntagResource",
            &none,
            VALIDATION,
            "Atleast one Tag Key needs to be provided as Input.",
        );
    }

    pub(super) fn backups(&mut self) {
        let table = json!({ "TableName": "leases" });
        let description = |recovery| {
            json!({
                "ContinuousBackupsDescription": {
                    "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery,
                }
            })
        };
        let off = description(json!({ "PointInTimeRecoveryStatus": "DISABLED" }));
        self.call("DescribeContinuousBackups", &table, &off);
        let on = json!({ "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 7 });
        let update = json!({ "TableName": "leases", "PointInTimeRecoverySpecification": on });
        let on = description(json!({
            "PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 7, "EarliestRestorableDateTime": SOME,
            "LatestRestorableDateTime": SOME,
        }));
        self.call("UpdateContinuousBackups", &update, &on);
        self.call("DescribeContinuousBackups", &table, &on);
        let missing = json!({ "TableName": "missing" });
        let text = "Table not found: missing";
        self.refused("DescribeContinuousBackups", &missing, "TableNotFoundException", text);
    }

    pub(super) fn policies(&mut self) {
        let resource = json!({ "ResourceArn": arn("leases") });
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": { "AWS": "123456789012" }, "Action": "dynamodb:GetItem",
                "Resource": arn("leases"),
            }],
        });
        let policy = policy.to_string();
        let put = json!({ "ResourceArn": arn("leases"), "Policy": policy });
        let put = self.call("PutResourcePolicy", &put, &json!({ "RevisionId": SOME }));
        let kept = json!({ "Policy": policy, "RevisionId": put["RevisionId"] });
        self.call("GetResourcePolicy", &resource, &kept);
        let delete = json!({ "ResourceArn": arn("leases"), "ExpectedRevisionId": put["RevisionId"] });
        self.tell("DeleteResourcePolicy", &delete);
        let code = "PolicyNotFoundException";
        self.walk.refused(super::service("GetResourcePolicy"), "GetResourcePolicy", &resource, code);
    }
}
