// Processes the records of a stream as a member of a group: start it as often as you like, and the shards are shared.
//
//	go run ./group_consumer localhost:4566 orders my-application
//
// The server keeps the leases and reads the shards. SIGTERM gives them back once everything in work is done.
package main

import (
	"context"
	"example/connect"
	pb "example/gen/millstream/v1"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

func main() {
	connection, err := connect.To(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	call, err := pb.NewConsumersClient(connection).Join(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	sending, shards := &sync.Mutex{}, map[int64]string{}
	send := func(request *pb.JoinRequest) { sending.Lock(); defer sending.Unlock(); _ = call.Send(request) }
	start := &pb.JoinStart{Streams: os.Args[2:3], ApplicationName: &os.Args[3], InitialPosition: pb.InitialPosition_INITIAL_POSITION_TRIM_HORIZON.Enum()}
	send(&pb.JoinRequest{Request: &pb.JoinRequest_Start{Start: start}})
	leave, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	context.AfterFunc(leave, func() { send(&pb.JoinRequest{Request: &pb.JoinRequest_Leave{}}) })
	for response := (*pb.JoinResponse)(nil); err == nil; response, err = call.Recv() {
		// What is not acknowledged comes again.
		done := &pb.CheckpointRequest{}
		if assigned := response.GetShardAssigned(); assigned != nil {
			shards[assigned.AssignmentId] = assigned.ShardId
		} else if records := response.GetRecords(); records != nil {
			done.AssignmentId = &records.AssignmentId
			for _, record := range records.Records {
				fmt.Println(shards[records.AssignmentId], record.PartitionKey, string(record.Data))
				done.SequenceNumber, done.SubSequenceNumber = &record.SequenceNumber, record.SubSequenceNumber
			}
		} else if ended := response.GetShardEnded(); ended != nil {
			// Its children begin once this is stored.
			end := true
			done.AssignmentId, done.ShardEnd = &ended.AssignmentId, &end
		}
		if done.AssignmentId != nil {
			send(&pb.JoinRequest{Request: &pb.JoinRequest_Checkpoint{Checkpoint: done}})
		}
	}
	if err != io.EOF {
		log.Fatal(err) // whoever starts it again goes on at the last checkpoint
	}
}
