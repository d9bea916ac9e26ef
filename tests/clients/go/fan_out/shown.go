package main

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

type failure struct {
	Class   string  `json:"class"`
	Code    *string `json:"code"`
	Message string  `json:"message"`
	Status  *int    `json:"status"`
}

type consumer struct {
	Name    string  `json:"name"`
	ARN     string  `json:"arn"`
	Status  string  `json:"status"`
	Created int64   `json:"created"`
	Stream  *string `json:"stream"`
}

type record struct {
	Number     string  `json:"number"`
	Key        string  `json:"key"`
	Data       []byte  `json:"data"`
	Arrival    int64   `json:"arrival"`
	Encryption *string `json:"encryption"`
}

type child struct {
	Shard   string   `json:"shard"`
	Parents []string `json:"parents"`
	Range   []string `json:"range"`
}

type event struct {
	Records      []record `json:"records"`
	Continuation *string  `json:"continuation"`
	Behind       int64    `json:"behind"`
	Children     []child  `json:"children"`
}

// How the SDK shows a failure; an error that the model knows has a type of its own.
func shownFailure(err error) failure {
	shown := failure{Message: err.Error()}
	var refused smithy.APIError
	innermost := err
	if errors.As(err, &refused) {
		innermost = refused
		shown.Code, shown.Message = aws.String(refused.ErrorCode()), refused.ErrorMessage()
	} else {
		for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
			innermost = next
		}
	}
	shown.Class = fmt.Sprintf("%T", innermost)
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		shown.Status = aws.Int(response.HTTPStatusCode())
	}
	return shown
}

func shownConsumer(found types.Consumer) consumer {
	return consumer{
		Name:    *found.ConsumerName,
		ARN:     *found.ConsumerARN,
		Status:  string(found.ConsumerStatus),
		Created: found.ConsumerCreationTimestamp.UnixMilli(),
	}
}

func shownDescription(found types.ConsumerDescription) consumer {
	return consumer{
		Name:    *found.ConsumerName,
		ARN:     *found.ConsumerARN,
		Status:  string(found.ConsumerStatus),
		Created: found.ConsumerCreationTimestamp.UnixMilli(),
		Stream:  found.StreamARN,
	}
}

func shownEvent(found types.SubscribeToShardEvent) event {
	shown := event{
		Records:      []record{},
		Continuation: found.ContinuationSequenceNumber,
		Behind:       *found.MillisBehindLatest,
		Children:     []child{},
	}
	for _, r := range found.Records {
		shown.Records = append(shown.Records, shownRecord(r))
	}
	for _, c := range found.ChildShards {
		shown.Children = append(shown.Children, child{
			Shard:   *c.ShardId,
			Parents: c.ParentShards,
			Range:   []string{*c.HashKeyRange.StartingHashKey, *c.HashKeyRange.EndingHashKey},
		})
	}
	return shown
}

func shownRecord(found types.Record) record {
	shown := record{
		Number:  *found.SequenceNumber,
		Key:     *found.PartitionKey,
		Data:    found.Data,
		Arrival: found.ApproximateArrivalTimestamp.UnixMilli(),
	}
	if found.EncryptionType != "" {
		shown.Encryption = aws.String(string(found.EncryptionType))
	}
	return shown
}
