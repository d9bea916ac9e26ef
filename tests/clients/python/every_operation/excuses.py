"""Members of the model that are never seen, each with the reason. One that is seen all the same is a failure."""

STREAM_ID = "an SDK that is told one sends its requests to AWS, whatever its endpoint"
NOTHING_TO_START = "there is nothing to start or stop with it"
NO_CHANNELS = "there are no channels"

# operation: {path: why no call that succeeds has it}
NOT_SENT = {
    "CreateStream": {
        "RecordDistributionStrategy=AUTO": "not built yet",
        "WarmThroughputMiBps": "not built yet",
    },
    "StartStreamEncryption": {"EncryptionType=NONE": NOTHING_TO_START},
    "StopStreamEncryption": {"EncryptionType=NONE": NOTHING_TO_START},
}

# operation: {path: why no answer has it}
NOT_ANSWERED = {
    "DescribeLimits": {"ChannelCount": NO_CHANNELS, "ChannelCountLimit": NO_CHANNELS},
    "DescribeStreamSummary": {
        "StreamDescriptionSummary.StreamId": STREAM_ID,
        "StreamDescriptionSummary.WarmThroughput": "not built yet",
        "StreamDescriptionSummary.WarmThroughput.TargetMiBps": "not built yet",
        "StreamDescriptionSummary.WarmThroughput.CurrentMiBps": "not built yet",
    },
}
