package operate

// UPDATE_BROKER_CONFIG (25), GET_BROKER_CONFIG (26).
//
// Callers: mqadmin updateBrokerConfig, getBrokerConfig, exportConfigs, exportMetrics and exportPopRecord, the dashboard.
//
// Behaviour: 25 brings properties. Those of [config.Live] change at once, all or none, and hold over a restart; see the package comment. 26
// gives what is in force, *** for secrets, and the version, which counts changes since the start.
//
// Codes: 0; 16 a key that is given at the start only; 29 a key without effect, an unknown one, or a value that it cannot take; 1 text that is
// no properties, or a change that could not be written down.

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// changeTimeout bounds a change of the configuration, its registration at other NameServers included.
const changeTimeout = 10 * time.Second

// versions is the version of the configuration.
type versions struct {
	mu  sync.Mutex
	now protocol.DataVersion
}

func (v *versions) next(at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now.Counter++
	v.now.Timestamp = at.UnixMilli()
}

func (v *versions) text() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return string(protocol.MarshalBody(v.now))
}

// HandleConfig serves GET_BROKER_CONFIG.
func (d *Desk) HandleConfig(c *remoting.Conn, f *protocol.Frame) {
	d.body(c, f, []byte(d.opt.Text()), "version", d.version.text())
}

// HandleChangeConfig serves UPDATE_BROKER_CONFIG.
func (d *Desk) HandleChangeConfig(c *remoting.Conn, f *protocol.Frame) {
	d.host.Later(c, f, func(f *protocol.Frame) {
		code, remark := d.changeConfig(c, f.Body)
		d.host.Answer(c, f, code, remark)
	})
}

func (d *Desk) changeConfig(c *remoting.Conn, body []byte) (code int32, remark string) {
	pairs, err := parse(body)
	if err != nil {
		return protocol.ResSystemError, err.Error()
	}
	if len(pairs) == 0 {
		return protocol.ResSuccess, ""
	}
	if d.opt.Change == nil {
		return protocol.ResNoPermission, "Can not update config in black list: no setting of this broker changes while it runs"
	}
	ctx, cancel := context.WithTimeout(context.Background(), changeTimeout)
	defer cancel()
	err = d.opt.Change(ctx, pairs)
	var no *config.Refusal
	switch {
	case errors.As(err, &no) && no.AtStart:
		code, remark = protocol.ResNoPermission, "Can not update config in black list. "+no.Error()
	case no != nil:
		code, remark = protocol.ResInvalidParameter, no.Error()
	case err != nil:
		code, remark = protocol.ResSystemError, err.Error()
	default:
		d.version.next(d.opt.Now())
		var names []string
		for _, p := range pairs {
			names = append(names, p.Key)
		}
		d.opt.Logger.Info("settings changed", "settings", names, "by", c.RemoteAddr())
		return protocol.ResSuccess, ""
	}
	d.opt.Logger.Warn("settings not changed", "error", remark, "by", c.RemoteAddr())
	return code, remark
}
