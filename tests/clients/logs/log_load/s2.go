package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

type protoField = protowire.Number

// s2's session protocol, spoken directly: its SDK for Go cannot be pinned as a module here, and this costs less than an
// SDK would. Frames have a length of three bytes, a byte of flags, and a message.
const (
	s2Basin        = "bench-logs"
	s2FlagsLast    = 0x80
	s2FrameMax     = 2 << 20
	s2BufferBytes  = 1 << 20
	s2LengthBytes  = 3
	s2StatusBytes  = 2
	s2HeaderFormat = "s2s/proto"
)

type s2 struct {
	settings
	client *http.Client
}

func newS2(asked settings) (system, error) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, DisableCompression: true}
	transport.HTTP2 = &http.HTTP2Config{
		MaxReceiveBufferPerConnection: 16 << 20,
		MaxReceiveBufferPerStream:     8 << 20,
		MaxReadFrameSize:              1 << 20,
	}
	return s2{asked, &http.Client{Transport: transport}}, nil
}

func (s s2) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+"/v1/"+path, body)
	if err == nil {
		request.Header.Set("authorization", "Bearer none")
		request.Header.Set("s2-basin", s2Basin)
	}
	return request, err
}

func (s s2) create(ctx context.Context) error {
	for _, path := range []string{"basins/" + s2Basin, "streams/" + s.stream} {
		request, err := s.request(ctx, http.MethodPut, path, strings.NewReader("{}"))
		if err != nil {
			return err
		}
		request.Header.Set("content-type", "application/json")
		reply, err := s.client.Do(request)
		if err != nil {
			return err
		}
		text, _ := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if reply.StatusCode >= 300 {
			return fmt.Errorf("%s: %s: %s", path, reply.Status, text)
		}
	}
	return nil
}

type s2Producer struct {
	requests *io.PipeWriter
	sent     queue
	work     chan []byte
}

func (s s2) producer(ctx context.Context) (producer, error) {
	// A connection of its own for each.
	own, err := newS2(s.settings)
	if err != nil {
		return nil, err
	}
	body, requests := io.Pipe()
	request, err := s.request(ctx, http.MethodPost, "streams/"+s.stream+"/records", body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("content-type", s2HeaderFormat)
	open := s2Producer{requests, newQueue(), make(chan []byte, queueMax)}
	go open.send()
	go func() { open.sent.fail(open.answers(own.(s2).client, request)) }()
	return open, nil
}

func (p s2Producer) send() {
	for frame := range p.work {
		if _, err := p.requests.Write(frame); err != nil {
			p.sent.fail(err)
		}
	}
	_ = p.requests.Close()
}

func (p s2Producer) put(records [][]byte, done func(error)) {
	size := s2LengthBytes + 1
	for _, data := range records {
		size += len(data) + 16
	}
	frame := append(make([]byte, 0, size), 0, 0, 0, 0)
	var record []byte
	for _, data := range records {
		record = appendBytes(record[:0], 3, data)
		frame = appendBytes(frame, 1, record)
	}
	length := len(frame) - s2LengthBytes
	frame[0], frame[1], frame[2] = byte(length>>16), byte(length>>8), byte(length)
	p.sent.push(done)
	p.work <- frame
}

func (p s2Producer) close() { close(p.work) }

func (p s2Producer) answers(client *http.Client, request *http.Request) error {
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	return eachFrame(reply, func([]byte) error { return p.sent.answer(nil) })
}

// eachFrame calls each for every message of a session, until it ends, always with an error.
func eachFrame(reply *http.Response, each func(message []byte) error) error {
	if reply.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(reply.Body)
		return fmt.Errorf("%s: %s", reply.Status, text)
	}
	frames := bufio.NewReaderSize(reply.Body, s2BufferBytes)
	frame := make([]byte, s2FrameMax)
	for {
		var prefix [4]byte
		if _, err := io.ReadFull(frames, prefix[1:]); err != nil {
			return err
		}
		length := int(binary.BigEndian.Uint32(prefix[:]))
		if length < 1 || length > len(frame) {
			return fmt.Errorf("a frame of %d bytes", length)
		}
		if _, err := io.ReadFull(frames, frame[:length]); err != nil {
			return err
		}
		if frame[0]&s2FlagsLast != 0 {
			return fmt.Errorf("the session ended: %s", frame[min(1+s2StatusBytes, length):length])
		}
		if err := each(frame[1:length]); err != nil {
			return err
		}
	}
}

func (s s2) follow(ctx context.Context, fromStart bool, ready func(), each func([]byte)) error {
	from := "tail_offset=0"
	if fromStart {
		from = "seq_num=0"
	}
	request, err := s.request(ctx, http.MethodGet, "streams/"+s.stream+"/records?"+from, nil)
	if err != nil {
		return err
	}
	request.Header.Set("content-type", s2HeaderFormat)
	reply, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	isReady := false
	return eachFrame(reply, func(batch []byte) error {
		if !isReady {
			// The first message, empty, says that what follows is new.
			isReady = true
			ready()
		}
		return eachField(batch, func(field protoField, value []byte) error {
			if field != 1 {
				return nil
			}
			body, err := fieldOf(value, 4)
			each(body)
			return err
		})
	})
}
