package lock

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// The changes; a text is its length as an unsigned varint and its UTF-8 bytes, numbers are unsigned varints, except the
// queue id, a zigzag varint:
//
//	kind  fields
//	   1  lock: mark, group, client, number of queues, then each queue's topic and id: the client owns them now
//	   2  unlock: the same fields without the mark: nobody owns those of them that the client owned
//
// The mark tells the process that wrote the change which of its calls came back; it is 0 in snapshots and nobody else
// looks at it. Without it the change of an older lock of the same client, unlocked since, would pass for the newer one's,
// whose own change perhaps never reached the log.
const (
	kindLock   = 1
	kindUnlock = 2
)

func appendLock(dst []byte, mark uint64, group, client string, queues []message.Queue) []byte {
	dst = binary.AppendUvarint(append(dst, kindLock), mark)
	return appendQueues(dst, group, client, queues)
}

func appendUnlock(dst []byte, group, client string, queues []message.Queue) []byte {
	return appendQueues(append(dst, kindUnlock), group, client, queues)
}

func appendQueues(dst []byte, group, client string, queues []message.Queue) []byte {
	dst = varint.AppendText(varint.AppendText(dst, group), client)
	dst = binary.AppendUvarint(dst, uint64(len(queues)))
	for _, q := range queues {
		dst = binary.AppendVarint(varint.AppendText(dst, q.Topic), int64(q.ID))
	}
	return dst
}

// Apply carries out one change on the logged picture, found at log offset at, which only errors mention. A change that
// is applied twice in a row counts once. An error means a damaged change or a newer version's; the table is unchanged
// then.
func (t *Table) Apply(change []byte, at message.LogOffset) error {
	r := varint.NewReader(change)
	kind := r.Byte()
	if kind != kindLock && kind != kindUnlock {
		return varint.UnknownKind("lock", kind, int64(at))
	}
	var mark uint64
	if kind == kindLock {
		mark = r.Uint()
	}
	group, client := string(r.Text()), string(r.Text())
	var keys []key
	for n := r.Uint(); n > 0 && r.OK(); n-- {
		q := message.Queue{Topic: string(r.Text()), ID: message.QueueID(r.Int32())}
		keys = append(keys, key{group, q})
	}
	if err := r.End("lock", kind, int64(at)); err != nil {
		return err
	}
	if client == "" {
		return fmt.Errorf("lock change of kind %d at log offset %d has no client id", kind, at)
	}
	for _, k := range keys {
		if kind == kindUnlock {
			if t.logged[k] == client {
				delete(t.logged, k)
			}
			continue
		}
		if t.logged == nil {
			t.logged = make(map[key]string)
		}
		t.logged[k] = client
		if h, ok := t.live[group][k.queue]; ok && h.client == client && h.mark == mark {
			h.known = true
			t.live[group][k.queue] = h
		}
	}
	return nil
}

// Snapshot emits the changes that make an empty table's logged picture equal to this one, one per group and owner,
// sorted.
func (t *Table) Snapshot(emit func(change []byte)) {
	t.emitLogged(slices.Collect(maps.Keys(t.logged)), func(group, client string, queues []message.Queue) {
		emit(appendLock(nil, 0, group, client, queues))
	})
}

// emitLogged sorts the keys and hands on each run of one group and owner.
func (t *Table) emitLogged(keys []key, emit func(group, client string, queues []message.Queue)) {
	slices.SortFunc(keys, t.compare)
	for len(keys) > 0 {
		group, client := keys[0].group, t.logged[keys[0]]
		var queues []message.Queue
		for len(keys) > 0 && keys[0].group == group && t.logged[keys[0]] == client {
			queues = append(queues, keys[0].queue)
			keys = keys[1:]
		}
		emit(group, client, queues)
	}
}
