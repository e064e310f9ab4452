package pop

import (
	"encoding/binary"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// Mode says how a group reads a topic when the broker shares the queues out.
type Mode struct {
	// Pop says that the group pops the topic; else it pulls.
	Pop bool
	// Share is among how many other members each queue is shared when it is popped; 0 is all of them.
	Share int32
}

type modeKey struct{ group, topic uint32 }

// Mode returns a group's mode in a topic; false if none was set.
func (t *Table) Mode(group, topic uint32) (Mode, bool) {
	m, ok := t.modes[modeKey{group, topic}]
	return m, ok
}

// EachMode visits the modes that were set.
func (t *Table) EachMode(visit func(group, topic uint32, m Mode)) {
	for k, m := range t.modes {
		visit(k.group, k.topic, m)
	}
}

// AppendMode appends the change that sets a group's mode in a topic.
func AppendMode(dst []byte, group, topic uint32, m Mode) []byte {
	dst = binary.AppendUvarint(append(dst, kindMode), uint64(group))
	dst = binary.AppendUvarint(dst, uint64(topic))
	flags := byte(0)
	if m.Pop {
		flags = flagPop
	}
	return binary.AppendVarint(append(dst, flags), int64(m.Share))
}

func (t *Table) applyMode(r *varint.Reader, at message.LogOffset) error {
	k := modeKey{r.Uint32(), r.Uint32()}
	flags := r.Byte()
	m := Mode{Pop: flags&flagPop != 0, Share: r.Int32()}
	if err := r.End("pop", kindMode, int64(at)); err != nil {
		return err
	}
	if flags > flagPop {
		return damaged(kindMode, at, "an unknown flag is set")
	}
	if t.modes == nil {
		t.modes = make(map[modeKey]Mode)
	}
	t.modes[k] = m
	return nil
}

// forgetModes forgets the modes of a group or a topic, 0 standing for any.
func (t *Table) forgetModes(group, topic uint32) {
	for k := range t.modes {
		if (group == 0 || k.group == group) && (topic == 0 || k.topic == topic) {
			delete(t.modes, k)
		}
	}
}

func (t *Table) emitModes(emit func(change []byte)) {
	var buf []byte
	for k, m := range t.modes {
		buf = AppendMode(buf[:0], k.group, k.topic, m)
		emit(buf)
	}
}
