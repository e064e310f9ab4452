package cutdb

import (
	"testing"

	"github.com/aerobee-mq/aerobee/store/directory"
)

func TestFormatsOfMarks(t *testing.T) {
	for format := range byte(directory.FormatVersion + 2) {
		m, err := decodeMark([]byte{format, 70, 60})
		if known := format >= 2 && format <= directory.FormatVersion; known != (err == nil) || known && m != (Mark{Applied: 70, Prev: 60}) {
			t.Errorf("format %d: %+v, %v", format, m, err)
		}
	}
}

func FuzzDecodeMark(f *testing.F) {
	f.Add(appendMark(nil, Mark{Applied: 700, Prev: 600}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMark(b)
		if err != nil {
			return
		}
		if again, err := decodeMark(appendMark(nil, m)); err != nil || again != m {
			t.Errorf("%+v comes back as %+v, %v (%x)", m, again, err, b)
		}
	})
}
