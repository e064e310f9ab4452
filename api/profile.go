package api

import (
	"fmt"
	"io"
	"net/http"
	"runtime/pprof"
	runtrace "runtime/trace"
	"strconv"
	"time"

	v1 "github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/auth/access"
	"github.com/aerobee-mq/aerobee/listen"
)

// longestProfile bounds what is watched for one request.
const longestProfile = 5 * time.Minute

// handleProfiles serves what `go tool pprof` asks for, to administrators only: a profile tells of the program's inside, and taking one slows it
// down. net/http/pprof would do it as well, and put itself into the mux of whatever program embeds a node.
func handleProfiles(mux *http.ServeMux, g *guard) {
	mux.HandleFunc("GET /debug/pprof/{$}", func(w http.ResponseWriter, r *http.Request) {
		if err := g.profiles(r); err != nil {
			refuseProfile(w, err)
			return
		}
		_, _ = io.WriteString(w, "profile?seconds=30 (processor time)\ntrace?seconds=1\n") // the peer has gone if this fails, as below
		for _, p := range pprof.Profiles() {
			_, _ = fmt.Fprintf(w, "%s (%d); ?debug=1 for text\n", p.Name(), p.Count())
		}
	})
	mux.HandleFunc("GET /debug/pprof/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := g.profiles(r); err != nil {
			refuseProfile(w, err)
			return
		}
		switch name := r.PathValue("name"); name {
		case "profile":
			watch(w, r, 30*time.Second, pprof.StartCPUProfile, pprof.StopCPUProfile)
		case "trace":
			watch(w, r, time.Second, runtrace.Start, runtrace.Stop)
		default:
			p := pprof.Lookup(name)
			if p == nil {
				refuseProfile(w, &problem{"not-found", fmt.Sprintf("there is no profile %.60q; GET /debug/pprof/ lists them", name)})
				return
			}
			debug, _ := strconv.Atoi(r.FormValue("debug")) // 0 if it is no number: the form for the tool
			if debug == 0 {
				w.Header().Set("Content-Type", "application/octet-stream")
			}
			_ = p.WriteTo(w, debug)
		}
	})
}

// profiles admits who may take profiles: administrators, and on this machine alone, since taking one slows the node down.
func (g *guard) profiles(r *http.Request) error {
	if from := addressOf(r); !from.IsLoopback() || listen.ViaOf(r.Context()).IsValid() {
		return &problem{"not-here", fmt.Sprintf("profiles are served to the loopback addresses of this machine only, and the request came from %s: forward a port, as with ssh -L", from)}
	}
	_, err := g.admit(r, g.classes[access.Profile])
	return err
}

// watch writes what start brings for the seconds that the request asks for.
func watch(w http.ResponseWriter, r *http.Request, usual time.Duration, start func(io.Writer) error, stop func()) {
	span := usual
	if text := r.FormValue("seconds"); text != "" {
		n, err := strconv.Atoi(text)
		if span = time.Duration(n) * time.Second; err != nil || n <= 0 || span > longestProfile {
			refuseProfile(w, &problem{"bad-request", fmt.Sprintf("seconds is %.20q, it must lie in 1..%d", text, int(longestProfile/time.Second))})
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := start(w); err != nil {
		refuseProfile(w, &problem{v1.OfStatus(http.StatusConflict), err.Error()})
		return
	}
	defer stop()
	end := time.NewTimer(span)
	defer end.Stop()
	select {
	case <-end.C:
	case <-r.Context().Done():
	}
}

func refuseProfile(w http.ResponseWriter, err error) {
	p := problemOf(err)
	writeProblem(w, &p, p.Status)
}
