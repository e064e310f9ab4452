package protocol

// SendMessageHeader is the request header of SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320) and the two
// SEND_REPLY_MESSAGE codes (324, 325). Version 1 has long names, version 2 one letter each; code 10 and 324 carry version 1,
// the others version 2. Whether the body is a batch is said by Batch, not by the code. Texts alias the decoded frame.
//
//	a producerGroup*          h flag*
//	b topic*                  i properties
//	c defaultTopic*           j reconsumeTimes
//	d defaultTopicQueueNums*  k unitMode
//	e queueId*                l maxReconsumeTimes
//	f sysFlag*                m batch
//	g bornTimestamp*          n brokerName (version 1: bname)
//
// Fields with a star must be there. A queue id below 0 asks the broker to choose.
type SendMessageHeader struct {
	ProducerGroup         []byte
	Topic                 []byte
	DefaultTopic          []byte
	DefaultTopicQueueNums int32
	QueueID               int32
	SysFlag               int32
	BornTimestamp         int64 // milliseconds
	Flag                  int32
	Properties            []byte
	ReconsumeTimes        int32
	UnitMode              bool
	Batch                 bool
	HasMaxReconsumeTimes  bool // honoured from Version3_4_9 on
	MaxReconsumeTimes     int32
	BrokerName            []byte
}

// The letters of version 2 that must be there, as bits: b and e to h. RocketMQ calls a, c and d required as well, but its broker
// takes sends without them.
const sendRequired = 1<<1 | 1<<4 | 1<<5 | 1<<6 | 1<<7

// DecodeV2 reads the one-letter names (310, 320, 325). It allocates nothing unless it fails.
func (h *SendMessageHeader) DecodeV2(fs Fields) error {
	*h = SendMessageHeader{}
	seen := 0
	for i := range fs {
		if k := fs[i].Key; len(k) == 1 && k[0] >= 'a' && k[0] <= 'n' {
			if err := h.set(k[0], fs[i].Value); err != nil {
				return err
			}
			seen |= 1 << (k[0] - 'a')
		}
	}
	return sendComplete(seen, sendLetters)
}

// DecodeV1 reads the long names (10, 324). It allocates nothing unless it fails.
func (h *SendMessageHeader) DecodeV1(fs Fields) error {
	*h = SendMessageHeader{}
	seen := 0
	for i := range fs {
		letter := sendLetter(fs[i].Key)
		if letter == 0 {
			continue
		}
		if err := h.set(letter, fs[i].Value); err != nil {
			return err
		}
		seen |= 1 << (letter - 'a')
	}
	return sendComplete(seen, sendNames)
}

// DecodeSend reads the version that belongs to the request code.
func (h *SendMessageHeader) DecodeSend(code int32, fs Fields) error {
	if code == ReqSendMessage || code == ReqSendReplyMessage {
		return h.DecodeV1(fs)
	}
	return h.DecodeV2(fs)
}

func sendComplete(seen int, namesOf func() [14]string) error {
	if seen&sendRequired == sendRequired {
		return nil
	}
	names := namesOf()
	for letter := byte('a'); letter <= 'h'; letter++ {
		if bit := 1 << (letter - 'a'); sendRequired&bit != 0 && seen&bit == 0 {
			return missingField(names[letter-'a'])
		}
	}
	return nil
}

func (h *SendMessageHeader) set(letter byte, v []byte) (err error) {
	switch letter {
	case 'a':
		h.ProducerGroup = v
	case 'b':
		h.Topic = v
	case 'c':
		h.DefaultTopic = v
	case 'd':
		h.DefaultTopicQueueNums, err = sendInt32(letter, v)
	case 'e':
		h.QueueID, err = sendInt32(letter, v)
	case 'f':
		h.SysFlag, err = sendInt32(letter, v)
	case 'g':
		h.BornTimestamp, err = sendInt(letter, v, 64)
	case 'h':
		h.Flag, err = sendInt32(letter, v)
	case 'i':
		h.Properties = v
	case 'j':
		h.ReconsumeTimes, err = sendInt32(letter, v)
	case 'k':
		h.UnitMode = isTrue(v)
	case 'l':
		h.MaxReconsumeTimes, err = sendInt32(letter, v)
		h.HasMaxReconsumeTimes = true
	case 'm':
		h.Batch = isTrue(v)
	case 'n':
		h.BrokerName = v
	}
	return err
}

func sendInt32(letter byte, v []byte) (int32, error) {
	n, err := sendInt(letter, v, 32)
	return int32(n), err
}

func sendInt(letter byte, v []byte, bits int) (int64, error) {
	n, ok := parseSized(v, bits)
	if !ok {
		return 0, badInteger(sendNames()[letter-'a'], v, bits)
	}
	return n, nil
}

