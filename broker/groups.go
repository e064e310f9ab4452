package broker

// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200), GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201), DELETE_SUBSCRIPTIONGROUP (207),
// GET_SUBSCRIPTIONGROUP_CONFIG (352).
//
// Callers: mqadmin updateSubGroup, deleteSubGroup, exportMetadata; slaves; the dashboard; the proxy's cache.
//
// Behaviour: a change is durable before the answer; attributes come as "+name" and "-name", and stay where nothing is said of them; members of the configuration that this version does not know are kept.
// 352 makes an unknown group where groups are made on first use. 207 takes the offsets along when cleanOffset says so.
// 201 is paged as 21 is.
//
// Codes: 0; 26 no such group (352); 29 group name wrong (200); 1 unreadable header or body, or the store refused.

import (
	"context"

	"github.com/aerobee-mq/aerobee/broker/place"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handlePutGroup(c *remoting.Conn, f *protocol.Frame) {
	var g group.Config
	if err := apart.Body(f, &g); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if wrong := checkGroupName(g.Name); wrong != "" {
		b.answer(c, f, protocol.ResInvalidParameter, wrong)
		return
	}
	if light.Is(g.Name) {
		b.answer(c, f, protocol.ResSuccess, "") // every group of a light client is there already, and none can be changed
		return
	}
	start := b.steady()
	b.changeGroups(c, f, func(ctx context.Context) (err error) {
		defer func() { b.meters.Created(true, g.Name, b.steady().Sub(start), err) }()
		if err := b.planGroup(&g); err != nil {
			return err
		}
		return b.store.PutGroup(ctx, g)
	})
}

// planGroup makes what a request says of a group what it will be. The caller has the turn.
func (b *Broker) planGroup(g *group.Config) error {
	old, _ := b.store.Group(g.Name)
	attributes, err := group.AlterAttributes(old.Attributes, g.Attributes)
	if err != nil {
		return apart.Refuse(protocol.ResSystemError, "%v", err)
	}
	g.Attributes = attributes
	return nil
}

func (b *Broker) handleDeleteGroup(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.DeleteGroupHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.changeGroups(c, f, func(ctx context.Context) error {
		return b.removeGroup(ctx, c.RemoteAddr().String(), h.GroupName, b.offsetsToGo(h.CleanOffset, h.GroupName))
	})
}

// offsetsToGo are the offsets that groups which are deleted take along, nil if they take none.
func (b *Broker) offsetsToGo(clean bool, groups ...string) place.Leaving {
	if !clean {
		return nil
	}
	return b.mover.OfGroups(groups...)
}

// removeGroup deletes a group at somebody's wish, and its offsets unless they are nil. The caller has the turn.
func (b *Broker) removeGroup(ctx context.Context, by, name string, offsets place.Leaving) error {
	b.forgetPulled(func(k pulledKey) bool { return k.group == name })
	err := b.store.DeleteGroup(ctx, name, offsets != nil)
	b.meters.GroupGone(name)
	b.statistics.ForgetGroup(name)
	if err == nil {
		b.mover.Gone(offsets, name, by, "group deleted")
	}
	return err
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
		b.finish(c, f, err)
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
