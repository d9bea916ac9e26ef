package main

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Protocol buffers, for the two systems whose clients would be generated: fields are written and read where they lie.

func appendBytes(message []byte, field protowire.Number, value []byte) []byte {
	message = protowire.AppendTag(message, field, protowire.BytesType)
	return protowire.AppendBytes(message, value)
}

func appendString(message []byte, field protowire.Number, value string) []byte {
	message = protowire.AppendTag(message, field, protowire.BytesType)
	return protowire.AppendString(message, value)
}

func appendNumber(message []byte, field protowire.Number, value uint64) []byte {
	message = protowire.AppendTag(message, field, protowire.VarintType)
	return protowire.AppendVarint(message, value)
}

// eachField calls each for every field that has a length, and passes over the others.
func eachField(message []byte, each func(field protowire.Number, value []byte) error) error {
	for len(message) > 0 {
		field, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return fmt.Errorf("not a message: %w", protowire.ParseError(length))
		}
		message = message[length:]
		if kind != protowire.BytesType {
			if length = protowire.ConsumeFieldValue(field, kind, message); length < 0 {
				return fmt.Errorf("not a message: %w", protowire.ParseError(length))
			}
			message = message[length:]
			continue
		}
		value, length := protowire.ConsumeBytes(message)
		if length < 0 {
			return fmt.Errorf("not a message: %w", protowire.ParseError(length))
		}
		if err := each(field, value); err != nil {
			return err
		}
		message = message[length:]
	}
	return nil
}

// fieldOf is the last value of a field that has a length, or nothing.
func fieldOf(message []byte, wanted protowire.Number) ([]byte, error) {
	var found []byte
	err := eachField(message, func(field protowire.Number, value []byte) error {
		if field == wanted {
			found = value
		}
		return nil
	})
	return found, err
}

// queue holds what was sent and is answered in its order.
type queue struct{ waiting chan func(error) }

// More than any load has unanswered.
const queueMax = 1 << 16

func newQueue() queue { return queue{make(chan func(error), queueMax)} }

func (q queue) push(done func(error)) { q.waiting <- done }

func (q queue) answer(err error) error {
	select {
	case done := <-q.waiting:
		done(err)
		return nil
	default:
		return fmt.Errorf("an answer that nothing was sent for")
	}
}

// fail tells all that wait, once nothing is answered any more.
func (q queue) fail(err error) {
	for {
		select {
		case done := <-q.waiting:
			done(err)
		default:
			return
		}
	}
}
