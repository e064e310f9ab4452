package protocol

// NamespaceOrderTopic is the KV namespace that holds the order configuration of topics.
const NamespaceOrderTopic = "ORDER_TOPIC_CONFIG"

// KVHeader is the request header of PUT_KV_CONFIG (100), GET_KV_CONFIG (101), DELETE_KV_CONFIG (102) and, with Namespace alone,
// GET_KVLIST_BY_NAMESPACE (219). 101 is answered with a [KVResponseHeader] or 22, 219 with a [KVTable] or 22.
type KVHeader struct {
	Namespace string
	Key       string
	Value     string // of 100 alone
}

// DecodePut reads the fields of 100.
func (h *KVHeader) DecodePut(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = KVHeader{r.needText("namespace"), r.needText("key"), r.needText("value")}
	return r.err
}

// DecodeKey reads the fields of 101 and 102.
func (h *KVHeader) DecodeKey(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = KVHeader{Namespace: r.needText("namespace"), Key: r.needText("key")}
	return r.err
}

// DecodeNamespace reads the field of 219.
func (h *KVHeader) DecodeNamespace(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = KVHeader{Namespace: r.needText("namespace")}
	return r.err
}

// Append adds the fields that are not empty.
func (h *KVHeader) Append(fs *Fields) {
	fs.Add("namespace", h.Namespace)
	addOptional(fs, "key", h.Key)
	addOptional(fs, "value", h.Value)
}

// KVResponseHeader answers 101.
type KVResponseHeader struct{ Value string }

// Decode reads the field.
func (h *KVResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	h.Value = r.text("value")
	return r.err
}

// Append adds the field.
func (h *KVResponseHeader) Append(fs *Fields) { fs.Add("value", h.Value) }
