package protocol

// Extra fields of requests to a NameServer.
const (
	FieldZoneName = "__ZONE_NAME" // of 103: the broker's zone; of 105: the client's
	FieldZoneMode = "__ZONE_MODE" // of 105: "true" asks for the brokers of the client's zone
)

// GetRouteHeader is the request header of GET_ROUTEINFO_BY_TOPIC (105), answered with a [RouteData] body or 17. Zone is FieldZoneName if
// FieldZoneMode is on.
type GetRouteHeader struct {
	Topic                  string
	AcceptStandardJSONOnly bool
	Zone                   string
}

// Decode reads the fields.
func (h *GetRouteHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = GetRouteHeader{Topic: r.needText("topic"), AcceptStandardJSONOnly: r.flag("acceptStandardJsonOnly")}
	if r.flag(FieldZoneMode) {
		h.Zone = r.text(FieldZoneName)
	}
	return r.err
}

// Append adds the fields.
func (h *GetRouteHeader) Append(fs *Fields) {
	fs.Add("topic", h.Topic)
	if h.AcceptStandardJSONOnly {
		fs.AddBool("acceptStandardJsonOnly", true)
	}
	if h.Zone != "" {
		fs.AddBool(FieldZoneMode, true)
		fs.Add(FieldZoneName, h.Zone)
	}
}

// DeleteTopicInNamesrvHeader is the request header of DELETE_TOPIC_IN_NAMESRV (216). Without a cluster the topic goes everywhere.
type DeleteTopicInNamesrvHeader struct {
	Topic       string
	ClusterName string
}

// Decode reads the fields.
func (h *DeleteTopicInNamesrvHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = DeleteTopicInNamesrvHeader{r.needText("topic"), r.text("clusterName")}
	return r.err
}

// Append adds the fields.
func (h *DeleteTopicInNamesrvHeader) Append(fs *Fields) {
	fs.Add("topic", h.Topic)
	addOptional(fs, "clusterName", h.ClusterName)
}

// ClusterHeader is the request header of GET_TOPICS_BY_CLUSTER (224), answered with a [TopicList] body.
type ClusterHeader struct{ Cluster string }

// Decode reads the field.
func (h *ClusterHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	h.Cluster = r.needText("cluster")
	return r.err
}

// Append adds the field.
func (h *ClusterHeader) Append(fs *Fields) { fs.Add("cluster", h.Cluster) }

// BrokerNameHeader is the request header of WIPE_WRITE_PERM_OF_BROKER (205) and ADD_WRITE_PERM_OF_BROKER (327). The answers carry the number of
// topics under wipeTopicCount and addTopicCount.
type BrokerNameHeader struct{ BrokerName string }

// Decode reads the field.
func (h *BrokerNameHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	h.BrokerName = r.needText("brokerName")
	return r.err
}

// Append adds the field.
func (h *BrokerNameHeader) Append(fs *Fields) { fs.Add("brokerName", h.BrokerName) }
