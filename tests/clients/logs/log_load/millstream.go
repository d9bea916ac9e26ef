package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	// What the server may send ahead.
	millstreamWindow = 8 << 20
	millstreamReady  = 10 * time.Second
	millstreamPoll   = 10 * time.Millisecond
)

// Messages are bytes already, and so are passed through.
type asItIs struct{}

func (asItIs) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }

func (asItIs) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = data
	return nil
}

func (asItIs) Name() string { return "proto" }

type millstream struct{ settings }

func newMillstream(asked settings) (system, error) { return millstream{asked}, nil }

func (m millstream) connect() (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+m.address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(asItIs{})),
		grpc.WithInitialWindowSize(millstreamWindow),
		grpc.WithInitialConnWindowSize(millstreamWindow),
		grpc.WithReadBufferSize(1<<20),
		grpc.WithWriteBufferSize(1<<20),
	)
}

func call(ctx context.Context, connection *grpc.ClientConn, method string, request []byte) ([]byte, error) {
	var reply []byte
	err := connection.Invoke(ctx, "/millstream.v1."+method, &request, &reply)
	return reply, err
}

func (m millstream) create(ctx context.Context) error {
	connection, err := m.connect()
	if err != nil {
		return err
	}
	defer connection.Close()
	request := appendNumber(appendString(nil, 1, m.stream), 2, 1)
	if _, err := call(ctx, connection, "Streams/CreateStream", request); err != nil {
		return err
	}
	// A shard has an iterator when its stream is ACTIVE.
	put := appendNumber(appendString(appendString(nil, 1, m.stream), 2, millstreamShard), 3, 4)
	return eventually(func() error {
		_, err := call(ctx, connection, "Records/GetShardIterator", put)
		return err
	})
}

// The only shard of a stream that was made with one.
const millstreamShard = "shardId-000000000000"

func eventually(try func() error) error {
	until := time.Now().Add(millstreamReady)
	for {
		err := try()
		if err == nil || time.Now().After(until) {
			return err
		}
		time.Sleep(millstreamPoll)
	}
}

type millstreamProducer struct {
	stream     string
	connection *grpc.ClientConn
	calls      grpc.ClientStream
	sent       queue
}

func (m millstream) producer(ctx context.Context) (producer, error) {
	connection, err := m.connect()
	if err != nil {
		return nil, err
	}
	description := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	calls, err := connection.NewStream(ctx, description, "/millstream.v1.Records/PutStream")
	if err != nil {
		return nil, err
	}
	open := millstreamProducer{m.stream, connection, calls, newQueue()}
	go open.answers()
	return open, nil
}

func (p millstreamProducer) put(records [][]byte, done func(error)) {
	size := len(p.stream) + 16
	for _, data := range records {
		size += len(data) + 24
	}
	request := appendString(make([]byte, 0, size), 1, p.stream)
	var entry []byte
	for _, data := range records {
		entry = appendString(appendBytes(entry[:0], 1, data), 3, "key")
		request = appendBytes(request, 3, entry)
	}
	// Before it is sent, for its answer may be quick.
	p.sent.push(done)
	if err := p.calls.SendMsg(&request); err != nil {
		p.sent.fail(err)
	}
}

func (p millstreamProducer) answers() {
	for {
		var answer []byte
		if err := p.calls.RecvMsg(&answer); err != nil {
			p.sent.fail(err)
			return
		}
		if err := p.sent.answer(refusalIn(answer)); err != nil {
			return
		}
	}
}

// refusalIn finds a request that was refused, or a record of it.
func refusalIn(answer []byte) error {
	return eachField(answer, func(field protoField, value []byte) error {
		if field == 2 {
			return fmt.Errorf("refused: %s", value)
		}
		code, err := fieldOf(value, 3)
		if err == nil && code != nil {
			err = fmt.Errorf("a record failed: %s", code)
		}
		return err
	})
}

func (p millstreamProducer) close() { _ = p.connection.Close() }

func (m millstream) follow(ctx context.Context, fromStart bool, ready func(), each func([]byte)) error {
	connection, err := m.connect()
	if err != nil {
		return err
	}
	defer connection.Close()
	consumer, err := m.register(ctx, connection)
	if err != nil {
		return err
	}
	// LATEST or TRIM_HORIZON.
	from := appendNumber(nil, 1, 4)
	if fromStart {
		from = appendNumber(nil, 1, 3)
	}
	request := appendBytes(appendString(appendString(nil, 1, consumer), 2, millstreamShard), 3, from)
	description := &grpc.StreamDesc{ServerStreams: true}
	events, err := connection.NewStream(ctx, description, "/millstream.v1.Records/Subscribe")
	if err != nil {
		return err
	}
	if err := events.SendMsg(&request); err != nil {
		return err
	}
	if err := events.CloseSend(); err != nil {
		return err
	}
	// The subscription is there when the reply begins.
	if _, err := events.Header(); err != nil {
		return err
	}
	ready()
	for {
		var event []byte
		if err := events.RecvMsg(&event); err != nil {
			return err
		}
		if err := eachRecord(event, each); err != nil {
			return err
		}
	}
}

func eachRecord(event []byte, each func([]byte)) error {
	return eachField(event, func(field protoField, value []byte) error {
		if field != 1 {
			return nil
		}
		data, err := fieldOf(value, 3)
		each(data)
		return err
	})
}

// register makes a consumer and returns its ARN.
func (m millstream) register(ctx context.Context, connection *grpc.ClientConn) (string, error) {
	summary, err := call(ctx, connection, "Streams/DescribeStreamSummary", appendString(nil, 1, m.stream))
	if err != nil {
		return "", err
	}
	if summary, err = fieldOf(summary, 1); err != nil {
		return "", err
	}
	stream, err := fieldOf(summary, 2)
	if err != nil {
		return "", err
	}
	request := appendString(appendBytes(nil, 1, stream), 2, fmt.Sprintf("reader-%d", time.Now().UnixNano()))
	reply, err := call(ctx, connection, "Streams/RegisterStreamConsumer", request)
	if err != nil {
		return "", err
	}
	if reply, err = fieldOf(reply, 1); err != nil {
		return "", err
	}
	consumer, err := fieldOf(reply, 2)
	return string(consumer), err
}
