// Enhanced fan-out with the AWS SDK for Go v2: does what it is told in lines of JSON, and prints what the SDK shows in
// lines of JSON. The lines are explained in tests/tests/fan_out/driver.rs. What is right is not known here.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

type command struct {
	Do        string
	As        string
	Stream    *string
	Name      *string
	Consumer  *string
	Shard     *string
	Type      types.ShardIteratorType
	Number    *string
	Timestamp *int64
	DryRun    *bool
}

type fanOut struct {
	context  context.Context
	client   *kinesis.Client
	printing sync.Mutex
}

func main() {
	ctx := context.Background()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		panic(err)
	}
	f := &fanOut{context: ctx, client: kinesis.NewFromConfig(settings)}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var told command
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			panic(err)
		}
		reply, err := f.carryOut(told)
		if err != nil {
			reply = map[string]any{"error": shownFailure(err)}
		}
		f.say(map[string]any{"reply": reply})
	}
}

func (f *fanOut) say(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	f.printing.Lock()
	defer f.printing.Unlock()
	fmt.Println(string(text))
}

func (f *fanOut) carryOut(told command) (any, error) {
	switch told.Do {
	case "register":
		input := kinesis.RegisterStreamConsumerInput{StreamARN: told.Stream, ConsumerName: told.Name}
		answer, err := f.client.RegisterStreamConsumer(f.context, &input)
		if err != nil {
			return nil, err
		}
		return shownConsumer(*answer.Consumer), nil
	case "describe":
		input := kinesis.DescribeStreamConsumerInput{ConsumerARN: told.Consumer}
		answer, err := f.client.DescribeStreamConsumer(f.context, &input)
		if err != nil {
			return nil, err
		}
		return shownDescription(*answer.ConsumerDescription), nil
	case "list":
		input := kinesis.ListStreamConsumersInput{StreamARN: told.Stream}
		answer, err := f.client.ListStreamConsumers(f.context, &input)
		if err != nil {
			return nil, err
		}
		consumers := []consumer{}
		for _, found := range answer.Consumers {
			consumers = append(consumers, shownConsumer(found))
		}
		return consumers, nil
	case "deregister":
		input := kinesis.DeregisterStreamConsumerInput{ConsumerARN: told.Consumer}
		_, err := f.client.DeregisterStreamConsumer(f.context, &input)
		return struct{}{}, err
	default:
		return struct{}{}, f.subscribe(told)
	}
}

func (f *fanOut) subscribe(told command) error {
	position := types.StartingPosition{Type: told.Type, SequenceNumber: told.Number}
	if told.Timestamp != nil {
		timestamp := time.UnixMilli(*told.Timestamp)
		position.Timestamp = &timestamp
	}
	answer, err := f.client.SubscribeToShard(f.context, &kinesis.SubscribeToShardInput{
		ConsumerARN:      told.Consumer,
		ShardId:          told.Shard,
		StartingPosition: &position,
		DryRun:           told.DryRun,
	})
	if err == nil {
		go f.follow(told.As, answer.GetStream())
	}
	return err
}

// Gives every event as it comes, and how the stream of them ended.
func (f *fanOut) follow(name string, stream *kinesis.SubscribeToShardEventStream) {
	for shown := range stream.Events() {
		if member, ok := shown.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent); ok {
			f.say(map[string]any{"from": name, "event": shownEvent(member.Value)})
		}
	}
	// The stream as a whole may be told a little later than its reader how it ended.
	err := stream.Reader.Err()
	if closing := stream.Close(); err == nil {
		err = closing
	}
	var end any
	if err != nil {
		end = shownFailure(err)
	}
	f.say(map[string]any{"from": name, "end": end})
}
