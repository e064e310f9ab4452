package trace

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrMalformed is wrapped by the errors of [Parse].
var ErrMalformed = errors.New("malformed trace")

// The least number of fields of each kind, its name included, and how many those of clients have that know all fields.
const (
	sentFields, sentFull   = 13, 14 // without the offset id
	begunFields            = 8
	endedFields, endedFull = 6, 9 // without code, time and group
)

// Parse reads the body of a trace message. What it has read before an error, which names the trace, is returned with it. Fields that
// newer clients append are passed over.
func Parse(body []byte) ([]Trace, error) {
	var all []Trace
	rest := string(body)
	for rest != "" {
		text, behind, ended := strings.Cut(rest, string(rune(end)))
		if !ended {
			return all, fmt.Errorf("trace %d: it has no end: %w", len(all), ErrMalformed)
		}
		rest = behind
		t, err := parseOne(strings.Split(text, string(rune(separator))))
		if err != nil {
			return all, fmt.Errorf("trace %d: %w", len(all), err)
		}
		all = append(all, t)
	}
	return all, nil
}

func parseOne(f []string) (Trace, error) {
	r := reader{fields: f, at: 1}
	var t Trace
	switch f[0] {
	case "Pub":
		if len(f) < sentFields {
			return nil, tooFew(f, sentFields)
		}
		s := &Sent{At: r.time(), Region: r.text(), Group: r.text(), Topic: r.text(), ID: r.text(), Tag: r.text(), Keys: r.text(), StoreHost: r.text(),
			BodyLength: int(r.number()), Cost: r.duration(), Kind: int(r.number())}
		if len(f) >= sentFull {
			s.OffsetID = r.text()
		}
		s.Success = r.bool()
		t = s
	case "SubBefore":
		if len(f) < begunFields {
			return nil, tooFew(f, begunFields)
		}
		t = &Begun{At: r.time(), Region: r.text(), Group: r.text(), Request: r.text(), ID: r.text(), Retries: int(r.number()), Keys: r.text()}
	case "SubAfter":
		if len(f) < endedFields {
			return nil, tooFew(f, endedFields)
		}
		e := &Ended{Request: r.text(), ID: r.text(), Cost: r.duration(), Success: r.bool(), Keys: r.text()}
		if len(f) > endedFields {
			e.Code = Code(r.number())
		}
		if len(f) >= endedFull {
			e.At, e.Group = r.time(), r.text()
		}
		t = e
	default:
		return &Other{Fields: f}, nil
	}
	return t, r.err
}

func tooFew(f []string, least int) error {
	return fmt.Errorf("a %s has %d fields, at least %d are needed: %w", f[0], len(f), least, ErrMalformed)
}

// reader takes one field after the other and keeps the first error.
type reader struct {
	fields []string
	at     int
	err    error
}

func (r *reader) field() string {
	r.at++
	return r.fields[r.at-1]
}

func (r *reader) text() string {
	if text := r.field(); text != absent {
		return text
	}
	return ""
}

func (r *reader) number() int64 {
	text := r.field()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("field %d, %.40q, is no number: %w", r.at-1, text, ErrMalformed)
	}
	return n
}

func (r *reader) time() time.Time { return time.UnixMilli(r.number()) }

// duration bounds what it reads, so that it is written as it was read.
func (r *reader) duration() time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(max(-most, min(r.number(), most))) * time.Millisecond
}

func (r *reader) bool() bool { return r.field() == "true" }
