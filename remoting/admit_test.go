package remoting

import (
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// TestAdmit: what is not admitted is answered and reaches no handler; what nobody serves is said to be that; who has no socket is not asked.
func TestAdmit(t *testing.T) {
	o := Options{Mux: NewMux(), Admit: func(_ *Conn, f *protocol.Frame) (int32, string) {
		if string(f.Body) == "friend" {
			return 0, ""
		}
		return 16, "no"
	}}
	o.Mux.Handle(1, "ECHO", func(c *Conn, f *protocol.Frame) {
		out := f.Reply(0, "")
		out.Body = append([]byte("hello "), f.Body...)
		_ = c.Send(&out)
	})
	client, s := serve(t, o, nil)
	ask := func(code int32, body string, want int32, remark, said string) {
		t.Helper()
		if _, err := client.Write(request(code, 7, body)); err != nil {
			t.Fatal(err)
		}
		if f := receive(t, client); f.Code != want || f.Remark != remark || string(f.Body) != said || f.Opaque != 7 {
			t.Errorf("%d %s: code %d %q %q", code, body, f.Code, f.Remark, f.Body)
		}
	}
	ask(1, "friend", 0, "", "hello friend")
	ask(1, "foe", 16, "no", "")
	ask(2, "foe", protocol.ResRequestCodeNotSupported, " request type 2 not supported", "")

	l, err := s.Local(ConnInfo{Remote: loopback, Local: loopback}, func(*protocol.Frame) {})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Call(t.Context(), &protocol.Frame{Code: 1, Body: []byte("foe")}, func(f *protocol.Frame) {
		if f.Code != 0 {
			t.Errorf("without a socket: code %d %s", f.Code, f.Remark)
		}
	}); err != nil {
		t.Error(err)
	}
}

// fieldOf tells one answer's field.
type fieldOf struct{ got chan string }

func (a fieldOf) Answered(f *protocol.Frame, err error) {
	if err != nil {
		a.got <- err.Error()
		return
	}
	a.got <- f.Remark
}

// TestSign: requests are signed by whichever way they go, and nothing else of them changes.
func TestSign(t *testing.T) {
	o := Options{Mux: NewMux()}
	o.Mux.Handle(1, "TELL", func(c *Conn, f *protocol.Frame) {
		out := f.Reply(0, f.Fields.String("a")+" "+f.Fields.String("who")+" "+string(f.Body))
		_ = c.Send(&out)
	})
	nc, _ := serve(t, o, nil)
	c := Client(nc, Options{Sign: func(f *protocol.Frame) { f.Fields.Add("who", "alice") }})
	defer c.Close()
	want := func(way, got string) {
		t.Helper()
		if got != "x alice body" {
			t.Errorf("%s: %q", way, got)
		}
	}
	f := protocol.Frame{Code: 1, Version: 513, Body: []byte("body")}
	f.Fields.Add("a", "x")
	r, err := c.Invoke(t.Context(), &f)
	if err != nil {
		t.Fatal(err)
	}
	want("Invoke", r.Remark)
	a := fieldOf{make(chan string, 1)}
	if _, err := c.BeginFrame(&f, time.Time{}, a); err != nil {
		t.Fatal(err)
	}
	want("BeginFrame", <-a.got)
	binary := f
	binary.Encoding = protocol.Binary
	head := protocol.AppendHead(nil, &binary, len(f.Body))
	if _, err := c.Begin(head, f.Body, time.Time{}, a); err != nil {
		t.Fatal(err)
	}
	want("Begin", <-a.got)
	if len(f.Fields) != 1 {
		t.Errorf("the caller's frame has %d fields now", len(f.Fields))
	}
}
