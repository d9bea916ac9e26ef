// Any operation with the AWS SDK for Go v2: carries out what it is told in lines of JSON, and prints what the SDK shows
// in lines of JSON. The lines are explained in tests/tests/every_client/told.rs.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

type command struct {
	Operation string
	Input     json.RawMessage
}

func main() {
	ctx := context.Background()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		panic(err)
	}
	client := kinesis.NewFromConfig(settings)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var told command
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			panic(err)
		}
		text, err := json.Marshal(carryOut(ctx, client, told))
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}

// A method of the client is func(context, *Input, ...option) (*Output, error). The SDK's types have the members' names,
// so encoding/json reads and writes them as they are.
func carryOut(ctx context.Context, client *kinesis.Client, told command) map[string]any {
	method := reflect.ValueOf(client).MethodByName(told.Operation)
	if !method.IsValid() {
		return map[string]any{"unknown": told.Operation}
	}
	input := reflect.New(method.Type().In(1).Elem())
	if err := json.Unmarshal(told.Input, input.Interface()); err != nil {
		panic(err)
	}
	results := method.Call([]reflect.Value{reflect.ValueOf(ctx), input})
	if err, failed := results[1].Interface().(error); failed {
		code := "none"
		var known smithy.APIError
		if errors.As(err, &known) {
			code = known.ErrorCode()
		}
		return map[string]any{"error": code, "message": err.Error()}
	}
	output := results[0].Interface()
	if subscription, subscribed := output.(*kinesis.SubscribeToShardOutput); subscribed {
		return map[string]any{"output": map[string]any{"EventStream": firstRecords(subscription)}}
	}
	return map[string]any{"output": output}
}

// An answer that is a stream of events becomes a list: the first of them that has records.
func firstRecords(subscription *kinesis.SubscribeToShardOutput) []any {
	stream := subscription.GetStream()
	defer stream.Close()
	for event := range stream.Events() {
		told, known := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
		if known && len(told.Value.Records) > 0 {
			return []any{map[string]any{"SubscribeToShardEvent": told.Value}}
		}
	}
	return nil
}
