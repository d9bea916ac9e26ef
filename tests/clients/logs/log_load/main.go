// The load of `make bench-logs`: the same work against Millstream and the logs that it is compared with, each through
// the client that its users would take. What is measured is printed in lines of JSON, which
// benches/src/peers/logs/load.rs reads: {"at":"begin"} and {"at":"over"} the moment that the measured time begins and is
// over, so that whoever listens can look at the server then, and {"at":"end"} with the figures.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

// What is asked for.
type settings struct {
	address     string
	stream      string
	connections int
	// Records handed over at once, and how often that is done before the first is acknowledged; both for each
	// connection.
	batch      int
	unanswered int
	bytes      int
	seconds    time.Duration
	warmUp     time.Duration
	// Records a second, of a push.
	rate int
	// Records to be read.
	records int
	// When the program gives up.
	limit time.Duration
}

// A log to be loaded.
type system interface {
	// create makes the stream, or whatever it is called, and returns when records can be put.
	create(ctx context.Context) error
	// producer opens a connection that puts.
	producer(ctx context.Context) (producer, error)
	// follow calls ready when nothing that is put from then on will be missed, and each for each record from the first
	// one on, or from the next one, until the context ends.
	follow(ctx context.Context, fromStart bool, ready func(), each func(data []byte)) error
}

// One connection that puts.
type producer interface {
	// put hands records over without waiting; done is called once, when all of them are durable or one has failed.
	put(records [][]byte, done func(error))
	close()
}

var systems = map[string]func(settings) (system, error){
	"millstream": newMillstream,
	"nats":       newNats,
	"redis":      newRedis,
	"kafka":      newKafka,
	"s2":         newS2,
}

var tasks = map[string]func(context.Context, settings, system) (any, error){
	"create": func(ctx context.Context, _ settings, log system) (any, error) {
		return struct{}{}, log.create(ctx)
	},
	"put":  measurePut,
	"read": measureRead,
	"push": measurePush,
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) < 3 {
		return fmt.Errorf("usage: log_load SYSTEM create|put|read|push [flags]")
	}
	open, task := systems[os.Args[1]], tasks[os.Args[2]]
	if open == nil || task == nil {
		return fmt.Errorf("no system %q, or no task %q", os.Args[1], os.Args[2])
	}
	asked, err := flags(os.Args[3:])
	if err != nil {
		return err
	}
	// A server that does not answer must not keep whoever waits for the figures.
	time.AfterFunc(asked.limit, func() {
		fmt.Fprintln(os.Stderr, "not done in time")
		os.Exit(1)
	})
	log, err := open(asked)
	if err != nil {
		return err
	}
	figures, err := task(context.Background(), asked, log)
	if err != nil {
		return err
	}
	return say("end", figures)
}

func flags(arguments []string) (settings, error) {
	var asked settings
	set := flag.NewFlagSet("log_load", flag.ContinueOnError)
	set.StringVar(&asked.address, "address", "", "host and port")
	set.StringVar(&asked.stream, "stream", "", "stream, topic or key")
	set.IntVar(&asked.connections, "connections", 1, "connections that put")
	set.IntVar(&asked.batch, "batch", 1, "records handed over at once")
	set.IntVar(&asked.unanswered, "unanswered", 1, "batches of a connection that may be unacknowledged")
	set.IntVar(&asked.bytes, "bytes", 1024, "bytes of a record")
	set.DurationVar(&asked.seconds, "for", 5*time.Second, "how long to measure")
	set.DurationVar(&asked.warmUp, "warm-up", time.Second, "load before that")
	set.IntVar(&asked.rate, "rate", 1000, "records a second of a push")
	set.IntVar(&asked.records, "records", 0, "records to read")
	set.DurationVar(&asked.limit, "limit", time.Minute, "when to give up")
	return asked, set.Parse(arguments)
}

func say(at string, figures any) error {
	line := struct {
		At      string `json:"at"`
		Figures any    `json:"figures,omitempty"`
	}{at, figures}
	return json.NewEncoder(os.Stdout).Encode(line)
}
