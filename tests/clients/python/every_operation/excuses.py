"""Members of the model that are never seen, each with the reason. One that is seen all the same is a failure."""

STREAM_ID = "an SDK that is told one sends its requests to AWS, whatever its endpoint"
NOTHING_TO_START = "there is nothing to start or stop with it"

# operation: {path: why no call that succeeds has it}
NOT_SENT = {
    "StartStreamEncryption": {"EncryptionType=NONE": NOTHING_TO_START},
    "StopStreamEncryption": {"EncryptionType=NONE": NOTHING_TO_START},
}

# operation: {path: why no answer has it}
NOT_ANSWERED = {
    "DescribeStreamSummary": {"StreamDescriptionSummary.StreamId": STREAM_ID},
}
