package main

import (
	"context"
	"errors"

	"github.com/redis/rueidis"
)

// Entries that a read asks for.
const redisRead = 2_000

type redis struct{ settings }

func newRedis(asked settings) (system, error) { return redis{asked}, nil }

// One connection, on which commands are pipelined, whoever sends them.
func (r redis) client() (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress:         []string{r.address},
		DisableCache:        true,
		AlwaysPipelining:    true,
		PipelineMultiplex:   -1,
		ReadBufferEachConn:  1 << 20,
		WriteBufferEachConn: 1 << 20,
	})
}

// A stream is there when it is first written to.
func (r redis) create(context.Context) error { return nil }

type redisProducer struct {
	ctx    context.Context
	stream string
	client rueidis.Client
	work   chan redisBatch
}

type redisBatch struct {
	records [][]byte
	done    func(error)
}

func (r redis) producer(ctx context.Context) (producer, error) {
	client, err := r.client()
	if err != nil {
		return nil, err
	}
	open := redisProducer{ctx, r.stream, client, make(chan redisBatch, r.unanswered)}
	// A call waits for its replies, so there are as many as may be under way.
	for range max(r.unanswered, redisCallsMin) {
		go open.calls()
	}
	return open, nil
}

// A push has no bound of its own.
const redisCallsMin = 64

func (p redisProducer) put(records [][]byte, done func(error)) { p.work <- redisBatch{records, done} }

func (p redisProducer) calls() {
	for batch := range p.work {
		batch.done(p.call(batch.records))
	}
}

func (p redisProducer) call(records [][]byte) error {
	commands := make(rueidis.Commands, len(records))
	for i, data := range records {
		commands[i] = p.client.B().Xadd().Key(p.stream).Id("*").
			FieldValue().FieldValue("d", rueidis.BinaryString(data)).Build()
	}
	for _, result := range p.client.DoMulti(p.ctx, commands...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}

func (p redisProducer) close() {
	close(p.work)
	p.client.Close()
}

func (r redis) follow(ctx context.Context, fromStart bool, ready func(), each func([]byte)) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	defer client.Close()
	last := "0"
	if !fromStart {
		// `$` would mean another place with every read, so the first one has to be known.
		if last, err = r.newest(ctx, client); err != nil {
			return err
		}
	}
	ready()
	for ctx.Err() == nil {
		read := client.B().Xread().Count(redisRead).Block(1_000).Streams().Key(r.stream).Id(last).Build()
		streams, err := client.Do(ctx, read).AsXRead()
		if rueidis.IsRedisNil(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, entry := range streams[r.stream] {
			each([]byte(entry.FieldValues["d"]))
			last = entry.ID
		}
	}
	return ctx.Err()
}

func (r redis) newest(ctx context.Context, client rueidis.Client) (string, error) {
	newest := client.B().Xrevrange().Key(r.stream).End("+").Start("-").Count(1).Build()
	entries, err := client.Do(ctx, newest).AsXRange()
	switch {
	case errors.Is(err, rueidis.Nil) || (err == nil && len(entries) == 0):
		return "0", nil
	case err != nil:
		return "", err
	}
	return entries[0].ID, nil
}
