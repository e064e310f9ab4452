package metrics

import (
	"io"
	"math"
	"strconv"
	"strings"
)

const (
	// bufferSize is what is written at once.
	bufferSize = 32 << 10
	// lineRoom is more than a line of usual labels takes; a longer one makes the buffer grow.
	lineRoom = 2 << 10
)

// text writes samples in Prometheus' text format 0.0.4.
type text struct {
	out    io.Writer
	buf    []byte
	common string // the common labels, written out
	labels []byte // those of the sample that is being written, common ones included
	keys   []string
	name   string // of the family that is being written
	rocket bool   // it has the common labels
	seen   map[string]struct{}
	// left counts the samples that could not be written, since a scraper would refuse the whole text for them.
	left int
	err  error
}

func newText(out io.Writer, buf []byte, common Common) *text {
	t := &text{out: out, buf: buf[:0], seen: map[string]struct{}{}}
	for i := 0; i+1 < len(common); i += 2 {
		t.keys = append(t.keys, common[i])
	}
	t.common = string(appendLabels(nil, common))
	return t
}

// add writes one sample. What breaks a rule of the format is left out.
func (t *text) add(s Sample) {
	if t.err != nil {
		return
	}
	if s.Name != t.name {
		if _, again := t.seen[s.Name]; again || !nameOK(s.Name, true) {
			t.left++
			return
		}
		t.begin(&s)
	}
	if !t.labelsOK(s.Labels) || s.Kind == Distribution && len(s.Counts) != len(s.Bounds)+1 {
		t.left++
		return
	}
	if s.Kind == Distribution {
		t.distribution(&s)
	} else {
		t.write(&s)
		t.line(s.Name, "", "", s.Value)
	}
	if len(t.buf) > bufferSize-lineRoom {
		t.flush()
	}
}

// begin writes what stands above a family.
func (t *text) begin(s *Sample) {
	t.name, t.rocket = s.Name, strings.HasPrefix(s.Name, rocketPrefix)
	t.seen[s.Name] = struct{}{}
	b := append(append(append(t.buf, "# HELP "...), s.Name...), ' ')
	b = append(b, helpEscaper().Replace(s.Help)...)
	b = append(append(append(b, "\n# TYPE "...), s.Name...), ' ')
	switch s.Kind {
	case Counter:
		b = append(b, "counter\n"...)
	case Distribution:
		b = append(b, "histogram\n"...)
	default:
		b = append(b, "gauge\n"...)
	}
	t.buf = b
}

func helpEscaper() *strings.Replacer { return strings.NewReplacer("\\", "\\\\", "\n", "\\n") }

func (t *text) distribution(s *Sample) {
	t.write(s)
	n := int64(0)
	var room [24]byte
	for i, c := range s.Counts {
		n += c
		bound := "+Inf"
		if i < len(s.Bounds) {
			bound = string(appendNumber(room[:0], s.Bounds[i])) // no allocation: it is not kept
		}
		t.line(s.Name, "_bucket", bound, float64(n))
	}
	t.line(s.Name, "_sum", "", s.Sum)
	t.line(s.Name, "_count", "", float64(n))
}

// write makes the text of a sample's labels, which a distribution's lines share.
func (t *text) write(s *Sample) {
	t.labels = t.labels[:0]
	if t.rocket {
		t.labels = append(t.labels, t.common...)
	}
	t.labels = appendLabels(t.labels, s.Labels)
}

// line writes one value with those labels; bound is the label le, "" for none.
func (t *text) line(name, suffix string, bound string, v float64) {
	b := append(append(t.buf, name...), suffix...)
	if len(t.labels) > 0 || bound != "" {
		b = append(append(b, '{'), t.labels...)
		if bound != "" {
			b = append(append(append(b, `le="`...), bound...), `",`...)
		}
		b[len(b)-1] = '}' // in the last comma's place
	}
	b = append(b, ' ')
	t.buf = append(appendNumber(b, v), '\n')
}

// appendLabels appends pairs, each with a comma behind it.
func appendLabels(b []byte, pairs []string) []byte {
	for i := 0; i+1 < len(pairs); i += 2 {
		b = append(append(b, pairs[i]...), `="`...)
		b = append(appendEscaped(b, pairs[i+1]), `",`...)
	}
	return b
}

// appendEscaped appends a label's value. Bytes that are no UTF-8 become U+FFFD, since a scraper would refuse the whole text.
func appendEscaped(b []byte, v string) []byte {
	plain := true
	for i := range len(v) {
		if c := v[i]; c == '\\' || c == '"' || c == '\n' || c >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		return append(b, v...)
	}
	for _, r := range v {
		switch r {
		case '\\', '"':
			b = append(b, '\\', byte(r))
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, string(r)...)
		}
	}
	return b
}

// wholeNumbers are those that a float64 holds exactly.
const wholeNumbers = 1 << 53

func appendNumber(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < wholeNumbers {
		return strconv.AppendInt(b, int64(v), 10)
	}
	if math.IsInf(v, 1) {
		return append(b, "+Inf"...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// labelsOK reports whether every label has a value, a name that may be, and no other label its name.
func (t *text) labelsOK(pairs []string) bool {
	if len(pairs)%2 != 0 {
		return false
	}
	for i := 0; i < len(pairs); i += 2 {
		if !nameOK(pairs[i], false) || pairs[i] == "le" {
			return false
		}
		for j := 0; j < i; j += 2 {
			if pairs[j] == pairs[i] {
				return false
			}
		}
		for j := 0; t.rocket && j < len(t.keys); j++ {
			if t.keys[j] == pairs[i] {
				return false
			}
		}
	}
	return true
}

// nameOK reports whether the name of a metric, or of a label, is one that Prometheus takes.
func nameOK(name string, metric bool) bool {
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':' && metric, c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != ""
}

// end says what was left out, and writes what is left.
func (t *text) end() {
	left := t.left
	t.add(Sample{Name: "aerobee_metrics_left_out", Help: "Samples that are missing here, since their name or labels break a rule.", Kind: Gauge, Value: float64(left)})
	t.flush()
}

func (t *text) flush() {
	if t.err == nil && len(t.buf) > 0 {
		_, t.err = t.out.Write(t.buf)
	}
	t.buf = t.buf[:0]
}
