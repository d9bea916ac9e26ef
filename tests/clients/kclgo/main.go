// A worker of vmware-go-kcl-v2: settings and lines are those of tests/clients/kcl.
//
// APPLICATION, STREAM, WORKER and ENDPOINT are needed. RETRIEVAL is `polling` or `fan-out`. FAILOVER_MILLIS shortens the
// time for which a lease is held without being renewed, and QUICK whatever else makes a worker wait. SIGTERM stops it
// gracefully.
package main

import (
	"encoding/json"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/sirupsen/logrus"
	"github.com/vmware/vmware-go-kcl-v2/clientlibrary/config"
	"github.com/vmware/vmware-go-kcl-v2/clientlibrary/interfaces"
	"github.com/vmware/vmware-go-kcl-v2/clientlibrary/worker"
	"github.com/vmware/vmware-go-kcl-v2/logger"
)

type line map[string]any

var saying sync.Mutex

func say(said line) {
	saying.Lock()
	defer saying.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		panic(err)
	}
}

type factory struct{}

func (factory) CreateProcessor() interfaces.IRecordProcessor { return &processor{} }

// Prints what it is told, and checkpoints after every batch, so that a graceful end repeats nothing.
type processor struct{ shard string }

func (p *processor) Initialize(input *interfaces.InitializationInput) {
	p.shard = input.ShardId
	say(line{"event": "initialized", "shard": p.shard, "from": input.ExtendedSequenceNumber.SequenceNumber})
}

func (p *processor) ProcessRecords(input *interfaces.ProcessRecordsInput) {
	for _, record := range input.Records {
		say(line{
			"event": "record", "shard": p.shard, "key": *record.PartitionKey, "data": string(record.Data),
			"sequence_number": *record.SequenceNumber,
		})
	}
	if count := len(input.Records); count > 0 {
		p.checkpoint(input.Checkpointer, input.Records[count-1].SequenceNumber)
	}
}

func (p *processor) Shutdown(input *interfaces.ShutdownInput) {
	switch input.ShutdownReason {
	case interfaces.TERMINATE:
		// No sequence number is the end of the shard.
		p.checkpoint(input.Checkpointer, nil)
		say(line{"event": "ended", "shard": p.shard})
	case interfaces.REQUESTED:
		say(line{"event": "shutdown requested", "shard": p.shard})
	default:
		say(line{"event": "lost", "shard": p.shard})
	}
}

func (p *processor) checkpoint(checkpointer interfaces.IRecordProcessorCheckpointer, number *string) {
	if err := checkpointer.Checkpoint(number); err != nil {
		// Whoever lost the lease meanwhile may not: that is how it should be.
		say(line{"event": "not checkpointed", "shard": p.shard, "why": err.Error()})
	}
}

func main() {
	endpoint := os.Getenv("ENDPOINT")
	log := logrus.New()
	log.SetLevel(logrus.WarnLevel)
	key := credentials.NewStaticCredentialsProvider("test", "test", "")
	settings := config.NewKinesisClientLibConfigWithCredential(
		os.Getenv("APPLICATION"), os.Getenv("STREAM"), "us-east-1", os.Getenv("WORKER"), key,
	).
		WithKinesisEndpoint(endpoint).
		WithDynamoDBEndpoint(endpoint).
		WithInitialPositionInStream(config.TRIM_HORIZON).
		WithLeaseStealing(true).
		WithLogger(logger.NewLogrusLogger(log))
	if failover, err := strconv.Atoi(os.Getenv("FAILOVER_MILLIS")); err == nil {
		settings.WithFailoverTimeMillis(failover).
			WithLeaseRefreshPeriodMillis(failover / 2).
			WithLeaseRefreshWaitTime(failover / 4)
	}
	if os.Getenv("QUICK") != "" {
		settings.WithShardSyncIntervalMillis(500).
			WithLeaseSyncingIntervalMillis(1000).
			WithLeaseStealingIntervalMillis(1000).
			WithIdleTimeBetweenReadsInMillis(250)
	}
	if os.Getenv("RETRIEVAL") == "fan-out" {
		settings.WithEnhancedFanOutConsumerName(os.Getenv("APPLICATION"))
	}
	process := worker.NewWorker(factory{}, settings)
	if err := process.Start(); err != nil {
		log.Fatal(err)
	}
	say(line{"event": "started"})
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	<-asked
	process.Shutdown()
	say(line{"event": "stopped", "graceful": true})
}
