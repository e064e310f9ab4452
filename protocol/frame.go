package protocol

// Encoding says how a frame's header is written.
type Encoding byte

// The header encodings.
const (
	JSON   Encoding = 0
	Binary Encoding = 1
)

// Flag bits of a frame.
const (
	FlagResponse int32 = 1
	FlagOneway   int32 = 2
)

// Frame is one request or response. A decoded frame aliases the connection's read buffer: it is valid until the handler
// that got it returns; [Frame.Clone] makes one that lasts.
type Frame struct {
	Encoding Encoding
	Code     int32
	Language Language
	Version  int32
	Opaque   int32
	Flag     int32
	Remark   string
	Fields   Fields
	Body     []byte
}

// Field is one extra header field. Values always travel as text.
type Field struct{ Key, Value []byte }

// Fields are a frame's extra header fields in wire order.
type Fields []Field
