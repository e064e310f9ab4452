package index

import (
	"io"

	"github.com/aerobee-mq/aerobee/message"
)

// Pin hands the files of the blocks that cover the log to visit, oldest first, and keeps them readable, whatever is merged
// or dropped meanwhile, until release is called. Everything in them lies before upTo.
func (ix *Index) Pin(visit func(name string, size int64, r io.ReaderAt)) (upTo message.LogOffset, release func()) {
	v := ix.acquire()
	for _, b := range v.live {
		visit(b.fileName(), b.size, b.file)
		upTo = max(upTo, b.UpTo)
	}
	return upTo, v.release
}
