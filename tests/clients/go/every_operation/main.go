// Any operation with the AWS SDK for Go v2: carries out what it is told in lines of JSON, and prints what the SDK shows
// in lines of JSON. The lines are explained in tests/src/told.rs.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

type command struct {
	Service   string
	Operation string
	Input     map[string]any
}

// The longest line: a policy, or many items.
const longest = 1 << 24

func main() {
	ctx := context.Background()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		panic(err)
	}
	clients := map[string]any{
		"kinesis":         kinesis.NewFromConfig(settings),
		"dynamodb":        dynamodb.NewFromConfig(settings),
		"dynamodbstreams": dynamodbstreams.NewFromConfig(settings),
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		var told command
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.UseNumber()
		if err := decoder.Decode(&told); err != nil {
			panic(err)
		}
		text, err := json.Marshal(carryOut(ctx, clients[told.Service], told))
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}

// A method of the client is func(context, *Input, ...option) (*Output, error).
func carryOut(ctx context.Context, client any, told command) map[string]any {
	method := reflect.ValueOf(client).MethodByName(told.Operation)
	if !method.IsValid() {
		return map[string]any{"unknown": told.Operation}
	}
	input := given(method.Type().In(1), told.Input)
	results := method.Call([]reflect.Value{reflect.ValueOf(ctx), input})
	if err, failed := results[1].Interface().(error); failed {
		return refused(err)
	}
	output := results[0].Interface()
	if subscription, subscribed := output.(*kinesis.SubscribeToShardOutput); subscribed {
		return map[string]any{"output": map[string]any{"EventStream": firstRecords(subscription)}}
	}
	return map[string]any{"output": shown(results[0])}
}

// An error that the model knows has a type of its own, with what it says beside its message.
func refused(err error) map[string]any {
	var known smithy.APIError
	if !errors.As(err, &known) {
		return map[string]any{"error": "none", "message": err.Error()}
	}
	reply := map[string]any{"error": known.ErrorCode(), "message": known.ErrorMessage()}
	if value := reflect.ValueOf(known); value.Elem().Kind() == reflect.Struct {
		reply["members"] = shown(value)
	}
	return reply
}

// An answer that is a stream of events becomes a list: the first of them that has records.
func firstRecords(subscription *kinesis.SubscribeToShardOutput) []any {
	stream := subscription.GetStream()
	defer stream.Close()
	for event := range stream.Events() {
		told, known := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
		if known && len(told.Value.Records) > 0 {
			return []any{map[string]any{"SubscribeToShardEvent": shown(reflect.ValueOf(told.Value))}}
		}
	}
	return nil
}
