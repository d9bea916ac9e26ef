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

KEYS_ARE_THERE = "the keys are the server's own, and do not go away"

# operation: {path: why no call that succeeds has it}
NOT_SENT = {
    # Refused where anything is to be returned that there is not.
    "PutItem": {f"ReturnValues={value}": "ALL_OLD or NONE" for value in ("UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")},
    "DeleteItem": {f"ReturnValues={value}": "ALL_OLD or NONE" for value in ("UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")},
}

# operation: {path: why no answer has it}
NOT_ANSWERED = {
    operation: {f"{member}.SSEDescription.InaccessibleEncryptionDateTime": KEYS_ARE_THERE}
    for operation, member in [
        ("CreateTable", "TableDescription"),
        ("DeleteTable", "TableDescription"),
        ("DescribeTable", "Table"),
        ("UpdateTable", "TableDescription"),
    ]
}
