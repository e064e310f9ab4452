package protocol

import (
	"maps"
	"slices"
)

// ClusterInfo is the answer's body of GET_BROKER_CLUSTER_INFO (106).
//
//	{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"10.0.0.1:10911"},"brokerName":"broker-a","cluster":"DefaultCluster",
//	 "enableActingMaster":false}},"clusterAddrTable":{"DefaultCluster":["broker-a"]}}
type ClusterInfo struct {
	Brokers  map[string]BrokerData `json:"brokerAddrTable"`  // by broker name
	Clusters map[string][]string   `json:"clusterAddrTable"` // broker names by cluster
}

// Append appends the body's text to dst.
func (c *ClusterInfo) Append(dst []byte, style JSONStyle) []byte {
	dst = append(dst, `{"brokerAddrTable":{`...)
	for i, name := range slices.Sorted(maps.Keys(c.Brokers)) {
		dst = appendJSONKey(dst, i, name, style)
		b := c.Brokers[name]
		dst = b.append(dst, style)
	}
	dst = append(dst, `},"clusterAddrTable":{`...)
	for i, name := range slices.Sorted(maps.Keys(c.Clusters)) {
		dst = appendJSONKey(dst, i, name, style)
		dst = appendTextList(dst, c.Clusters[name], style)
	}
	return append(dst, "}}"...)
}

// BrokerMemberGroup is a broker group's members: in the answer's body of GET_BROKER_MEMBER_GROUP (901) under "brokerMemberGroup".
type BrokerMemberGroup struct {
	Addrs   map[int64]string `json:"brokerAddrs"` // host:port by broker id
	Name    string           `json:"brokerName"`
	Cluster string           `json:"cluster"`
}

// BrokerMemberGroupResponse is the answer's body of 901.
type BrokerMemberGroupResponse struct {
	Group BrokerMemberGroup `json:"brokerMemberGroup"`
}

// Append appends the body's text to dst.
func (r *BrokerMemberGroupResponse) Append(dst []byte, style JSONStyle) []byte {
	dst = append(dst, `{"brokerMemberGroup":{"brokerAddrs":`...)
	dst = appendAddrs(dst, r.Group.Addrs, style)
	dst = append(dst, `,"brokerName":`...)
	dst = appendJSONText(dst, r.Group.Name, style == StandardJSON)
	dst = append(dst, `,"cluster":`...)
	dst = appendJSONText(dst, r.Group.Cluster, style == StandardJSON)
	return append(dst, "}}"...)
}
