package manage

// CHECK_ROCKSDB_CQ_WRITE_PROGRESS (354), EXPORT_ROCKSDB_CONFIG_TO_JSON (355), POP_ROLLBACK (200056), SWITCH_TIMER_ENGINE (5001).
//
// Callers: mqadmin checkRocksdbCqWriteProgress, rocksDBConfigToJson, exportPopRecord, switchTimerEngine.
//
// Behaviour: what RocketMQ's broker does that keeps nothing in RocksDB: there is nothing to check, to export or to roll back, and that is a success; the wheel
// is the one engine of timers. 354 says so at once, where RocketMQ says that it looks and writes to its log what it found.
//
// Codes: 0; 29 no such engine (5001), or none at all.

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// RocksDBProgress serves CHECK_ROCKSDB_CQ_WRITE_PROGRESS.
func (s *Service) RocksDBProgress(context.Context, *protocol.Frame, string) (apart.Answer, error) {
	return apart.Answer{Body: protocol.MarshalBody(manage.RocksDBProgress{Result: "there are no queues in RocksDB, no need check"})}, nil
}

// RocksDBExport serves EXPORT_ROCKSDB_CONFIG_TO_JSON.
func (s *Service) RocksDBExport(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	r := apart.Read(f)
	r.Need("configType")
	return apart.Answer{Remark: "export done. (Nothing is kept in RocksDB.)"}, r.Err()
}

// PopRollback serves POP_ROLLBACK.
func (s *Service) PopRollback(context.Context, *protocol.Frame, string) (apart.Answer, error) {
	return apart.Answer{}, nil
}

// SwitchTimers serves SWITCH_TIMER_ENGINE.
func (s *Service) SwitchTimers(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	refuse := func(why string) (apart.Answer, error) {
		return apart.Answer{}, apart.Refuse(protocol.ResInvalidParameter, "%s", why)
	}
	if s.opt.NoTimers {
		return refuse("broker timerWheelEnable is false")
	}
	if len(f.Fields) == 0 {
		return refuse("param error, extFields is null")
	}
	engine := apart.Read(f).Text("E_T")
	switch engine {
	case "F":
		return apart.Answer{Remark: "switch timer engine success"}, nil
	case "R":
		return refuse("timerRocksDBEnable must be configured true when broker start (and cannot be: the wheel is the one engine here)")
	}
	return refuse(fmt.Sprintf("param error: the engine (E_T) is F or R, not %.40q", engine))
}
