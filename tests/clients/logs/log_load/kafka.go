package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Largest batch that a broker takes as it comes, and what a fetch asks for.
const (
	kafkaBatchBytes = 1_000_000
	kafkaFetchBytes = 16 << 20
)

type kafka struct{ settings }

func newKafka(asked settings) (system, error) { return kafka{asked}, nil }

func (k kafka) client(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(options, kgo.SeedBrokers(k.address))...)
}

func (k kafka) create(ctx context.Context) error {
	client, err := k.client()
	if err != nil {
		return err
	}
	defer client.Close()
	topic, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, k.stream)
	if err != nil {
		return err
	}
	return topic.Err
}

type kafkaProducer struct {
	ctx    context.Context
	client *kgo.Client
}

func (k kafka) producer(ctx context.Context) (producer, error) {
	client, err := k.client(
		kgo.DefaultProduceTopic(k.stream),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(kafkaBatchBytes),
		kgo.ProducerLinger(0),
		kgo.MaxBufferedRecords(max(10_000, 2*k.batch*k.unanswered)),
	)
	return kafkaProducer{ctx, client}, err
}

func (p kafkaProducer) put(records [][]byte, done func(error)) {
	if len(records) == 1 {
		p.client.Produce(p.ctx, &kgo.Record{Value: records[0]}, func(_ *kgo.Record, err error) { done(err) })
		return
	}
	var left atomic.Int64
	left.Store(int64(len(records)))
	var failed atomic.Pointer[error]
	for _, data := range records {
		p.client.Produce(p.ctx, &kgo.Record{Value: data}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
			if left.Add(-1) > 0 {
				return
			}
			if err := failed.Load(); err != nil {
				done(*err)
				return
			}
			done(nil)
		})
	}
}

func (p kafkaProducer) close() { p.client.Close() }

func (k kafka) follow(ctx context.Context, fromStart bool, ready func(), each func([]byte)) error {
	offset := kgo.NewOffset().AtStart()
	if !fromStart {
		end, err := k.end(ctx)
		if err != nil {
			return err
		}
		offset = kgo.NewOffset().At(end)
	}
	client, err := k.client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{k.stream: {0: offset}}),
		kgo.FetchMaxBytes(2*kafkaFetchBytes),
		kgo.FetchMaxPartitionBytes(kafkaFetchBytes),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	ready()
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return err
		}
		fetches.EachRecord(func(record *kgo.Record) { each(record.Value) })
	}
	return ctx.Err()
}

// end is the offset of the next record: by it nothing is missed, however late the first fetch is.
func (k kafka) end(ctx context.Context) (int64, error) {
	client, err := k.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, k.stream)
	if err != nil {
		return 0, err
	}
	end, found := ends.Lookup(k.stream, 0)
	if !found {
		return 0, fmt.Errorf("no topic %s", k.stream)
	}
	return end.Offset, end.Err
}
