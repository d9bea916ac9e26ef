// Puts each line of standard input into a stream, over one streaming call, and prints where it is stored.
//
//	go run ./producer localhost:4566 orders < lines
package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"example/connect"
	pb "example/gen/millstream/v1"
)

func main() {
	address, stream := os.Args[1], os.Args[2]
	connection, err := connect.To(address)
	check(err)
	call, err := pb.NewRecordsClient(connection).PutStream(context.Background())
	check(err)
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			key, _, _ := strings.Cut(lines.Text(), " ") // the first word is the partition key
			key = cmp.Or(key, "-")
			entry := &pb.PutRecordsRequestEntry{PartitionKey: &key, Data: []byte(lines.Text())}
			// When the server has enough, it stops reading, and then this waits. Why it fails, Recv says.
			_ = call.Send(&pb.PutStreamRequest{StreamName: &stream, Records: []*pb.PutRecordsRequestEntry{entry}})
		}
		_ = call.CloseSend()
	}()
	// Answers come in the order of the requests while further ones are sent: nothing waits for anything.
	for answer, err := call.Recv(); err != io.EOF; answer, err = call.Recv() {
		check(err)
		if answer.Refusal != nil {
			log.Fatalf("%s: %s", answer.Refusal.Reason, answer.Refusal.Message)
		}
		for _, result := range answer.Records {
			if result.ErrorCode != nil {
				// A shard's throughput is used up, say: a producer of yours would put the record again.
				log.Fatalf("failed %s", *result.ErrorCode)
			}
			fmt.Println(result.GetShardId(), result.GetSequenceNumber())
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
