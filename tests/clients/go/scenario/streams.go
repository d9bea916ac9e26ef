package main

import (
	"math/big"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func isRecent(moment *time.Time) {
	require(moment != nil && time.Since(*moment).Abs() < time.Minute, "%v is not now", moment)
}

func number(text *string) *big.Int {
	require(text != nil, "a number is missing")
	value, ok := new(big.Int).SetString(*text, 10)
	require(ok, "%s is no number", *text)
	return value
}

func (s *scenario) waitUntilExists(name string) {
	waiter := kinesis.NewStreamExistsWaiter(s.client, func(options *kinesis.StreamExistsWaiterOptions) {
		options.MinDelay, options.MaxDelay = time.Second, time.Second
	})
	err := waiter.Wait(s.context, &kinesis.DescribeStreamInput{StreamName: &name}, 20*time.Second)
	require(err == nil, "%v", err)
}

func (s *scenario) summary() *types.StreamDescriptionSummary {
	input := kinesis.DescribeStreamSummaryInput{StreamName: &s.stream}
	return must(s.client.DescribeStreamSummary(s.context, &input)).StreamDescriptionSummary
}

func (s *scenario) create() {
	must(s.client.CreateStream(s.context, &kinesis.CreateStreamInput{StreamName: &s.stream, ShardCount: aws.Int32(3)}))
	status := s.summary().StreamStatus
	// ACTIVE already, where the machine is slow.
	require(status == types.StreamStatusCreating || status == types.StreamStatusActive, "%v", status)
	s.waitUntilExists(s.stream)
	must(s.client.CreateStream(s.context, &kinesis.CreateStreamInput{
		StreamName: &s.binary, ShardCount: aws.Int32(2), Tags: map[string]string{"kind": "binary"},
	}))
	s.waitUntilExists(s.binary)
}

func (s *scenario) describe() {
	found := must(s.client.DescribeStream(s.context, &kinesis.DescribeStreamInput{StreamName: &s.stream}))
	description, summary := found.StreamDescription, s.summary()
	equal(*description.StreamName, s.stream)
	equal(*description.StreamARN, s.arn)
	equal(*summary.StreamARN, s.arn)
	equal(description.StreamStatus, types.StreamStatusActive)
	equal(summary.StreamModeDetails.StreamMode, types.StreamModeProvisioned)
	equal(*description.RetentionPeriodHours, 24)
	equal(description.EncryptionType, types.EncryptionTypeNone)
	equal(summary.EncryptionType, types.EncryptionTypeNone)
	isRecent(description.StreamCreationTimestamp)
	isRecent(summary.StreamCreationTimestamp)
	equal(*description.HasMoreShards, false)
	equal(*summary.OpenShardCount, 3)
	equal(*summary.ConsumerCount, 0)
	equalLists(ids(description.Shards), s.shards)
	next, one := big.NewInt(0), big.NewInt(1)
	for _, shard := range description.Shards {
		equal(number(shard.HashKeyRange.StartingHashKey).Cmp(next), 0)
		next.Add(number(shard.HashKeyRange.EndingHashKey), one)
		require(shard.SequenceNumberRange.EndingSequenceNumber == nil, "an open shard has an end")
	}
	equal(next.Cmp(new(big.Int).Lsh(one, 128)), 0)
}

func (s *scenario) listStreams() {
	pages := kinesis.NewListStreamsPaginator(s.client, &kinesis.ListStreamsInput{Limit: aws.Int32(1)})
	var names []string
	for pages.HasMorePages() {
		page := must(pages.NextPage(s.context))
		equal(len(page.StreamNames), 1)
		equal(*page.StreamSummaries[0].StreamName, page.StreamNames[0])
		isRecent(page.StreamSummaries[0].StreamCreationTimestamp)
		names = append(names, page.StreamNames...)
	}
	equalLists(names, []string{s.stream, s.binary})
}

func ids(shards []types.Shard) []string {
	var ids []string
	for _, shard := range shards {
		ids = append(ids, *shard.ShardId)
	}
	return ids
}

func (s *scenario) listShards() {
	list := func(input kinesis.ListShardsInput) *kinesis.ListShardsOutput {
		return must(s.client.ListShards(s.context, &input))
	}
	first := list(kinesis.ListShardsInput{StreamName: &s.stream, MaxResults: aws.Int32(2)})
	equalLists(ids(first.Shards), s.shards[:2])
	second := list(kinesis.ListShardsInput{NextToken: first.NextToken})
	equalLists(ids(second.Shards), s.shards[2:])
	require(second.NextToken == nil, "a page after the last")
	filtered := func(filter types.ShardFilter) []string {
		return ids(list(kinesis.ListShardsInput{StreamName: &s.stream, ShardFilter: &filter}).Shards)
	}
	equalLists(filtered(types.ShardFilter{Type: types.ShardFilterTypeAtLatest}), s.shards)
	after := types.ShardFilter{Type: types.ShardFilterTypeAfterShardId, ShardId: &s.shards[0]}
	equalLists(filtered(after), s.shards[1:])
	from := types.ShardFilter{Type: types.ShardFilterTypeFromTimestamp, Timestamp: aws.Time(time.Now())}
	equalLists(filtered(from), s.shards)
}

func (s *scenario) tags() {
	add := map[string]string{"team": "orders", "stage": "test", "ключ": ""}
	must(s.client.AddTagsToStream(s.context, &kinesis.AddTagsToStreamInput{StreamName: &s.stream, Tags: add}))
	list := func(input kinesis.ListTagsForStreamInput) *kinesis.ListTagsForStreamOutput {
		input.StreamName = &s.stream
		return must(s.client.ListTagsForStream(s.context, &input))
	}
	first := list(kinesis.ListTagsForStreamInput{Limit: aws.Int32(2)})
	equal(*first.HasMoreTags, true)
	rest := list(kinesis.ListTagsForStreamInput{ExclusiveStartTagKey: first.Tags[1].Key})
	equal(*rest.HasMoreTags, false)
	found := append(first.Tags, rest.Tags...)
	equal(len(found), len(add))
	for _, tag := range found {
		equal(*tag.Value, add[*tag.Key])
	}
	remove := kinesis.RemoveTagsFromStreamInput{StreamName: &s.stream, TagKeys: []string{"stage", "ключ"}}
	must(s.client.RemoveTagsFromStream(s.context, &remove))
	left := list(kinesis.ListTagsForStreamInput{}).Tags
	equal(len(left), 1)
	equal(*left[0].Key+"="+*left[0].Value, "team=orders")
}

func (s *scenario) retention() {
	more := kinesis.IncreaseStreamRetentionPeriodInput{StreamName: &s.stream, RetentionPeriodHours: aws.Int32(48)}
	must(s.client.IncreaseStreamRetentionPeriod(s.context, &more))
	equal(*s.summary().RetentionPeriodHours, 48)
	less := kinesis.DecreaseStreamRetentionPeriodInput{StreamName: &s.stream, RetentionPeriodHours: aws.Int32(24)}
	must(s.client.DecreaseStreamRetentionPeriod(s.context, &less))
	equal(*s.summary().RetentionPeriodHours, 24)
}

func (s *scenario) delete() {
	for _, name := range []string{s.stream, s.binary, s.busy} {
		must(s.client.DeleteStream(s.context, &kinesis.DeleteStreamInput{StreamName: &name}))
		waiter := kinesis.NewStreamNotExistsWaiter(s.client, func(options *kinesis.StreamNotExistsWaiterOptions) {
			options.MinDelay, options.MaxDelay = time.Second, time.Second
		})
		err := waiter.Wait(s.context, &kinesis.DescribeStreamInput{StreamName: &name}, 20*time.Second)
		require(err == nil, "%v", err)
		_, err = s.client.DescribeStreamSummary(s.context, &kinesis.DescribeStreamSummaryInput{StreamName: &name})
		refused[*types.ResourceNotFoundException](err, name)
	}
	equal(len(must(s.client.ListStreams(s.context, &kinesis.ListStreamsInput{})).StreamNames), 0)
}
