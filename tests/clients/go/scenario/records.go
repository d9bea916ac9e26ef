package main

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// The call failed with the client's own type for this error, and with this text in its message.
func refused[E interface {
	error
	ErrorMessage() string
}](err error, text string) {
	var expected E
	require(errors.As(err, &expected), "%v is not %T", err, expected)
	require(strings.Contains(expected.ErrorMessage(), text), "%v does not say %s", err, text)
	var response *awshttp.ResponseError
	require(errors.As(err, &response), "%v has no response", err)
	equal(response.HTTPStatusCode(), http.StatusBadRequest)
	require(response.ServiceRequestID() != "", "%v has no request id", err)
}

func (s *scenario) iterator(name, shard string, kind types.ShardIteratorType, input kinesis.GetShardIteratorInput) *string {
	input.StreamName, input.ShardId, input.ShardIteratorType = &name, &shard, kind
	return must(s.client.GetShardIterator(s.context, &input)).ShardIterator
}

// Reads on until so many records are there, and no more.
func (s *scenario) read(count int, input kinesis.GetRecordsInput) ([]types.Record, *kinesis.GetRecordsOutput) {
	var records []types.Record
	for {
		page := must(s.client.GetRecords(s.context, &input))
		records = append(records, page.Records...)
		input.ShardIterator = page.NextShardIterator
		if len(records) >= count {
			equal(len(records), count)
			return records, page
		}
	}
}

func (s *scenario) putRecord() {
	shards := must(s.client.ListShards(s.context, &kinesis.ListShardsInput{StreamName: &s.stream})).Shards
	newest := map[string]*big.Int{}
	keys := []string{"ключ", strings.Repeat("k", 256)}
	for index := range 12 {
		keys = append(keys, fmt.Sprintf("N%d", index))
	}
	for _, key := range keys {
		digest := md5.Sum([]byte(key))
		place, expected := new(big.Int).SetBytes(digest[:]), ""
		for _, shard := range shards {
			if number(shard.HashKeyRange.StartingHashKey).Cmp(place) <= 0 {
				expected = *shard.ShardId
			}
		}
		put := must(s.client.PutRecord(s.context, &kinesis.PutRecordInput{
			StreamName: &s.stream, PartitionKey: &key, Data: []byte(key),
		}))
		equal(*put.ShardId, expected)
		equal(put.EncryptionType, "")
		if before, ok := newest[expected]; ok {
			require(number(put.SequenceNumber).Cmp(before) > 0, "sequence numbers fall")
		}
		newest[expected] = number(put.SequenceNumber)
	}
	equal(len(newest), 3)
	for _, shard := range shards {
		put := must(s.client.PutRecord(s.context, &kinesis.PutRecordInput{
			StreamName: &s.stream, PartitionKey: aws.String("explicit"), Data: []byte("explicit"),
			ExplicitHashKey:           shard.HashKeyRange.StartingHashKey,
			SequenceNumberForOrdering: aws.String(newest[*shard.ShardId].String()),
		}))
		equal(*put.ShardId, *shard.ShardId)
		require(number(put.SequenceNumber).Cmp(newest[*shard.ShardId]) > 0, "sequence numbers fall")
	}
}

func lastHashKey() *string {
	last := new(big.Int).Lsh(big.NewInt(1), 128)
	return aws.String(last.Sub(last, big.NewInt(1)).String())
}

func (s *scenario) putRecords() {
	large := bytes.Repeat(s.binaryData[3], mib/256)[:mib-5]
	var entries []types.PutRecordsRequestEntry
	for index, data := range s.binaryData {
		entries = append(entries, types.PutRecordsRequestEntry{
			Data: data, PartitionKey: &s.binaryKeys[index], ExplicitHashKey: aws.String("0"),
		})
	}
	entries = append(entries, types.PutRecordsRequestEntry{
		Data: large, PartitionKey: aws.String("large"), ExplicitHashKey: lastHashKey(),
	})
	put := must(s.client.PutRecords(s.context, &kinesis.PutRecordsInput{StreamName: &s.binary, Records: entries}))
	equal(*put.FailedRecordCount, 0)
	for index, result := range put.Records {
		equal(*result.ShardId, s.shards[index/len(s.binaryData)])
	}
	start := s.iterator(s.binary, s.shards[1], types.ShardIteratorTypeTrimHorizon, kinesis.GetShardIteratorInput{})
	records, _ := s.read(1, kinesis.GetRecordsInput{ShardIterator: start})
	require(bytes.Equal(records[0].Data, large), "the large record changed")
}

