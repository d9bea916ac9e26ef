package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

const (
	// Bodies that are put in turn; they do not compress.
	bodies = 1024
	// What a record that was put as the last may take to arrive.
	drain = 10 * time.Second
	// Beyond this a record that was sent late counts from when it was due.
	late = time.Millisecond
)

// Of the time that was measured.
type figures struct {
	Seconds       float64 `json:"seconds"`
	Records       int64   `json:"records"`
	GeneratorCPU  float64 `json:"generator_cpu_secs"`
	Acknowledged  latency `json:"acknowledged"`
	Pushed        latency `json:"pushed"`
	RecordsStored int64   `json:"records_stored"`
}

// In milliseconds.
type latency struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// Latencies that several callbacks record.
type recorder struct {
	lock      sync.Mutex
	histogram *hdrhistogram.Histogram
}

func newRecorder() *recorder {
	return &recorder{histogram: hdrhistogram.New(1_000, int64(time.Hour), 3)}
}

func (r *recorder) record(taken time.Duration, records int) {
	r.lock.Lock()
	defer r.lock.Unlock()
	// What is out of bounds took an hour.
	_ = r.histogram.RecordValues(max(int64(taken), 1_000), int64(records))
}

func (r *recorder) latency() latency {
	r.lock.Lock()
	defer r.lock.Unlock()
	at := func(quantile float64) float64 { return float64(r.histogram.ValueAtQuantile(quantile)) / 1e6 }
	return latency{P50: at(50), P99: at(99), Max: float64(r.histogram.Max()) / 1e6}
}

// When it counts.
type window struct{ from, until time.Time }

func (w window) contains(at time.Time) bool { return !at.Before(w.from) && at.Before(w.until) }

func newWindow(asked settings) window {
	from := time.Now().Add(asked.warmUp)
	return window{from, from.Add(asked.seconds)}
}

// watch says when the window begins and ends, and returns the processor time in between. Without a listener at the
// moment of its end the figures would be of no use, so whoever calls this waits for it before anything else.
func (w window) watch() (float64, error) {
	time.Sleep(time.Until(w.from))
	if err := say("begin", nil); err != nil {
		return 0, err
	}
	before := processorTime()
	time.Sleep(time.Until(w.until))
	used := processorTime() - before
	return used.Seconds(), say("over", nil)
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func makeBodies(bytes int) [][]byte {
	all := make([]byte, bodies*bytes)
	// It cannot fail: the program ends instead.
	_, _ = rand.Read(all)
	split := make([][]byte, bodies)
	for i := range split {
		split[i] = all[i*bytes : (i+1)*bytes : (i+1)*bytes]
	}
	return split
}

// What all connections count.
type tally struct {
	window    window
	counted   atomic.Int64
	stored    atomic.Int64
	latencies *recorder
	failed    chan error
}

func (t *tally) fail(err error) {
	select {
	case t.failed <- err:
	default:
	}
}

func measurePut(ctx context.Context, asked settings, log system) (any, error) {
	producers := make([]producer, asked.connections)
	for i := range producers {
		var err error
		if producers[i], err = log.producer(ctx); err != nil {
			return nil, err
		}
	}
	counts := &tally{window: newWindow(asked), latencies: newRecorder(), failed: make(chan error, 1)}
	data := makeBodies(asked.bytes)
	var all sync.WaitGroup
	for i, open := range producers {
		all.Go(func() { counts.load(asked, open, data[i%bodies:]) })
	}
	used, err := counts.window.watch()
	if err != nil {
		return nil, err
	}
	all.Wait()
	for _, open := range producers {
		open.close()
	}
	select {
	case err := <-counts.failed:
		return nil, err
	default:
	}
	return figures{
		Seconds:       asked.seconds.Seconds(),
		Records:       counts.counted.Load(),
		GeneratorCPU:  used,
		Acknowledged:  counts.latencies.latency(),
		RecordsStored: counts.stored.Load(),
	}, nil
}

// load puts over one connection until the window is over and everything is acknowledged.
func (t *tally) load(asked settings, open producer, data [][]byte) {
	free := make(chan struct{}, asked.unanswered)
	for next := 0; ; next++ {
		free <- struct{}{}
		handed := time.Now()
		if !handed.Before(t.window.until) || len(t.failed) > 0 {
			<-free
			break
		}
		records := make([][]byte, asked.batch)
		for i := range records {
			records[i] = data[(next*asked.batch+i)%len(data)]
		}
		open.put(records, func(err error) {
			t.acknowledge(handed, len(records), err)
			<-free
		})
	}
	for range cap(free) {
		free <- struct{}{}
	}
}

func (t *tally) acknowledge(handed time.Time, records int, err error) {
	if err != nil {
		t.fail(err)
		return
	}
	now := time.Now()
	t.stored.Add(int64(records))
	if t.window.contains(now) {
		t.counted.Add(int64(records))
	}
	if t.window.contains(handed) {
		t.latencies.record(now.Sub(handed), records)
	}
}

// measureRead reads the records that are there, as one reader.
func measureRead(ctx context.Context, asked settings, log system) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, asked.seconds)
	defer cancel()
	if err := say("begin", nil); err != nil {
		return nil, err
	}
	before, began := processorTime(), time.Now()
	read, over := 0, time.Now()
	err := log.follow(ctx, true, func() {}, func(data []byte) {
		if len(data) != asked.bytes {
			cancel()
			return
		}
		if read++; read == asked.records {
			over = time.Now()
			cancel()
		}
	})
	if read < asked.records && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		// What came within the time is a figure as well.
		over = time.Now()
	} else if read < asked.records {
		return nil, fmt.Errorf("%d of %d records were read: %w", read, asked.records, err)
	}
	used := processorTime() - before
	if err := say("over", nil); err != nil {
		return nil, err
	}
	return figures{
		Seconds:      over.Sub(began).Seconds(),
		Records:      int64(min(read, asked.records)),
		GeneratorCPU: used.Seconds(),
	}, nil
}

