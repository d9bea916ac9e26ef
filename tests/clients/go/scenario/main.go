// The scenario of a real client, with the AWS SDK for Go v2: every step checks values. Says on which step it failed.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

const (
	account = "000000000000"
	mib     = 1 << 20
)

// What every step uses.
type scenario struct {
	context            context.Context
	client             *kinesis.Client
	impatient          *kinesis.Client
	stream, binary     string
	busy, arn          string
	shards, binaryKeys []string
	binaryData         [][]byte
}

// A check that failed, so that a step can stop anywhere.
type failure struct{ text string }

func require(holds bool, format string, arguments ...any) {
	if !holds {
		panic(failure{fmt.Sprintf(format, arguments...)})
	}
}

func equal[T comparable](left, right T) {
	require(left == right, "%v is not %v", left, right)
}

func equalLists[T comparable](left, right []T) {
	equal(len(left), len(right))
	for index := range left {
		equal(left[index], right[index])
	}
}

// The value of a call that must succeed.
func must[T any](value T, err error) T {
	require(err == nil, "%v", err)
	return value
}

func newScenario() *scenario {
	ctx := context.Background()
	settings := must(config.LoadDefaultConfig(ctx))
	stream := fmt.Sprintf("orders-%d", os.Getpid())
	everyByte := make([]byte, 256)
	for index := range everyByte {
		everyByte[index] = byte(index)
	}
	return &scenario{
		context: ctx,
		client:  kinesis.NewFromConfig(settings),
		impatient: kinesis.NewFromConfig(settings, func(options *kinesis.Options) {
			options.Retryer = aws.NopRetryer{}
		}),
		stream:     stream,
		binary:     stream + "-binary",
		busy:       stream + "-busy",
		arn:        "arn:aws:kinesis:us-east-1:" + account + ":stream/" + stream,
		shards:     []string{"shardId-000000000000", "shardId-000000000001", "shardId-000000000002"},
		binaryKeys: []string{"b0", "b1", "b2", "b3", "b4"},
		// What JSON and base64 have trouble with, if anything.
		binaryData: [][]byte{{}, {0}, {0xff, 0xfe, 0x80}, everyByte, []byte("Grüße, 世界\r\n")},
	}
}

func main() {
	s := newScenario()
	steps := []struct {
		name string
		run  func()
	}{
		{"create", s.create},
		{"describe", s.describe},
		{"list_streams", s.listStreams},
		{"list_shards", s.listShards},
		{"put_record", s.putRecord},
		{"put_records", s.putRecords},
		{"get_records", s.getRecords},
		{"by_arn", s.byARN},
		{"tags", s.tags},
		{"retention", s.retention},
		{"errors", s.errors},
		{"throttles", s.throttles},
		{"delete", s.delete},
	}
	for _, step := range steps {
		if err := attempt(step.run); err != nil {
			fmt.Fprintf(os.Stderr, "%v\nstep %s failed\n", err, step.name)
			os.Exit(1)
		}
	}
	fmt.Printf("%d steps passed\n", len(steps))
}

func attempt(step func()) (err any) {
	defer func() { err = recover() }()
	step()
	return nil
}
