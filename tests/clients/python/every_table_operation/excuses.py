"""Members of the model that are never seen, each with the reason. One that is seen all the same is a failure."""

# What these names stand for does not exist on one machine: nothing of it is sent or answered.
FOREIGN = {
    # Tables in several regions.
    "DisassociationProtectionEnabled", "GlobalTableSettingsReplicationMode", "GlobalTableSourceArn",
    "GlobalTableVersion", "GlobalTableWitnesses", "GlobalTableWitnessUpdates", "MultiRegionConsistency", "Replicas",
    "ReplicaUpdates", "GlobalTableDisassociationProtectionEnabled",
    # Indexes of vectors.
    "VectorIndexes", "VectorIndexUpdates", "SearchSchema",
    # Tables that were archived or restored.
    "ArchivalSummary", "RestoreSummary",
}

RETURNED = "a put and a delete return ALL_OLD or NONE"
NOT_BY_KEY = "no key is found by it"
REFUSED = "AWS knows it and refuses it"
UNTHROTTLED = "nothing is throttled, so that all is processed"

# operation: {path: why no call that succeeds has it}
NOT_SENT = {
    **{
        operation: {f"ReturnValues={value}": RETURNED for value in ("UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")}
        for operation in ("PutItem", "DeleteItem")
    },
    **{
        operation: {"SSESpecification.SSEType=AES256": REFUSED} for operation in ("CreateTable", "UpdateTable")
    },
    "Query": {
        f"KeyConditions{{}}.ComparisonOperator={operator}": NOT_BY_KEY
        for operator in ("NE", "IN", "NULL", "NOT_NULL", "CONTAINS", "NOT_CONTAINS")
    },
}

# structure and member: why no answer has it
PARTS_NOT_ANSWERED = {
    "SSEDescription.InaccessibleEncryptionDateTime": "the keys are the server's own, and do not go away",
    "KinesisDataStreamDestination.DestinationStatusDescription": "no destination fails",
    "WriteRequest.PutRequest": UNTHROTTLED,
    "WriteRequest.DeleteRequest": UNTHROTTLED,
    "PutRequest.Item": UNTHROTTLED,
    "DeleteRequest.Key": UNTHROTTLED,
    "KeysAndAttributes.AttributesToGet": "it stands in place of what is asked for again",
}
