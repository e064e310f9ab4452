package protocol

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// RegisterBrokerBody is the request body of REGISTER_BROKER (103): a broker's topics. It travels as JSON, or compressed, as a zlib
// stream of
//
//	int32 length, DataVersion as JSON
//	int32 n, n times: int32 length, text "name readQueueNums writeQueueNums perm filterType attributes" (attributes as JSON, may be missing)
//	int32 length, filter servers as a JSON array
//	int32 m, m times: int32 length, TopicQueueMappingInfo as JSON      (from Version5_0_0 on)
//
// The compressed form drops order and topicSysFlag of the topics.
type RegisterBrokerBody struct {
	FilterServers []string         `json:"filterServerList"`
	Topics        TopicConfigTable `json:"topicConfigSerializeWrapper"`
}

// MaxRegisterBytes bounds what a compressed REGISTER_BROKER body may expand to: more than 300,000 topics with common names. Deflate can
// pack a thousand bytes into one, so that without a bound one frame could ask for 16 GiB.
const MaxRegisterBytes = 32 << 20

// maxRegisterTopics bounds the lines in it, each of which costs many times its shortest text in memory.
const maxRegisterTopics = 1 << 19

// maxAttributes bounds the attributes of one of them, as text. Brokers know ten.
const maxAttributes = 64 << 10

// zlibMagic is the first byte of a zlib stream with a window of 32 KiB. No JSON begins with it.
const zlibMagic = 0x78

// UnmarshalRegisterBroker decodes a body of 103 from a broker of that version. An empty body is a broker without topics. A zlib stream is
// known by its first byte as well: brokers of 5.x with compressedRegister=true compress and say that they did not, whereupon
// Apache's own NameServer refuses them.
func UnmarshalRegisterBroker(body []byte, compressed bool, version int32) (RegisterBrokerBody, error) {
	return UnmarshalRegisterBrokerWithin(body, compressed, version, MaxRegisterBytes)
}

