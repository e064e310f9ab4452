package cutdb

import "testing"

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
