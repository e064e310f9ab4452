package main

import (
	"context"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func dialNode(t *testing.T, addr string) *remoting.Conn {
	t.Helper()
	conn, err := remoting.Dial(t.Context(), addr, remoting.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends a request with the fields (name, value, …) and returns the answer.
func ask(t *testing.T, conn *remoting.Conn, code int32, body string, fields ...string) *protocol.Frame {
	t.Helper()
	f := &protocol.Frame{Code: code, Version: protocol.CurrentVersion, Body: []byte(body)}
	for i := 0; i < len(fields); i += 2 {
		f.Fields.Add(fields[i], fields[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := conn.Invoke(ctx, f)
	if err != nil {
		t.Error(err)
		return &protocol.Frame{Code: -1}
	}
	return r
}
