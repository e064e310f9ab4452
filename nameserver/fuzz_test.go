package nameserver

import (
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// FuzzRequest sends any frame to a NameServer, the 5.5.0 broker's among them: whatever it answers, it goes on to answer others.
func FuzzRequest(f *testing.F) {
	for _, name := range []string{"register_plain.frame", "register_delta.frame", "register_compressed.frame"} {
		frame := captured(f, name)
		var lines strings.Builder
		for _, field := range frame.Fields {
			lines.WriteString(string(field.Key) + "=" + string(field.Value) + "\n")
		}
		f.Add(frame.Code, lines.String(), frame.Body)
	}
	f.Add(int32(protocol.ReqGetRouteInfoByTopic), "topic=T\nacceptStandardJsonOnly=true", []byte{})
	f.Add(int32(100), "namespace=n\nkey=k\nvalue=v", []byte{})
	f.Add(int32(318), "", []byte("a=b\nc"))
	f.Add(int32(-1), "=", []byte{0xff})
	ns, err := New(Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	mux := remoting.NewMux()
	ns.Mount(mux)
	server := remoting.NewServer(remoting.Options{Mux: mux, Closed: ns.ConnClosed, Logger: slog.New(slog.DiscardHandler), IdleTimeout: time.Hour})
	f.Cleanup(func() {
		if err := server.Shutdown(f.Context()); err != nil && f.Context().Err() == nil {
			f.Error(err)
		}
		ns.Close()
	})
	f.Fuzz(func(t *testing.T, code int32, lines string, body []byte) {
		request := protocol.Frame{Code: code, Version: protocol.CurrentVersion, Opaque: 5, Body: body}
		for line := range strings.Lines(lines) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			request.Fields.Add(name, value)
		}
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() {
			server.Serve(theirs, remoting.ConnInfo{Remote: netip.MustParseAddrPort("192.0.2.9:4000"), Local: netip.MustParseAddrPort("10.0.0.1:9876")})
			close(served)
		}()
		read := make(chan struct{})
		go func() {
			defer close(read)
			buf := make([]byte, 4096)
			for {
				if _, err := ours.Read(buf); err != nil {
					return
				}
			}
		}()
		_, _ = ours.Write(protocol.AppendFrame(nil, &request))
		_ = ours.Close()
		<-served
		<-read
	})
}
