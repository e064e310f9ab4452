package apart_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

func TestHeader(t *testing.T) {
	var f protocol.Frame
	f.Fields.Add("topic", "a")
	f.Fields.Add("queueId", "3")
	f.Fields.Add("empty", "")
	f.Fields.Add("readable", "TRUE")
	f.Fields.Add("bad", "x")
	h := apart.Read(&f)
	if h.Need("topic") != "a" || h.Text("none") != "" || h.NeedInt("queueId") != 3 || h.Int("none", 7) != 7 || h.Int("empty", 8) != 8 {
		t.Error("a field is read wrongly")
	}
	if v, there := h.Flag("readable"); !v || !there {
		t.Error("readable is not true")
	}
	if _, there := h.Flag("none"); there {
		t.Error("a flag is there that is not")
	}
	if err := h.Err(); err != nil {
		t.Errorf("all was right, and yet: %v", err)
	}
	for _, c := range []struct {
		read func(h *apart.Header)
		want string
	}{
		{func(h *apart.Header) { h.Need("group"); h.Need("other") }, "refused with code 1: the custom field <group> is null"},
		{func(h *apart.Header) { h.NeedInt("empty") }, "refused with code 1: the custom field <empty> is null"},
		{func(h *apart.Header) { h.Int("bad", 1) }, `refused with code 1: the custom field <bad> is not a 64-bit integer: "x"`},
	} {
		h := apart.Read(&f)
		c.read(h)
		if err := h.Err(); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
