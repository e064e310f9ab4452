package protocol

// EndTransactionHeader is the request header of END_TRANSACTION (37), often one-way. CommitOrRollback is one of the transaction
// types of a record's system flag: 0x8 commit, 0xC rollback, 0 not known.
type EndTransactionHeader struct {
	Topic                string
	ProducerGroup        string
	TranStateTableOffset int64
	CommitLogOffset      int64
	CommitOrRollback     int32
	FromTransactionCheck bool
	MsgID                string
	TransactionID        string
	BrokerName           string
}

// Decode reads the fields.
func (h *EndTransactionHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = EndTransactionHeader{Topic: r.text("topic"), ProducerGroup: r.needText("producerGroup"),
		TranStateTableOffset: r.needInt64("tranStateTableOffset"), CommitLogOffset: r.needInt64("commitLogOffset"),
		CommitOrRollback: r.needInt32("commitOrRollback"), FromTransactionCheck: r.flag("fromTransactionCheck"),
		MsgID: r.text("msgId"), TransactionID: r.text("transactionId"), BrokerName: r.text("bname")}
	return r.err
}

// Append adds the fields.
func (h *EndTransactionHeader) Append(fs *Fields) {
	addOptional(fs, "topic", h.Topic)
	fs.Add("producerGroup", h.ProducerGroup)
	fs.AddInt("tranStateTableOffset", h.TranStateTableOffset)
	fs.AddInt("commitLogOffset", h.CommitLogOffset)
	fs.AddInt("commitOrRollback", int64(h.CommitOrRollback))
	fs.AddBool("fromTransactionCheck", h.FromTransactionCheck)
	fs.Add("msgId", h.MsgID)
	addOptional(fs, "transactionId", h.TransactionID)
	addOptional(fs, "bname", h.BrokerName)
}

// CheckTransactionHeader is the request header of CHECK_TRANSACTION_STATE (39), sent one-way by the broker with the half message
// as body; the producer answers with 37.
type CheckTransactionHeader struct {
	Topic                                 string
	TranStateTableOffset, CommitLogOffset int64
	MsgID, TransactionID                  string
	OffsetMsgID                           string
	BrokerName                            string
}

// Decode reads the fields.
func (h *CheckTransactionHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = CheckTransactionHeader{r.text("topic"), r.needInt64("tranStateTableOffset"), r.needInt64("commitLogOffset"), r.text("msgId"),
		r.text("transactionId"), r.text("offsetMsgId"), r.text("bname")}
	return r.err
}

// Append adds the fields.
func (h *CheckTransactionHeader) Append(fs *Fields) {
	addOptional(fs, "topic", h.Topic)
	fs.AddInt("tranStateTableOffset", h.TranStateTableOffset)
	fs.AddInt("commitLogOffset", h.CommitLogOffset)
	addOptional(fs, "msgId", h.MsgID)
	addOptional(fs, "transactionId", h.TransactionID)
	addOptional(fs, "offsetMsgId", h.OffsetMsgID)
	addOptional(fs, "bname", h.BrokerName)
}
