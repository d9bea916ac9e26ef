package main

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What a reader is sent ahead, and how long a put may take.
const (
	natsAhead = 5_000
	natsLimit = 30 * time.Second
)

type natsLog struct{ settings }

func newNats(asked settings) (system, error) { return natsLog{asked}, nil }

func (n natsLog) connect(options ...jetstream.JetStreamOpt) (*nats.Conn, jetstream.JetStream, error) {
	connection, err := nats.Connect("nats://" + n.address)
	if err != nil {
		return nil, nil, err
	}
	stream, err := jetstream.New(connection, options...)
	return connection, stream, err
}

func (n natsLog) create(ctx context.Context) error {
	connection, js, err := n.connect()
	if err != nil {
		return err
	}
	defer connection.Close()
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{
		Name:     n.stream,
		Subjects: []string{n.stream},
		Storage:  jetstream.FileStorage,
	})
	return err
}

type natsProducer struct {
	stream     string
	connection *nats.Conn
	js         jetstream.JetStream
	// Acknowledgements come in the order of the records.
	pending chan natsPending
}

type natsPending struct {
	acknowledged jetstream.PubAckFuture
	done         func(error)
}

func (n natsLog) producer(context.Context) (producer, error) {
	ahead := n.batch * n.unanswered
	connection, js, err := n.connect(
		jetstream.WithPublishAsyncMaxPending(2*ahead+natsAhead),
		jetstream.WithPublishAsyncTimeout(natsLimit),
	)
	if err != nil {
		return nil, err
	}
	open := natsProducer{n.stream, connection, js, make(chan natsPending, 2*ahead+natsAhead)}
	go open.settle()
	return open, nil
}

func (p natsProducer) put(records [][]byte, done func(error)) {
	for i, data := range records {
		acknowledged, err := p.js.PublishAsync(p.stream, data)
		if err != nil {
			done(err)
			return
		}
		pending := natsPending{acknowledged: acknowledged}
		// As they come in order, the last one is enough.
		if i == len(records)-1 {
			pending.done = done
		}
		p.pending <- pending
	}
}

func (p natsProducer) settle() {
	for pending := range p.pending {
		var err error
		select {
		case <-pending.acknowledged.Ok():
		case err = <-pending.acknowledged.Err():
		}
		if pending.done != nil {
			pending.done(err)
		}
	}
}

func (p natsProducer) close() {
	close(p.pending)
	p.connection.Close()
}

func (n natsLog) follow(ctx context.Context, fromStart bool, ready func(), each func([]byte)) error {
	connection, js, err := n.connect()
	if err != nil {
		return err
	}
	defer connection.Close()
	policy := jetstream.DeliverNewPolicy
	if fromStart {
		policy = jetstream.DeliverAllPolicy
	}
	consumer, err := js.OrderedConsumer(ctx, n.stream, jetstream.OrderedConsumerConfig{DeliverPolicy: policy})
	if err != nil {
		return err
	}
	following, err := consumer.Consume(
		func(message jetstream.Msg) { each(message.Data()) },
		jetstream.PullMaxMessages(natsAhead),
	)
	if err != nil {
		return err
	}
	defer following.Stop()
	// The consumer is there, and what is put from now on comes.
	ready()
	<-ctx.Done()
	return ctx.Err()
}