// measurePush puts at a rate and follows: each record carries when it was sent.
func measurePush(ctx context.Context, asked settings, log system) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	open, err := log.producer(ctx)
	if err != nil {
		return nil, err
	}
	epoch := time.Now()
	pushed, came := newRecorder(), make(chan struct{}, 1<<20)
	var counting atomic.Pointer[window]
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- log.follow(ctx, false, func() { close(ready) }, func(data []byte) {
			now := time.Now()
			sent := epoch.Add(time.Duration(binary.LittleEndian.Uint64(data)))
			if w := counting.Load(); w != nil && w.contains(sent) {
				pushed.record(now.Sub(sent), 1)
			}
			came <- struct{}{}
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		return nil, fmt.Errorf("the reader ended: %w", err)
	}
	counts := &tally{window: newWindow(asked), latencies: newRecorder(), failed: make(chan error, 1)}
	counting.Store(&counts.window)
	var writer sync.WaitGroup
	due := 0
	writer.Go(func() { due = counts.pace(asked, open, epoch) })
	used, err := counts.window.watch()
	if err != nil {
		return nil, err
	}
	writer.Wait()
	if err := await(came, ended, counts.failed, due); err != nil {
		return nil, err
	}
	open.close()
	return figures{
		Seconds:       asked.seconds.Seconds(),
		Records:       counts.counted.Load(),
		GeneratorCPU:  used,
		Acknowledged:  counts.latencies.latency(),
		Pushed:        pushed.latency(),
		RecordsStored: counts.stored.Load(),
	}, nil
}

// pace sends one record after the other, each when it is due, and returns how many.
func (t *tally) pace(asked settings, open producer, epoch time.Time) int {
	interval := time.Second / time.Duration(asked.rate)
	first := time.Now()
	sent := 0
	for ; len(t.failed) == 0; sent++ {
		due := first.Add(time.Duration(sent) * interval)
		if !due.Before(t.window.until) {
			break
		}
		sleepUntil(due)
		handed := time.Now()
		if handed.Sub(due) > late {
			handed = due
		}
		record := make([]byte, asked.bytes)
		binary.LittleEndian.PutUint64(record, uint64(handed.Sub(epoch)))
		open.put([][]byte{record}, func(err error) { t.acknowledge(handed, 1, err) })
	}
	return sent
}

// sleepUntil does so precisely: the runtime's own timers have a granularity of a millisecond where nothing else runs.
func sleepUntil(due time.Time) {
	for left := time.Until(due); left > 0; left = time.Until(due) {
		pause := unix.NsecToTimespec(int64(left))
		// Interrupted, it goes on.
		_ = unix.Nanosleep(&pause, nil)
	}
}

// await returns when every record has come.
func await(came <-chan struct{}, ended, failed <-chan error, due int) error {
	limit := time.After(drain)
	for arrived := 0; arrived < due; arrived++ {
		select {
		case <-came:
		case err := <-ended:
			return fmt.Errorf("the reader ended: %w", err)
		case err := <-failed:
			return err
		case <-limit:
			return fmt.Errorf("%d of %d records came", arrived, due)
		}
	}
	return nil
}
