package noun

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
)

// member is one process of a broker: a master or a replica.
type member struct {
	Cluster    string    `json:"cluster"`
	Broker     string    `json:"broker"`
	ID         int64     `json:"id"` // 0 is the master
	Addr       string    `json:"addr"`
	Version    string    `json:"version"`
	In         float64   `json:"messagesInPerSecond"`
	Out        float64   `json:"messagesOutPerSecond"`
	Today      int64     `json:"messagesInToday"`
	DiskRatio  float64   `json:"diskUsedRatio"`
	OldestTime time.Time `json:"oldestMessage"` // when it was stored
	Answers    bool      `json:"answers"`
}

// members asks every member of every broker; of one that does not answer the address is all that there is.
func members(ctx context.Context, a *admin.Admin) ([]member, error) {
	brokers, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	out := []member{}
	var errs []error
	for _, b := range brokers {
		for _, id := range slices.Sorted(maps.Keys(b.Addrs)) {
			m := member{Cluster: b.Cluster, Broker: b.Name, ID: id, Addr: b.Addrs[id]}
			info, err := a.RuntimeInfo(ctx, m.Addr)
			errs = append(errs, err)
			if err == nil {
				m.take(info)
			}
			out = append(out, m)
		}
	}
	return out, errors.Join(errs...)
}

// take reads what a broker tells of itself. What it does not tell is 0.
func (m *member) take(info map[string]string) {
	rate := func(name string) float64 {
		first, _, _ := strings.Cut(strings.TrimSpace(info[name]), " ")
		v, _ := strconv.ParseFloat(first, 64)
		return v
	}
	count := func(name string) int64 {
		n, _ := strconv.ParseInt(strings.TrimSpace(info[name]), 10, 64)
		return n
	}
	m.Answers, m.Version = true, info["brokerVersionDesc"]
	m.In, m.Out = rate("putTps"), rate("getTransferredTps")
	m.Today = count("msgPutTotalTodayNow") - count("msgPutTotalTodayMorning")
	m.DiskRatio = rate("commitLogDiskRatio")
	if ms := count("earliestMessageTimeStamp"); ms > 0 {
		m.OldestTime = time.UnixMilli(ms).UTC()
	}
}