// UnmarshalRegisterBrokerWithin is [UnmarshalRegisterBroker] with another limit than [MaxRegisterBytes]. Of JSON it bounds the values: each
// costs many times its shortest text in memory, so that there may be one for 8 bytes of the limit, twice of what brokers write.
func UnmarshalRegisterBrokerWithin(body []byte, compressed bool, version int32, limit int64) (RegisterBrokerBody, error) {
	var out RegisterBrokerBody
	if len(body) == 0 {
		return out, nil
	}
	compressed = compressed || body[0] == zlibMagic
	if values := int64(bytes.Count(body, []byte(",")) + bytes.Count(body, []byte("{"))); !compressed && values > limit/8 {
		return out, fmt.Errorf("decode the register body: about %d values in JSON, more than the limit of %d", values, limit/8)
	}
	switch {
	case !compressed && version < Version3_0_11:
		return out, UnmarshalBody(body, &out.Topics)
	case !compressed:
		return out, UnmarshalBody(body, &out)
	}
	stream, err := zlib.NewReader(bytes.NewReader(body))
	if err != nil {
		return out, fmt.Errorf("decode the register body: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(stream, limit+1))
	if err != nil {
		return out, fmt.Errorf("decode the register body: %w", err)
	}
	if int64(len(text)) > limit {
		return out, fmt.Errorf("decode the register body: %d bytes expand to more than the limit of %d", len(body), limit)
	}
	if err := out.readParts(&partReader{text}, version); err != nil {
		return out, fmt.Errorf("decode the register body: %w", err)
	}
	return out, nil
}

func (b *RegisterBrokerBody) readParts(r *partReader, version int32) error {
	if err := r.json(&b.Topics.DataVersion); err != nil {
		return fmt.Errorf("data version: %w", err)
	}
	err := r.each(func(part []byte) error {
		c, err := parseTopicConfig(string(part))
		if b.Topics.Topics == nil {
			b.Topics.Topics = map[string]TopicConfig{}
		}
		b.Topics.Topics[c.TopicName] = c
		return err
	})
	if err != nil {
		return fmt.Errorf("topics: %w", err)
	}
	if err := r.json(&b.FilterServers); err != nil {
		return fmt.Errorf("filter servers: %w", err)
	}
	if version < Version5_0_0 {
		return nil
	}
	err = r.each(func(part []byte) error {
		var m TopicQueueMappingInfo
		err := UnmarshalBody(part, &m)
		if b.Topics.Mappings == nil {
			b.Topics.Mappings = map[string]TopicQueueMappingInfo{}
		}
		b.Topics.Mappings[m.Topic] = m
		return err
	})
	if err != nil {
		return fmt.Errorf("static topics: %w", err)
	}
	return nil
}

// partReader takes parts with their length in front.
type partReader struct{ rest []byte }

func (r *partReader) int() (int, error) {
	if len(r.rest) < 4 {
		return 0, io.ErrUnexpectedEOF
	}
	n := binary.BigEndian.Uint32(r.rest)
	r.rest = r.rest[4:]
	if int64(n) > int64(len(r.rest)) {
		return 0, fmt.Errorf("a length or count of %d with %d bytes left", n, len(r.rest))
	}
	return int(n), nil
}

func (r *partReader) part() ([]byte, error) {
	n, err := r.int()
	if err != nil {
		return nil, err
	}
	part := r.rest[:n]
	r.rest = r.rest[n:]
	return part, nil
}

func (r *partReader) json(v any) error {
	part, err := r.part()
	if err != nil {
		return err
	}
	return UnmarshalBody(part, v)
}

func (r *partReader) each(item func([]byte) error) error {
	n, err := r.int()
	if n > maxRegisterTopics {
		return fmt.Errorf("%d topics, more than the limit of %d", n, maxRegisterTopics)
	}
	for ; err == nil && n > 0; n-- {
		var part []byte
		if part, err = r.part(); err == nil {
			err = item(part)
		}
	}
	return err
}

// parseTopicConfig reads a topic's line. Attributes that do not parse are left out, as RocketMQ leaves them out.
func parseTopicConfig(line string) (TopicConfig, error) {
	w := strings.SplitN(line, " ", 6)
	if len(w) < 5 {
		return TopicConfig{}, fmt.Errorf("topic line %.100q has %d words, wanted at least 5", line, len(w))
	}
	c := TopicConfig{TopicName: w[0], TopicFilterType: w[4]}
	for i, field := range []*int32{&c.ReadQueueNums, &c.WriteQueueNums, &c.Perm} {
		n, err := strconv.ParseInt(w[i+1], 10, 32)
		if err != nil {
			return c, fmt.Errorf("topic line %.100q: %w", line, err)
		}
		*field = int32(n)
	}
	if len(w) == 6 && w[5] != "" && len(w[5]) <= maxAttributes {
		var attributes map[string]string
		if UnmarshalBody([]byte(w[5]), &attributes) == nil {
			c.Attributes = attributes
		}
	}
	return c, nil
}

// Marshal encodes the body as a broker of the current version sends it.
func (b *RegisterBrokerBody) Marshal(compressed bool) ([]byte, error) {
	if !compressed {
		return b.appendJSON(nil), nil
	}
	var out bytes.Buffer
	stream := zlib.NewWriter(&out)
	if _, err := stream.Write(b.appendParts(nil)); err != nil {
		return nil, fmt.Errorf("encode the register body: %w", err)
	}
	if err := stream.Close(); err != nil {
		return nil, fmt.Errorf("encode the register body: %w", err)
	}
	return out.Bytes(), nil
}

func (b *RegisterBrokerBody) appendParts(dst []byte) []byte {
	part := func(p []byte) {
		dst = append(appendCount(dst, len(p)), p...)
	}
	part(MarshalBody(b.Topics.DataVersion))
	dst = appendCount(dst, len(b.Topics.Topics))
	for _, name := range slices.Sorted(maps.Keys(b.Topics.Topics)) {
		c := b.Topics.Topics[name]
		attributes := c.Attributes
		if attributes == nil {
			attributes = map[string]string{}
		}
		part(fmt.Appendf(nil, "%s %d %d %d %s %s", c.TopicName, c.ReadQueueNums, c.WriteQueueNums, c.Perm, c.TopicFilterType, MarshalBody(attributes)))
	}
	part(appendTextList(nil, b.FilterServers, FastJSON))
	dst = appendCount(dst, len(b.Topics.Mappings))
	for _, name := range slices.Sorted(maps.Keys(b.Topics.Mappings)) {
		m := b.Topics.Mappings[name]
		part(m.append(nil, FastJSON))
	}
	return dst
}

// appendCount appends a length or a count. What a body holds is far below 1<<31: frames are bounded.
func appendCount(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

// appendJSON writes the lists and maps also when they are empty: older NameServers do not expect null.
func (b *RegisterBrokerBody) appendJSON(dst []byte) []byte {
	full := *b
	if full.FilterServers == nil {
		full.FilterServers = []string{}
	}
	if full.Topics.Topics == nil {
		full.Topics.Topics = map[string]TopicConfig{}
	}
	if full.Topics.Mappings == nil {
		full.Topics.Mappings = map[string]TopicQueueMappingInfo{}
	}
	return append(dst, MarshalBody(&full)...)
}
