package protocol

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The binary header, all integers big endian and signed:
//
//	0   int16 code        codes beyond 32767 arrive wrapped
//	2   int8  language
//	3   int16 version
//	5   int32 opaque
//	9   int32 flag
//	13  int32 remark length, remark
//	…   int32 length of all pairs
//	…   pairs: int16 key length, key, int32 value length, value
//
// Empty remarks, keys and values mean "absent".
const binaryFixed = 13

// Request codes that the 16 bits of the binary header cannot hold lie between these (pop and its relatives, 200050 and
// up). They arrive modulo 65536, in a range that no other code uses.
const (
	wideCodeFirst   = 200000
	wideCodeLast    = 200399
	wideCodeWrapped = wideCodeFirst & 0xFFFF
)

func decodeBinary(h []byte, f *Frame) error {
	if len(h) < binaryFixed+8 {
		return fmt.Errorf("%w: binary header of %d bytes, the shortest has %d", ErrFrame, len(h), binaryFixed+8)
	}
	f.Code = int32(int16(binary.BigEndian.Uint16(h)))
	f.Language = languageOfNumber(int64(h[2]))
	f.Version = int32(int16(binary.BigEndian.Uint16(h[3:])))
	f.Opaque = int32(binary.BigEndian.Uint32(h[5:]))
	f.Flag = int32(binary.BigEndian.Uint32(h[9:]))
	if !f.IsResponse() && f.Code >= wideCodeWrapped && f.Code <= wideCodeWrapped+wideCodeLast-wideCodeFirst {
		f.Code += wideCodeFirst - wideCodeWrapped
	}
	remark, rest, ok := cut32(h[binaryFixed:])
	if !ok {
		return fmt.Errorf("%w: the remark runs beyond the binary header of %d bytes", ErrFrame, len(h))
	}
	f.Remark = string(remark)
	pairs, rest, ok := cut32(rest)
	if !ok || len(rest) != 0 {
		return fmt.Errorf("%w: the extra fields do not end with the binary header of %d bytes", ErrFrame, len(h))
	}
	return decodePairs(pairs, f)
}

func decodePairs(p []byte, f *Frame) error {
	for len(p) > 0 {
		if len(p) < 2 {
			return fmt.Errorf("%w: %d bytes behind the last extra field", ErrFrame, len(p))
		}
		n := int(binary.BigEndian.Uint16(p))
		if n > math.MaxInt16 || n > len(p)-2 {
			return fmt.Errorf("%w: extra field name of %d bytes, %d are left", ErrFrame, n, len(p)-2)
		}
		key := p[2 : 2+n : 2+n]
		value, rest, ok := cut32(p[2+n:])
		if !ok {
			return fmt.Errorf("%w: the value of extra field %.40q runs beyond the header", ErrFrame, key)
		}
		p = rest
		if len(key) == 0 || len(value) == 0 {
			continue
		}
		if len(f.Fields) == maxFields {
			return fmt.Errorf("%w: more than %d extra fields", ErrFrame, maxFields)
		}
		f.Fields = append(f.Fields, Field{Key: key, Value: value})
	}
	return nil
}

// AppendBinaryField appends one more extra field to dst, which ends with the head of a frame in the binary encoding, made by
// [AppendHead] without remark. An empty value is left out. [SealBinary] must follow. So a head can be made once of the fields that are
// the same in many requests.
func AppendBinaryField(dst []byte, key string, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(key)))
	dst = append(dst, key...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

// SealBinary sets the lengths in the head of a frame with bodyLen bytes of body, after [AppendBinaryField].
func SealBinary(head []byte, bodyLen int) {
	const pairs = 8 + binaryFixed + 4 // behind the lengths of the frame and of the empty remark
	binary.BigEndian.PutUint32(head, uint32(len(head)-4+bodyLen))
	binary.BigEndian.PutUint32(head[4:], uint32(Binary)<<24|uint32(len(head)-8))
	binary.BigEndian.PutUint32(head[pairs:], uint32(len(head)-pairs-4))
}

// StampBinary sets the request code and the flag of an encoded frame, which begins with its length and has a binary header.
func StampBinary(frame []byte, code, flag int32) {
	binary.BigEndian.PutUint16(frame[8:], uint16(code))
	binary.BigEndian.PutUint32(frame[8+9:], uint32(flag))
}

// StampOpaque numbers an encoded frame, which begins with its length and has a binary header.
func StampOpaque(frame []byte, opaque int32) {
	binary.BigEndian.PutUint32(frame[8+5:], uint32(opaque))
}

// cut32 cuts a value behind its 32-bit length off b.
func cut32(b []byte) (value, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n : 4+n], b[4+n:], true
}

func appendBinary(dst []byte, f *Frame) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(f.Code))
	dst = append(dst, byte(f.Language))
	dst = binary.BigEndian.AppendUint16(dst, uint16(f.Version))
	dst = binary.BigEndian.AppendUint32(dst, uint32(f.Opaque))
	dst = binary.BigEndian.AppendUint32(dst, uint32(f.Flag))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.Remark)))
	dst = append(dst, f.Remark...)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for i := range f.Fields {
		key, value := f.Fields[i].Key, f.Fields[i].Value
		if len(key) == 0 || len(key) > math.MaxInt16 || len(value) == 0 {
			continue
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(key)))
		dst = append(dst, key...)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
		dst = append(dst, value...)
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
