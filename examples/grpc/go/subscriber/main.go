// Has the records of a stream pushed and prints them, going on where it stopped when a connection breaks.
//
//	go run ./subscriber localhost:4566 orders my-reader
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"example/connect"
	pb "example/gen/millstream/v1"
	"google.golang.org/grpc"
)

func main() {
	stream, name, ctx := &os.Args[2], &os.Args[3], context.Background()
	connection := must(connect.To(os.Args[1]))
	streams, records := pb.NewStreamsClient(connection), pb.NewRecordsClient(connection)
	summary := must(streams.DescribeStreamSummary(ctx, &pb.DescribeStreamSummaryRequest{StreamName: stream}))
	arn := &summary.StreamDescriptionSummary.StreamArn
	// Where this fails, the consumer is registered already, or describing it says what is wrong.
	_, _ = streams.RegisterStreamConsumer(ctx, &pb.RegisterStreamConsumerRequest{StreamArn: arn, ConsumerName: name})
	var consumer *pb.ConsumerDescription
	for ; consumer.GetConsumerStatus() != pb.ConsumerStatus_CONSUMER_STATUS_ACTIVE; time.Sleep(200 * time.Millisecond) {
		consumer = must(streams.DescribeStreamConsumer(ctx, &pb.DescribeStreamConsumerRequest{StreamArn: arn, ConsumerName: name})).ConsumerDescription
	}
	for _, shard := range must(streams.ListShards(ctx, &pb.ListShardsRequest{StreamName: stream})).Shards {
		oldest := &pb.StartingPosition{Type: pb.ShardIteratorType_SHARD_ITERATOR_TYPE_TRIM_HORIZON.Enum()}
		go follow(records, &pb.SubscribeRequest{ConsumerArn: &consumer.ConsumerArn, ShardId: &shard.ShardId, StartingPosition: oldest})
	}
	select {}
}

// Prints a shard from the request's position to its end.
func follow(records pb.RecordsClient, request *pb.SubscribeRequest) {
	for err := error(nil); err != io.EOF; time.Sleep(time.Second) {
		events := must(records.Subscribe(context.Background(), request, grpc.WaitForReady(true)))
		var event *pb.SubscribeResponse
		for event, err = events.Recv(); err == nil; event, err = events.Recv() {
			for _, record := range event.Records {
				fmt.Println(record.GetPartitionKey(), string(record.Data))
			}
			request.StartingPosition.Type = pb.ShardIteratorType_SHARD_ITERATOR_TYPE_AFTER_SEQUENCE_NUMBER.Enum()
			request.StartingPosition.SequenceNumber = event.ContinuationSequenceNumber
		}
		log.Printf("%s: %v", *request.ShardId, err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
