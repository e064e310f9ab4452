package proxy

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/permit"
)

// Options configure a [Server]. Zero values mean the default.
type Options struct {
	MaxMessageSize int           // bytes of a message's body; default 4 MiB
	MaxRequestSize int           // bytes of a request; default 130 MiB
	MaxUnfinished  int64         // bytes of requests that are not complete, of all connections; default 1 GiB
	MaxUntaken     int64         // bytes of messages in answers that clients have not taken, of all connections; default 1 GiB
	MaxOpened      int64         // bytes of bodies that were compressed and are on their way to clients; beyond it they go compressed; default 256 MiB
	MaxTimerDelay  time.Duration // how far ahead a delivery may be; default a day
	MaxClients     int           // clients known at once; default 100,000
	IdleTimeout    time.Duration // a connection without requests or streams is closed after it; default 120 s
	MaxConnAge     time.Duration // a connection is told to reconnect after it; default none
	// RequestTimeout bounds a request to a broker, but those that wait for messages; a client's own deadline may be sooner; default 10 s.
	RequestTimeout time.Duration
	Logger         *slog.Logger     // default slog.Default()
	Now            func() time.Time // default time.Now

	// Rates bounds the requests of each address; nil for no bound.
	Rates *ratelimit.Table[netip.Prefix]

	// Guard is asked before every request, nil for nobody.
	Guard permit.Guard
	// Sources are the addresses from which a request must be allowed, each of them, if a PROXY header has told one, since anybody can; nil: that one alone.
	Sources func(from, via netip.Addr) []netip.Addr
	// Refused is told of every answer that refuses a request, but those of streams; nil for nobody. It must not block.
	Refused func(request string, st *pb.Status)
}

func (o Options) withDefaults() Options {
	setDefault(&o.MaxMessageSize, 4<<20)
	setDefault(&o.MaxRequestSize, 130<<20)
	setDefault(&o.MaxUnfinished, 1<<30)
	setDefault(&o.MaxUntaken, 1<<30)
	setDefault(&o.MaxOpened, 256<<20)
	setDefault(&o.MaxTimerDelay, 24*time.Hour)
	setDefault(&o.MaxClients, 100_000)
	setDefault(&o.IdleTimeout, 120*time.Second)
	setDefault(&o.RequestTimeout, 10*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func setDefault[T int | int64 | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

func (o *Options) limits() check.Limits {
	return check.Limits{MaxBody: o.MaxMessageSize, MaxDelay: o.MaxTimerDelay}
}
