package operate

// UPDATE_COLD_DATA_FLOW_CTR_CONFIG (2001), REMOVE_COLD_DATA_FLOW_CTR_CONFIG (2002), GET_COLD_DATA_FLOW_CTR_INFO (2003),
// SET_COMMITLOG_READ_MODE (2004).
//
// Callers: mqadmin updateColdDataFlowCtrGroupConfig, removeColdDataFlowCtrGroupConfig, getColdDataFlowCtrInfo, setCommitLogReadAheadMode.
//
// Behaviour: how many bytes of old messages a group may read is noted and told until the restart, as in RocketMQ; the package comment
// says why nothing goes by it.
//
// Codes: 0; 1 a threshold that is no number, too many groups, no mode, or a mode that there is not; 29 no mode of RocketMQ.

import (
	"fmt"
	"maps"
	"strconv"
	"sync"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

const (
	// groupThreshold and allThreshold are RocketMQ's defaults, in bytes.
	groupThreshold, allThreshold = 3 << 20, 100 << 20
	// maxCold bounds the groups that have a threshold, maxColdName the bytes of a group's name.
	maxCold, maxColdName = 10_000, 255
	// maxText bounds the properties that a request may bring, in bytes.
	maxText = 64 << 10
)

// coldLimits are the thresholds that operators have given to groups, in bytes.
type coldLimits struct {
	mu     sync.Mutex
	limits map[string]int64
}

func (l *coldLimits) set(pairs []config.Property) error {
	next := map[string]int64{}
	for _, p := range pairs {
		n, err := strconv.ParseInt(p.Value, 10, 64)
		switch {
		case err != nil:
			return fmt.Errorf("the threshold of group %.300s is a number of bytes, not %.40q", p.Key, p.Value)
		case len(p.Key) > maxColdName:
			return fmt.Errorf("a group's name has %d bytes, the limit is %d", len(p.Key), maxColdName)
		}
		next[p.Key] = n
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.limits) + len(next); n > maxCold {
		return fmt.Errorf("%d groups would have thresholds, the limit is %d", n, maxCold)
	}
	maps.Copy(l.limits, next)
	return nil
}

func (l *coldLimits) remove(groupName string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.limits, groupName)
}

func (l *coldLimits) copy() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.limits)
}

// parse reads the properties that a request brings.
func parse(body []byte) ([]config.Property, error) {
	if len(body) > maxText {
		return nil, fmt.Errorf("the request's body has %d bytes, the limit is %d", len(body), maxText)
	}
	return config.ParseProperties(string(body))
}

// HandleColdUpdate serves UPDATE_COLD_DATA_FLOW_CTR_CONFIG.
func (d *Desk) HandleColdUpdate(c *remoting.Conn, f *protocol.Frame) {
	pairs, err := parse(f.Body)
	if err == nil {
		err = d.cold.set(pairs)
	}
	if err != nil {
		d.host.Answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	d.opt.Logger.Info("thresholds for cold reads are noted; nothing goes by them", "groups", len(pairs), "by", c.RemoteAddr())
	d.host.Answer(c, f, protocol.ResSuccess, "")
}

// HandleColdRemove serves REMOVE_COLD_DATA_FLOW_CTR_CONFIG.
func (d *Desk) HandleColdRemove(c *remoting.Conn, f *protocol.Frame) {
	d.cold.remove(string(f.Body))
	d.host.Answer(c, f, protocol.ResSuccess, "")
}

// HandleCold serves GET_COLD_DATA_FLOW_CTR_INFO.
func (d *Desk) HandleCold(c *remoting.Conn, f *protocol.Frame) {
	d.body(c, f, protocol.MarshalBody(protocol.ColdDataFlow{RuntimeTable: map[string]struct{}{}, ConfigTable: d.cold.copy(),
		CGColdReadThreshold: groupThreshold, GlobalColdReadThreshold: allThreshold}))
}

// HandleReadMode serves SET_COMMITLOG_READ_MODE.
func (d *Desk) HandleReadMode(c *remoting.Conn, f *protocol.Frame) {
	switch mode, ok := f.Fields.Get("READ_AHEAD_MODE"); {
	case !ok:
		d.host.Answer(c, f, protocol.ResSystemError, "set commitlog readahead mode param error: READ_AHEAD_MODE is missing")
	case string(mode) == "0":
		d.host.Answer(c, f, protocol.ResSuccess, "set commitlog readahead mode success, mode: 0")
	case string(mode) == "1":
		d.host.Answer(c, f, protocol.ResSystemError, fmt.Sprintf("set commitlog readahead mode failed: the log is not mapped, so that there is no mode %s (MADV_RANDOM)", mode))
	case !isNumber(mode):
		d.host.Answer(c, f, protocol.ResSystemError, fmt.Sprintf("set commitlog readahead mode failed: %.40q is no number", mode))
	default:
		d.host.Answer(c, f, protocol.ResInvalidParameter, fmt.Sprintf("set commitlog readahead mode param value error: there are 0 and 1, not %.40q", mode))
	}
}

func isNumber(text []byte) bool {
	_, err := strconv.ParseInt(string(text), 10, 32)
	return err == nil
}
