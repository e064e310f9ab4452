package protocol

// RegisterBrokerHeader is the request header of REGISTER_BROKER (103), which each broker sends to each NameServer every 30 s and on
// changes, with a [RegisterBrokerBody]. HeartbeatTimeoutMillis is 0 when absent; the two Has fields tell brokers before 5.0, which do not
// send them.
type RegisterBrokerHeader struct {
	BrokerName             string
	BrokerAddr             string // host:port
	ClusterName            string
	HAServerAddr           string
	BrokerID               int64
	HeartbeatTimeoutMillis int64
	HasEnableActingMaster  bool
	EnableActingMaster     bool
	Compressed             bool
	BodyCRC32              int32 // of the body as sent, without the sign bit; 0 is not checked
	Zone                   string
}

// Decode reads the fields.
func (h *RegisterBrokerHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = RegisterBrokerHeader{BrokerName: r.needText("brokerName"), BrokerAddr: r.needText("brokerAddr"), ClusterName: r.needText("clusterName"),
		HAServerAddr: r.text("haServerAddr"), BrokerID: r.needInt64("brokerId"), HeartbeatTimeoutMillis: r.int64("heartbeatTimeoutMillis", 0),
		EnableActingMaster: r.flag("enableActingMaster"), Compressed: r.flag("compressed"), BodyCRC32: r.int32("bodyCrc32", 0),
		Zone: r.text(FieldZoneName)}
	_, h.HasEnableActingMaster = r.fs.Get("enableActingMaster")
	return r.err
}

// Append adds the fields.
func (h *RegisterBrokerHeader) Append(fs *Fields) {
	fs.Add("brokerName", h.BrokerName)
	fs.Add("brokerAddr", h.BrokerAddr)
	fs.Add("clusterName", h.ClusterName)
	fs.Add("haServerAddr", h.HAServerAddr)
	fs.AddInt("brokerId", h.BrokerID)
	if h.HeartbeatTimeoutMillis > 0 {
		fs.AddInt("heartbeatTimeoutMillis", h.HeartbeatTimeoutMillis)
	}
	if h.HasEnableActingMaster {
		fs.AddBool("enableActingMaster", h.EnableActingMaster)
	}
	fs.AddBool("compressed", h.Compressed)
	fs.AddInt("bodyCrc32", int64(h.BodyCRC32))
	addOptional(fs, FieldZoneName, h.Zone)
}

// RegisterBrokerResponseHeader answers 103. Slaves get their master's addresses; for a master both are empty and left out. The body
// is the [KVTable] of the order configuration, if there is one.
type RegisterBrokerResponseHeader struct {
	HAServerAddr string
	MasterAddr   string
}

// Decode reads the fields.
func (h *RegisterBrokerResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = RegisterBrokerResponseHeader{r.text("haServerAddr"), r.text("masterAddr")}
	return r.err
}

// Append adds the fields.
func (h *RegisterBrokerResponseHeader) Append(fs *Fields) {
	addOptional(fs, "haServerAddr", h.HAServerAddr)
	addOptional(fs, "masterAddr", h.MasterAddr)
}

// BrokerIdentityHeader is the request header of UNREGISTER_BROKER (104) and of QUERY_DATA_VERSION (322), whose body is a [DataVersion].
type BrokerIdentityHeader struct {
	BrokerName  string
	BrokerAddr  string
	ClusterName string
	BrokerID    int64
}

// Decode reads the fields.
func (h *BrokerIdentityHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = BrokerIdentityHeader{r.needText("brokerName"), r.needText("brokerAddr"), r.needText("clusterName"), r.needInt64("brokerId")}
	return r.err
}

// Append adds the fields.
func (h *BrokerIdentityHeader) Append(fs *Fields) {
	fs.Add("brokerName", h.BrokerName)
	fs.Add("brokerAddr", h.BrokerAddr)
	fs.Add("clusterName", h.ClusterName)
	fs.AddInt("brokerId", h.BrokerID)
}

// QueryDataVersionResponseHeader answers 322; the body is the [DataVersion] that the NameServer has, if it has one.
type QueryDataVersionResponseHeader struct{ Changed bool }

// Decode reads the field.
func (h *QueryDataVersionResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	h.Changed = r.flag("changed")
	return r.err
}

// Append adds the field.
func (h *QueryDataVersionResponseHeader) Append(fs *Fields) { fs.AddBool("changed", h.Changed) }

// BrokerGroupHeader is the request header of GET_BROKER_MEMBER_GROUP (901), answered with a [BrokerMemberGroupResponse] body.
type BrokerGroupHeader struct {
	ClusterName string
	BrokerName  string
}

// Decode reads the fields.
func (h *BrokerGroupHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = BrokerGroupHeader{r.needText("clusterName"), r.needText("brokerName")}
	return r.err
}

// Append adds the fields.
func (h *BrokerGroupHeader) Append(fs *Fields) {
	fs.Add("clusterName", h.ClusterName)
	fs.Add("brokerName", h.BrokerName)
}

// BrokerHeartbeatHeader is the request header of BROKER_HEARTBEAT (904), one-way to a NameServer. The fields for a controller are
// -1 when absent.
type BrokerHeartbeatHeader struct {
	ClusterName            string
	BrokerAddr             string
	BrokerName             string
	BrokerID               int64
	Epoch                  int32
	MaxOffset              int64
	ConfirmOffset          int64
	HeartbeatTimeoutMillis int64
	ElectionPriority       int32
}

// Decode reads the fields.
func (h *BrokerHeartbeatHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = BrokerHeartbeatHeader{ClusterName: r.needText("clusterName"), BrokerAddr: r.needText("brokerAddr"), BrokerName: r.needText("brokerName"),
		BrokerID: r.int64("brokerId", -1), Epoch: r.int32("epoch", -1), MaxOffset: r.int64("maxOffset", -1), ConfirmOffset: r.int64("confirmOffset", -1),
		HeartbeatTimeoutMillis: r.int64("heartbeatTimeoutMills", -1), ElectionPriority: r.int32("electionPriority", -1)}
	return r.err
}

// Append adds the fields that a NameServer reads.
func (h *BrokerHeartbeatHeader) Append(fs *Fields) {
	fs.Add("clusterName", h.ClusterName)
	fs.Add("brokerAddr", h.BrokerAddr)
	fs.Add("brokerName", h.BrokerName)
	if h.BrokerID >= 0 {
		fs.AddInt("brokerId", h.BrokerID)
	}
}