func (s *scenario) getRecords() {
	start := func(kind types.ShardIteratorType, input kinesis.GetShardIteratorInput) kinesis.GetRecordsInput {
		return kinesis.GetRecordsInput{ShardIterator: s.iterator(s.binary, s.shards[0], kind, input)}
	}
	horizon := start(types.ShardIteratorTypeTrimHorizon, kinesis.GetShardIteratorInput{})
	horizon.Limit = aws.Int32(3)
	records, page := s.read(5, horizon)
	equal(*page.MillisBehindLatest, 0)
	var numbers []string
	for index, record := range records {
		require(bytes.Equal(record.Data, s.binaryData[index]), "record %d changed: %v", index, record.Data)
		equal(*record.PartitionKey, s.binaryKeys[index])
		equal(record.EncryptionType, "")
		isRecent(record.ApproximateArrivalTimestamp)
		numbers = append(numbers, *record.SequenceNumber)
	}
	check := func(from kinesis.GetRecordsInput, expected []string) {
		found, _ := s.read(len(expected), from)
		for index, record := range found {
			equal(*record.SequenceNumber, expected[index])
		}
	}
	third := kinesis.GetShardIteratorInput{StartingSequenceNumber: &numbers[2]}
	check(start(types.ShardIteratorTypeAtSequenceNumber, third), numbers[2:])
	check(start(types.ShardIteratorTypeAfterSequenceNumber, third), numbers[3:])
	arrival := kinesis.GetShardIteratorInput{Timestamp: records[0].ApproximateArrivalTimestamp}
	check(start(types.ShardIteratorTypeAtTimestamp, arrival), numbers)
	// On the other shard: one gives records five times a second.
	latest := s.iterator(s.binary, s.shards[1], types.ShardIteratorTypeLatest, kinesis.GetShardIteratorInput{})
	put := must(s.client.PutRecord(s.context, &kinesis.PutRecordInput{
		StreamName: &s.binary, PartitionKey: aws.String("late"), ExplicitHashKey: lastHashKey(), Data: []byte("late"),
	}))
	check(kinesis.GetRecordsInput{ShardIterator: latest}, []string{*put.SequenceNumber})
}

func (s *scenario) byARN() {
	put := must(s.client.PutRecord(s.context, &kinesis.PutRecordInput{
		StreamARN: &s.arn, PartitionKey: aws.String("by-arn"), Data: []byte("by ARN"),
	}))
	equal(len(must(s.client.ListShards(s.context, &kinesis.ListShardsInput{StreamARN: &s.arn})).Shards), 3)
	start := must(s.client.GetShardIterator(s.context, &kinesis.GetShardIteratorInput{
		StreamARN: &s.arn, ShardId: put.ShardId, StartingSequenceNumber: put.SequenceNumber,
		ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber,
	}))
	records, _ := s.read(1, kinesis.GetRecordsInput{StreamARN: &s.arn, ShardIterator: start.ShardIterator})
	equal(string(records[0].Data), "by ARN")
}

func (s *scenario) errors() {
	_, err := s.client.DescribeStream(s.context, &kinesis.DescribeStreamInput{StreamName: aws.String("nothing")})
	refused[*types.ResourceNotFoundException](err, "Stream nothing under account "+account+" not found.")
	again := kinesis.CreateStreamInput{StreamName: &s.stream, ShardCount: aws.Int32(1)}
	_, err = s.client.CreateStream(s.context, &again)
	refused[*types.ResourceInUseException](err, "Stream "+s.stream+" under account "+account+" already exists.")
	longer := kinesis.DecreaseStreamRetentionPeriodInput{StreamName: &s.stream, RetentionPeriodHours: aws.Int32(25)}
	_, err = s.client.DecreaseStreamRetentionPeriod(s.context, &longer)
	refused[*types.InvalidArgumentException](err, "can not be longer than existing retention period (24 hours)")
	_, err = s.client.GetShardIterator(s.context, &kinesis.GetShardIteratorInput{
		StreamName: &s.stream, ShardId: &s.shards[0], StartingSequenceNumber: aws.String("123"),
		ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber,
	})
	other := "Invalid StartingSequenceNumber. It encodes shardId-000000000123, while it was used in a call to a shard"
	refused[*types.InvalidArgumentException](err, other)
	_, err = s.client.GetRecords(s.context, &kinesis.GetRecordsInput{ShardIterator: aws.String("AAAA")})
	refused[*types.InvalidArgumentException](err, "Invalid ShardIterator.")
	key := strings.Repeat("k", 257)
	_, err = s.client.PutRecord(s.context, &kinesis.PutRecordInput{StreamName: &s.stream, PartitionKey: &key, Data: []byte{}})
	refused[*types.ValidationException](err, "Value '"+key+"' at 'partitionKey' failed to satisfy constraint")
}

func (s *scenario) throttles() {
	must(s.client.CreateStream(s.context, &kinesis.CreateStreamInput{StreamName: &s.busy, ShardCount: aws.Int32(1)}))
	s.waitUntilExists(s.busy)
	text := "Rate exceeded for shard " + s.shards[0] + " in stream " + s.busy + " under account " + account + "."
	var entries []types.PutRecordsRequestEntry
	for range 3 {
		entries = append(entries, types.PutRecordsRequestEntry{Data: make([]byte, 700_000), PartitionKey: aws.String("k")})
	}
	put := must(s.impatient.PutRecords(s.context, &kinesis.PutRecordsInput{StreamName: &s.busy, Records: entries}))
	equal(*put.FailedRecordCount, 2)
	require(put.Records[0].ErrorCode == nil && put.Records[0].SequenceNumber != nil, "the first record failed")
	for _, result := range put.Records[1:] {
		equal(*result.ErrorCode, "ProvisionedThroughputExceededException")
		equal(*result.ErrorMessage, text)
		require(result.SequenceNumber == nil, "a refused record has a number")
	}
	var err error
	// Several, for a slow machine leaves the shard time to recover.
	for count := 0; count < 10 && err == nil; count++ {
		_, err = s.impatient.PutRecord(s.context, &kinesis.PutRecordInput{
			StreamName: &s.busy, PartitionKey: aws.String("k"), Data: make([]byte, 1_000_000),
		})
	}
	refused[*types.ProvisionedThroughputExceededException](err, text)
}
