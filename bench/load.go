package bench

import (
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// stampSize is what a message of an end-to-end run carries at the head of its body:
//
//	bytes 0-7   the run's number, big endian
//	bytes 8-15  intended time of sending in nanoseconds since the run's beginning, big endian
const stampSize = 16

// putStamp writes the stamp into a body that is long enough.
func putStamp(body []byte, run uint64, intended time.Duration) {
	binary.BigEndian.PutUint64(body, run)
	binary.BigEndian.PutUint64(body[8:], uint64(intended))
}

// stampOf reads a body's stamp; ok is false for a message of another run.
func stampOf(body []byte, run uint64) (intended time.Duration, ok bool) {
	if len(body) < stampSize || binary.BigEndian.Uint64(body) != run {
		return 0, false
	}
	return time.Duration(binary.BigEndian.Uint64(body[8:])), true
}

// keyRing is how many different keys one sender gives.
const keyRing = 1024

// load makes a run's messages before it begins, so that sending allocates nothing.
type load struct {
	topics []string
	tag    string
	body   []byte
	keys   bool
}

func newLoad(c *Config, topics []string) load {
	return load{topics: topics, tag: c.Tag, body: newBody(c.Size, c.Random, c.Seed), keys: c.Keys}
}

// newBody is size bytes, of text or at random by a seed.
func newBody(size int, random bool, seed uint64) []byte {
	const text = "Aerobee was a small rocket that carried instruments to the upper atmosphere, more than a thousand times. "
	body := make([]byte, size)
	if !random {
		copy(body, strings.Repeat(text, size/len(text)+1))
		return body
	}
	source := rand.NewChaCha8([32]byte(binary.BigEndian.AppendUint64(make([]byte, 24), seed)))
	_, _ = source.Read(body) // never fails
	return body
}

// message makes a message for one slot. Stamped ones get a body of their own, the others share the load's.
func (l *load) message(stamped bool) client.Message {
	m := client.Message{Topic: l.topics[0], Body: l.body, Tag: l.tag}
	if stamped {
		m.Body = append([]byte(nil), l.body...)
	}
	return m
}

// ring makes the keys that one sender gives in turn, nil for none.
func (l *load) ring(sender int) [][]string {
	if !l.keys {
		return nil
	}
	ring := make([][]string, keyRing)
	for i := range ring {
		ring[i] = []string{"bench-" + strconv.Itoa(sender) + "-" + strconv.Itoa(i)}
	}
	return ring
}
