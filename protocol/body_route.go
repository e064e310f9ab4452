package protocol

import (
	"maps"
	"slices"
	"strconv"
)

// MasterID is the broker id of a group's master; slaves have greater ones.
const MasterID int64 = 0

// RouteData is the answer's body of GET_ROUTEINFO_BY_TOPIC (105) and the request's body of REGISTER_TOPIC_IN_NAMESRV (217).
//
//	{"brokerDatas":[{"brokerAddrs":{0:"10.0.0.1:10911"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false}],
//	 "filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}
//
// The Go client takes brokerAddrs apart by hand: no white space, no comma at the end.
type RouteData struct {
	Brokers       []BrokerData                     `json:"brokerDatas"`
	FilterServers map[string][]string              `json:"filterServerTable"` // by broker address
	OrderConf     string                           `json:"orderTopicConf"`    // "broker-a:4;broker-b:4", left out when empty
	Queues        []QueueData                      `json:"queueDatas"`
	Mappings      map[string]TopicQueueMappingInfo `json:"topicQueueMappingByBroker"` // static topics, left out when nil
}

// BrokerData is a broker group: one master and its slaves under one name.
type BrokerData struct {
	Addrs              map[int64]string `json:"brokerAddrs"` // host:port by broker id
	Name               string           `json:"brokerName"`
	Cluster            string           `json:"cluster"`
	EnableActingMaster bool             `json:"enableActingMaster"`
	ZoneName           string           `json:"zoneName"` // left out when empty
}

// QueueData is the part of a topic that lies on one broker group.
type QueueData struct {
	BrokerName     string `json:"brokerName"`
	Perm           int32  `json:"perm"`
	ReadQueueNums  int32  `json:"readQueueNums"`
	TopicSysFlag   int32  `json:"topicSysFlag"`
	WriteQueueNums int32  `json:"writeQueueNums"`
}

// Append appends the body's text to dst.
func (r *RouteData) Append(dst []byte, style JSONStyle) []byte {
	dst = append(dst, `{"brokerDatas":[`...)
	for i := range r.Brokers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.Brokers[i].append(dst, style)
	}
	dst = append(dst, `],"filterServerTable":{`...)
	for i, addr := range slices.Sorted(maps.Keys(r.FilterServers)) {
		dst = appendJSONKey(dst, i, addr, style)
		dst = appendTextList(dst, r.FilterServers[addr], style)
	}
	dst = append(dst, '}')
	if r.OrderConf != "" {
		dst = append(dst, `,"orderTopicConf":`...)
		dst = appendJSONText(dst, r.OrderConf, style == StandardJSON)
	}
	dst = append(dst, `,"queueDatas":[`...)
	for i := range r.Queues {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.Queues[i].append(dst, style)
	}
	dst = append(dst, ']')
	if r.Mappings != nil {
		dst = append(dst, `,"topicQueueMappingByBroker":{`...)
		for i, broker := range slices.Sorted(maps.Keys(r.Mappings)) {
			dst = appendJSONKey(dst, i, broker, style)
			info := r.Mappings[broker]
			dst = info.append(dst, style)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func (b *BrokerData) append(dst []byte, style JSONStyle) []byte {
	dst = append(dst, `{"brokerAddrs":`...)
	dst = appendAddrs(dst, b.Addrs, style)
	dst = append(dst, `,"brokerName":`...)
	dst = appendJSONText(dst, b.Name, style == StandardJSON)
	dst = append(dst, `,"cluster":`...)
	dst = appendJSONText(dst, b.Cluster, style == StandardJSON)
	dst = append(dst, `,"enableActingMaster":`...)
	dst = strconv.AppendBool(dst, b.EnableActingMaster)
	if b.ZoneName != "" {
		dst = append(dst, `,"zoneName":`...)
		dst = appendJSONText(dst, b.ZoneName, style == StandardJSON)
	}
	return append(dst, '}')
}

func (q *QueueData) append(dst []byte, style JSONStyle) []byte {
	dst = append(dst, `{"brokerName":`...)
	dst = appendJSONText(dst, q.BrokerName, style == StandardJSON)
	dst = append(dst, `,"perm":`...)
	dst = strconv.AppendInt(dst, int64(q.Perm), 10)
	dst = append(dst, `,"readQueueNums":`...)
	dst = strconv.AppendInt(dst, int64(q.ReadQueueNums), 10)
	dst = append(dst, `,"topicSysFlag":`...)
	dst = strconv.AppendInt(dst, int64(q.TopicSysFlag), 10)
	dst = append(dst, `,"writeQueueNums":`...)
	return append(strconv.AppendInt(dst, int64(q.WriteQueueNums), 10), '}')
}

func (m *TopicQueueMappingInfo) append(dst []byte, style JSONStyle) []byte {
	dst = append(dst, `{"bname":`...)
	dst = appendJSONText(dst, m.BrokerName, style == StandardJSON)
	dst = append(dst, `,"currIdMap":{`...)
	for i, id := range slices.Sorted(maps.Keys(m.CurrIDMap)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONIntKey(dst, int64(id), style)
		dst = strconv.AppendInt(dst, int64(m.CurrIDMap[id]), 10)
	}
	dst = append(dst, `},"dirty":`...)
	dst = strconv.AppendBool(dst, m.Dirty)
	dst = append(dst, `,"epoch":`...)
	dst = strconv.AppendInt(dst, m.Epoch, 10)
	if m.Scope != "" {
		dst = append(dst, `,"scope":`...)
		dst = appendJSONText(dst, m.Scope, style == StandardJSON)
	}
	dst = append(dst, `,"topic":`...)
	dst = appendJSONText(dst, m.Topic, style == StandardJSON)
	dst = append(dst, `,"totalQueues":`...)
	return append(strconv.AppendInt(dst, int64(m.TotalQueues), 10), '}')
}

// appendAddrs appends addresses by broker id, in the order of the ids.
func appendAddrs(dst []byte, addrs map[int64]string, style JSONStyle) []byte {
	dst = append(dst, '{')
	for i, id := range slices.Sorted(maps.Keys(addrs)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONIntKey(dst, id, style)
		dst = appendJSONText(dst, addrs[id], style == StandardJSON)
	}
	return append(dst, '}')
}

// appendJSONKey appends the comma before all but the first member, and the key with its colon.
func appendJSONKey(dst []byte, i int, key string, style JSONStyle) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return append(appendJSONText(dst, key, style == StandardJSON), ':')
}

func appendTextList(dst []byte, list []string, style JSONStyle) []byte {
	dst = append(dst, '[')
	for i, text := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONText(dst, text, style == StandardJSON)
	}
	return append(dst, ']')
}
