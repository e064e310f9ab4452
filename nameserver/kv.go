package nameserver

import (
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// KVStore keeps the KV configuration: values by namespace and key. Calls come one at a time.
type KVStore interface {
	Load() (map[string]map[string]string, error)
	Save(map[string]map[string]string) error // durable when it returns
}

// maxQueuedSaves bounds the changes that wait for the disk.
const maxQueuedSaves = 1024

var errStopping = errors.New("the NameServer is stopping; KV configuration was not changed")

// saveLoop owns the KV store. All changes that wait are saved with one write, and answered then.
func (s *Server) saveLoop() {
	defer s.wg.Done()
	for {
		select {
		case answer := <-s.saves:
			s.saveBatch(answer)
		case <-s.stop:
			for {
				select {
				case answer := <-s.saves:
					s.saveBatch(answer)
				default:
					return
				}
			}
		}
	}
}

func (s *Server) saveBatch(first func(error)) {
	answers := []func(error){first}
	for len(s.saves) > 0 {
		answers = append(answers, <-s.saves)
	}
	s.mu.RLock()
	all := s.kv.All()
	s.mu.RUnlock()
	var err error
	if s.opt.KV != nil {
		if err = s.opt.KV.Save(all); err != nil {
			s.opt.Logger.Error("the KV configuration cannot be saved; it holds until the next start only", "error", err)
		}
	}
	for _, answer := range answers {
		answer(err)
	}
}

// changeKV applies a change and answers the request when it is on disk.
func (s *Server) changeKV(c *remoting.Conn, f *protocol.Frame, change func()) {
	done := f.Reply(protocol.ResSuccess, "")
	answer := func(err error) {
		if err != nil {
			done.Code, done.Remark = protocol.ResSystemError, err.Error()
		}
		_ = c.Send(&done)
	}
	refusal := s.acceptKV(change, answer)
	if refusal != nil {
		done.Code, done.Remark = protocol.ResSystemBusy, refusal.Error()
		_ = c.Send(&done)
	}
}

// acceptKV makes a change and queues its answer, or does neither.
func (s *Server) acceptKV(change func(), answer func(error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errStopping
	}
	select {
	case s.saves <- answer:
		change() // the saver reads the table behind this lock
		return nil
	default:
		return fmt.Errorf("%d changes of the KV configuration wait for the disk, the limit; not changed", maxQueuedSaves)
	}
}
