package broker

// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200), GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201), DELETE_SUBSCRIPTIONGROUP (207),
// GET_SUBSCRIPTIONGROUP_CONFIG (352).
//
// Callers: mqadmin updateSubGroup, deleteSubGroup, exportMetadata; slaves; the dashboard; the proxy's cache.
//
// Behaviour: a change is durable before the answer; members of the configuration that this version does not know are kept.
// 352 makes an unknown group where groups are made on first use. 207 takes the offsets along when cleanOffset says so.
// 201 is paged as 21 is.
//
// Codes: 0; 26 no such group (352); 29 group name wrong (200); 1 unreadable header or body, or the store refused.

import (
	"context"

	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handlePutGroup(c *remoting.Conn, f *protocol.Frame) {
	var g group.Config
	if err := protocol.UnmarshalBody(f.Body, &g); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if wrong := checkGroupName(g.Name); wrong != "" {
		b.answer(c, f, protocol.ResInvalidParameter, wrong)
		return
	}
	if err := group.CheckAttributes(g.Attributes); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.changeGroups(c, f, func(ctx context.Context) error { return b.store.PutGroup(ctx, g) })
}

func (b *Broker) handleDeleteGroup(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.DeleteGroupHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.changeGroups(c, f, func(ctx context.Context) error {
		b.forgetPulled(func(k pulledKey) bool { return k.group == h.GroupName })
		return b.store.DeleteGroup(ctx, h.GroupName, h.CleanOffset)
	})
}

// changeGroups runs one change of groups on a goroutine and answers for it.
func (b *Broker) changeGroups(c *remoting.Conn, f *protocol.Frame, change func(context.Context) error) {
	b.later(c, f, func(f *protocol.Frame) {
		ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
		defer cancel()
		done, err := b.turn(ctx)
		if err == nil {
			err = change(ctx)
			done()
		}
		if err != nil {
			b.refuse(c, f, err)
			return
		}
		b.answer(c, f, protocol.ResSuccess, "")
	})
}

// groupTable is the body of 201, with the configurations as they are kept.
type groupTable struct {
	DataVersion group.Version               `json:"dataVersion"`
	Forbidden   map[string]map[string]int32 `json:"forbiddenTable"`
	Groups      map[string]group.Config     `json:"subscriptionGroupTable"`
}

func (b *Broker) handleAllGroups(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ConfigPageHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	version, all := b.store.GroupVersion(), b.store.Groups()
	table := groupTable{DataVersion: version, Forbidden: b.store.AllForbidden(), Groups: map[string]group.Config{}}
	if table.Forbidden == nil {
		table.Forbidden = map[string]map[string]int32{}
	}
	from, to := page(&h, version, len(all))
	for _, g := range all[from:to] {
		table.Groups[g.Name] = g
	}
	out := f.Reply(protocol.ResSuccess, "")
	out.Fields.AddInt("totalGroupNum", int64(len(all)))
	out.Body = protocol.MarshalBody(table)
	b.send(c, &out)
}

func (b *Broker) handleGetGroup(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.GroupHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if g, ok := b.store.Group(h.Group); ok {
		b.answerBody(c, f, protocol.MarshalBody(g), nil)
		return
	}
	if b.groupMakeable(h.Group) != nil {
		b.answer(c, f, protocol.ResSubscriptionGroupNotExist, "No group in this broker: "+h.Group)
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
		defer cancel()
		g, err := b.ensureGroup(ctx, h.Group)
		b.answerBody(c, f, protocol.MarshalBody(g), err)
	})
}
