package admin

import (
	"context"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
)

// pairs are a request's header fields: names and values in turn.
type pairs []string

// Append adds them.
func (p pairs) Append(fs *protocol.Fields) {
	for i := 0; i+1 < len(p); i += 2 {
		fs.Add(p[i], p[i+1])
	}
}

// StatsData is one of the statistics of the broker at the address, such as TOPIC_PUT_NUMS of a topic (315). What was never counted is an
// error.
func (a *Admin) StatsData(ctx context.Context, addr, name, key string) (protocol.BrokerStatsData, error) {
	var out protocol.BrokerStatsData
	err := a.ask(ctx, addr, protocol.ReqViewBrokerStatsData, &protocol.BrokerStatsHeader{StatsName: name, StatsKey: key}, &out)
	return out, err
}

// BrokerConsumeStats is where all groups stand at the broker at the address, of order topics alone if told so (317), and the messages that they
// have not consumed in all.
func (a *Admin) BrokerConsumeStats(ctx context.Context, addr string, order bool) (groups []protocol.GroupConsumeStats, lag int64, err error) {
	var out struct {
		Groups    []map[string][]protocol.ConsumeStats `json:"consumeStatsList"`
		TotalDiff int64                                `json:"totalDiff"`
	}
	err = a.ask(ctx, addr, protocol.ReqGetBrokerConsumeStats, &protocol.BrokerConsumeStatsHeader{Order: order}, &out)
	for _, byGroup := range out.Groups {
		for name, topics := range byGroup {
			groups = append(groups, protocol.GroupConsumeStats{Group: name, Topics: topics})
		}
	}
	return groups, out.TotalDiff, err
}

// HAStatus is how a broker and its replicas stand to each other (907). A master has Replicas, a replica Follows.
type HAStatus struct {
	Master    bool        `json:"master"`
	MaxOffset int64       `json:"masterCommitLogMaxOffset"`
	InSync    int32       `json:"inSyncSlaveNums"`
	Replicas  []HAReplica `json:"haConnectionInfo"`
	Follows   HAFollowing `json:"haClientRuntimeInfo"`
}

// HAReplica is a replica as its master sees it; Rate is bytes a second.
type HAReplica struct {
	Addr      string `json:"addr"`
	AckOffset int64  `json:"slaveAckOffset"`
	Diff      int64  `json:"diff"`
	InSync    bool   `json:"inSync"`
	Rate      int64  `json:"transferredByteInSecond"`
	From      int64  `json:"transferFromWhere"`
}

// HAFollowing is a replica as it sees itself; times are milliseconds.
type HAFollowing struct {
	MasterAddr string `json:"masterAddr"`
	protocol.HAClientInfo
}

// HA asks the broker at the address for its replication (907).
func (a *Admin) HA(ctx context.Context, addr string) (HAStatus, error) {
	var out HAStatus
	err := a.ask(ctx, addr, protocol.ReqGetBrokerHAStatus, nil, &out)
	return out, err
}

// ColdData is which groups read old messages at the broker at the address, as it says it: JSON (2003).
func (a *Admin) ColdData(ctx context.Context, addr string) ([]byte, error) {
	answer, err := a.call(ctx, addr, protocol.ReqGetColdDataFlowCtrInfo, nil, nil)
	if err != nil {
		return nil, err
	}
	return protocol.NormalizeJSON(answer.Body)
}

// LimitColdData bounds how many bytes of old messages a group may read at the broker at the address (2001).
func (a *Admin) LimitColdData(ctx context.Context, addr string, limits ...config.Property) error {
	_, err := a.call(ctx, addr, protocol.ReqUpdateColdDataFlowCtrConfig, nil, propertiesText(limits))
	return err
}

// UnlimitColdData takes the bound away again (2002).
func (a *Admin) UnlimitColdData(ctx context.Context, addr, group string) error {
	_, err := a.call(ctx, addr, protocol.ReqRemoveColdDataFlowCtrConfig, nil, []byte(group))
	return err
}

// SetReadAhead says whether the broker at the address reads ahead in its log: "0" does, "1" not (2004). It returns what the broker remarks.
func (a *Admin) SetReadAhead(ctx context.Context, addr, mode string) (string, error) {
	answer, err := a.call(ctx, addr, protocol.ReqSetCommitLogReadMode, pairs{"READ_AHEAD_MODE", mode}, nil)
	if err != nil {
		return "", err
	}
	return answer.Remark, nil
}
