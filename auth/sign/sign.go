// Package sign makes and checks the signatures of RocketMQ's clients: HMAC-SHA1 with the password of a user, over what a remoting request carries,
// or over the time in a gRPC request's header. Nothing of a request is remembered, so one that was overheard can be said again: that is the protocol's,
// and only TLS helps. Everything in it is safe to call at once.
package sign

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- what the clients compute
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/protocol"
)

// The header fields of a signed remoting request.
const (
	fieldUser      = "AccessKey"
	fieldSignature = "Signature"
	fieldToken     = "SecurityToken"
)

// lastUnsignedFlag is V4_9_3, the last version whose clients add unsignedFlag behind the signature.
const (
	lastUnsignedFlag = 399
	unsignedFlag     = "_UNIQUE_KEY_QUERY"
)

// Credentials are what a client signs with. The zero value signs nothing.
type Credentials struct {
	User, Password string
	Token          string // is sent along and signed; nobody asks for it here
}

// Frame signs a remoting request: it adds the fields. What it has of them already is replaced. Its other fields are not changed any more.
func (c *Credentials) Frame(f *protocol.Frame) {
	if c.User == "" {
		return
	}
	fields := make(protocol.Fields, 0, len(f.Fields)+3)
	for _, one := range f.Fields {
		if name := string(one.Key); name != fieldUser && name != fieldSignature && name != fieldToken {
			fields = append(fields, one)
		}
	}
	fields.Add(fieldUser, c.User)
	if c.Token != "" {
		fields.Add(fieldToken, c.Token)
	}
	f.Fields = fields
	f.Fields.Add(fieldSignature, base64.StdEncoding.EncodeToString(Sum(c.Password, content(f))))
}

// Signer is Frame as remoting connections take it; nil if there is nobody to sign as.
func (c *Credentials) Signer() func(f *protocol.Frame) {
	if c.User == "" {
		return nil
	}
	return c.Frame
}

// Sum is the signature of a text.
func Sum(password string, text []byte) []byte {
	h := hmac.New(sha1.New, []byte(password))
	_, _ = h.Write(text) // it returns no errors
	return h.Sum(nil)
}

// User is who a remoting request says that it is from, "" if it does not.
func User(f *protocol.Frame) string { return f.Fields.String(fieldUser) }

// Claims tells whether a remoting request carries a signature, or a part of one: then nothing else says who it is from.
func Claims(f *protocol.Frame) bool {
	_, user := f.Fields.Get(fieldUser)
	_, signature := f.Fields.Get(fieldSignature)
	return user || signature
}

// Signed tells whether a remoting request's signature was made with a password. The comparison takes as long wherever they differ.
func Signed(f *protocol.Frame, password string) bool {
	given, _ := f.Fields.Get(fieldSignature)
	wanted := make([]byte, base64.StdEncoding.EncodedLen(sha1.Size))
	base64.StdEncoding.Encode(wanted, Sum(password, content(f)))
	return subtle.ConstantTimeCompare(given, wanted) == 1
}

// content is what a remoting request's signature is over: the values of its fields in the order of their names, and its body.
func content(f *protocol.Frame) []byte {
	sorted := make([]*protocol.Field, 0, len(f.Fields))
	size := len(f.Body)
	for i := range f.Fields {
		one := &f.Fields[i]
		if name := string(one.Key); name == fieldSignature || name == unsignedFlag && f.Version <= lastUnsignedFlag {
			continue
		}
		sorted = append(sorted, one)
		size += len(one.Value)
	}
	slices.SortStableFunc(sorted, func(a, b *protocol.Field) int { return bytes.Compare(a.Key, b.Key) })
	out := make([]byte, 0, size)
	for _, one := range sorted {
		out = append(out, one.Value...)
	}
	return append(out, f.Body...)
}

// Header is a gRPC request's header "authorization", read.
type Header struct {
	User      string
	Signature []byte // nil if there is none
}

// maxHeader bounds the header in bytes.
const maxHeader = 4 << 10

// Problem is what is wrong with a header. Its text goes to clients as it is: RocketMQ's words, full stops included.
type Problem string

// Error is the text.
func (p Problem) Error() string { return string(p) }

// ReadHeader reads "MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=x-mq-date-time, Signature=0AF3". An error is a
// [Problem].
func ReadHeader(text string) (h Header, err error) {
	if len(text) > maxHeader {
		return h, Problem(fmt.Sprintf("the authentication header has %d bytes, the limit is %d", len(text), maxHeader))
	}
	_, list, ok := strings.Cut(text, " ")
	if !ok {
		return h, Problem("authentication header is incorrect.")
	}
	for pair := range strings.SplitSeq(strings.TrimRight(list, ","), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok {
			return h, Problem("authentication keyValues length is incorrect, actual length=1.")
		}
		switch name {
		case "Credential":
			h.User, _, _ = strings.Cut(value, "/")
		case "Signature":
			if h.Signature, err = hex.DecodeString(value); err != nil {
				return h, Problem("create authentication context error. (the signature is not hexadecimal)")
			}
		}
	}
	return h, nil
}

// Signed tells whether the header's signature of a text was made with a password.
func (h *Header) Signed(text, password string) bool {
	return hmac.Equal(h.Signature, Sum(password, []byte(text)))
}