// sendNames are the long names, in the order of the letters.
func sendNames() [14]string {
	return [...]string{"producerGroup", "topic", "defaultTopic", "defaultTopicQueueNums", "queueId", "sysFlag", "bornTimestamp", "flag",
		"properties", "reconsumeTimes", "unitMode", "maxReconsumeTimes", "batch", "bname"}
}

// sendLetters are the one-letter names.
func sendLetters() [14]string {
	return [...]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"}
}

// sendLetter is the letter of a long name, 0 for a name that no send has.
func sendLetter(name []byte) byte {
	switch string(name) {
	case "producerGroup":
		return 'a'
	case "topic":
		return 'b'
	case "defaultTopic":
		return 'c'
	case "defaultTopicQueueNums":
		return 'd'
	case "queueId":
		return 'e'
	case "sysFlag":
		return 'f'
	case "bornTimestamp":
		return 'g'
	case "flag":
		return 'h'
	case "properties":
		return 'i'
	case "reconsumeTimes":
		return 'j'
	case "unitMode":
		return 'k'
	case "maxReconsumeTimes":
		return 'l'
	case "batch":
		return 'm'
	case "bname":
		return 'n'
	}
	return 0
}

// AppendV1 adds the fields under their long names.
func (h *SendMessageHeader) AppendV1(fs *Fields) { h.append(fs, sendNames()) }

// AppendV2 adds the fields under their letters.
func (h *SendMessageHeader) AppendV2(fs *Fields) { h.append(fs, sendLetters()) }

func (h *SendMessageHeader) append(fs *Fields, names [14]string) {
	scratch := make([]byte, 0, 96)
	fs.AddBytes(names[0], h.ProducerGroup)
	fs.AddBytes(names[1], h.Topic)
	fs.AddBytes(names[2], h.DefaultTopic)
	scratch = fs.AddIntIn(scratch, names[3], int64(h.DefaultTopicQueueNums))
	scratch = fs.AddIntIn(scratch, names[4], int64(h.QueueID))
	scratch = fs.AddIntIn(scratch, names[5], int64(h.SysFlag))
	scratch = fs.AddIntIn(scratch, names[6], h.BornTimestamp)
	scratch = fs.AddIntIn(scratch, names[7], int64(h.Flag))
	if len(h.Properties) > 0 {
		fs.AddBytes(names[8], h.Properties)
	}
	scratch = fs.AddIntIn(scratch, names[9], int64(h.ReconsumeTimes))
	fs.AddBool(names[10], h.UnitMode)
	if h.HasMaxReconsumeTimes {
		fs.AddIntIn(scratch, names[11], int64(h.MaxReconsumeTimes))
	}
	fs.AddBool(names[12], h.Batch)
	if len(h.BrokerName) > 0 {
		fs.AddBytes(names[13], h.BrokerName)
	}
}

// SendMessageResponseHeader answers every send. MsgID is the offset message id (for a batch a comma list), TransactionID the
// message's UNIQ_KEY; BatchUniqID and RecallHandle only where the feature is used.
type SendMessageResponseHeader struct {
	MsgID         []byte
	QueueID       int32
	QueueOffset   int64
	TransactionID []byte
	BatchUniqID   string
	RecallHandle  string
}

// Append adds the fields; MsgID and TransactionID are aliased.
func (h *SendMessageResponseHeader) Append(fs *Fields) { h.AppendScratch(fs, nil) }

// AppendScratch is Append with the numbers' digits appended to scratch, which is returned: with enough room in fs and scratch
// nothing is allocated. The fields alias scratch until it is reused.
func (h *SendMessageResponseHeader) AppendScratch(fs *Fields, scratch []byte) []byte {
	fs.AddBytes("msgId", h.MsgID)
	scratch = fs.AddIntIn(scratch, "queueId", int64(h.QueueID))
	scratch = fs.AddIntIn(scratch, "queueOffset", h.QueueOffset)
	if len(h.TransactionID) > 0 {
		fs.AddBytes("transactionId", h.TransactionID)
	}
	addOptional(fs, "batchUniqId", h.BatchUniqID)
	addOptional(fs, "recallHandle", h.RecallHandle)
	return scratch
}

// Decode reads the fields; MsgID and TransactionID alias them.
func (h *SendMessageResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = SendMessageResponseHeader{QueueID: r.needInt32("queueId"), QueueOffset: r.needInt64("queueOffset"),
		BatchUniqID: r.text("batchUniqId"), RecallHandle: r.text("recallHandle")}
	h.MsgID, _ = r.fs.Get("msgId")
	h.TransactionID, _ = r.fs.Get("transactionId")
	return r.err
}
