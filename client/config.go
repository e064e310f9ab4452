package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/identity"
)

// Config configures a [Client]. NameServers or Discovery must be given; everything else has a default.
type Config struct {
	NameServers []string // "host:port" each; "a:9876;b:9876" in one text is read too
	Discovery   string   // instead of NameServers: a URL whose answer lists them ("a:9876;b:9876"), asked again every 2 minutes

	// Namespace keeps users of one cluster apart, as Java's setNamespace does: topics and groups go to the broker as "ns%name",
	// results and deliveries come without the prefix. Default none.
	Namespace string

	// InstanceName is the second part of the client id "ip@instance". Two clients on one host must not share it. Default: the process id and a random number.
	InstanceName string

	// Trace writes RocketMQ's message trace of everything that is sent and handled. Default off.
	Trace      bool
	TraceTopic string // where traces go; default RMQ_SYS_TRACE_TOPIC

	// Interceptors see every send and every handling, the first one first. Default none, which costs nothing.
	Interceptors []Interceptor

	AccessKey, SecretKey string                                                   // of the user that every request is signed as; default none
	SignTo               cluster.SignTo                                           // where requests are signed; default everywhere
	Dial                 func(ctx context.Context, addr string) (net.Conn, error) // default TCP
	TLS                  *tls.Config                                              // encrypts every connection; a ServerName is not needed; default nil: plain text
	DialTimeout          time.Duration                                            // default 3 s
	RouteInterval        time.Duration                                            // how often routes are asked for again; default 30 s
	HeartbeatInterval    time.Duration                                            // default 30 s; brokers forget who is silent for 120 s
	Logger               *slog.Logger                                             // default nil: silent
}

func (c Config) withDefaults() Config {
	if c.HeartbeatInterval <= 0 {
		c.HeartbeatInterval = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.InstanceName == "" {
		c.InstanceName = identity.InstanceName()
	}
	return c
}

func (c Config) validate() error {
	if len(c.NameServers) > 0 && c.Discovery != "" {
		return fmt.Errorf("client: NameServers and Discovery are both given")
	}
	return cluster.CheckName("namespace", c.Namespace, true)
}
