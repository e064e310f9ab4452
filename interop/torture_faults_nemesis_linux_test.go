package interop

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// nemesis is what happens to a server built with the tag faults, to its disk, its clock and its clients: one blow after the other, each drawn and healed.
type nemesis struct {
	s      *server
	rec    *recorder
	clock  *clockBook
	front  *cutter
	disk   *smallDisk // nil without the right to mount
	random *rand.Rand
	long   time.Duration // what a blow lasts at most
	say    func(format string, args ...any)
	did    map[string]int
}

// blow is one thing that can happen.
type blow struct {
	name   string
	strike func() error // and heal
}

// deck are all blows.
func (n *nemesis) deck() []blow {
	deck := []blow{{"kill", func() error { return n.kill(nil) }}, {"stop", n.stop}, {"writes", n.writes}, {"syncs", n.syncs}, {"clock", n.jump}, {"cut", n.cut}}
	if n.disk != nil {
		deck = append(deck, blow{"full", n.full}, blow{"read-only", n.readOnly})
	}
	return deck
}

// play strikes with whole decks, each in another order, until the time has come; once at least.
func (n *nemesis) play(end time.Time) error {
	for first := true; first || time.Now().Before(end); first = false {
		deck := n.deck()
		for _, i := range n.random.Perm(len(deck)) {
			if err := n.goesOn(); err != nil {
				return err
			}
			<-time.After(n.span(n.long / 2))
			n.did[deck[i].name]++
			if err := deck[i].strike(); err != nil {
				return fmt.Errorf("%s: %w", deck[i].name, err)
			}
			if !first && time.Now().After(end) {
				break
			}
		}
	}
	return n.goesOn()
}

// span draws how long something lasts.
func (n *nemesis) span(most time.Duration) time.Duration {
	return most/4 + time.Duration(n.random.Int64N(int64(most)*3/4))
}

// last lets a blow last.
func (n *nemesis) last() { <-time.After(n.span(n.long)) }

// goesOn waits until sends are acknowledged again.
func (n *nemesis) goesOn() error {
	before := n.rec.acknowledged()
	return eventually(60*time.Second, "sends go through again", func() error {
		select {
		case <-n.s.store.done:
			return errors.New("the server has ended by itself")
		default:
		}
		if have := n.rec.acknowledged() - before; have < 10 {
			return fmt.Errorf("%d sends acknowledged", have)
		}
		return nil
	})
}

// acknowledged is how many messages were acknowledged.
func (r *recorder) acknowledged() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.acked)
}

// end ends a blow: two in three are healed, one in three meets with a kill -9, after which mend is called before the server comes back.
func (n *nemesis) end(heal, mend func() error) error {
	if n.random.IntN(3) > 0 {
		return heal()
	}
	return n.kill(mend)
}

// kill is kill -9, and the server's return. A script dies with the process.
func (n *nemesis) kill(mend func() error) error {
	n.say("kill -9")
	if err := n.dies(); err != nil {
		return err
	}
	if mend != nil {
		if err := mend(); err != nil {
			return err
		}
	}
	return n.comesBack()
}

func (n *nemesis) dies() error {
	n.rec.add(history.Event{Kind: history.Killed})
	return n.clock.change(0, n.s.store.kill)
}

func (n *nemesis) comesBack() error {
	if err := n.s.store.launch(); err != nil {
		return err
	}
	if err := eventually(readyLimit, "ready again", n.s.ready); err != nil {
		return err
	}
	n.rec.add(history.Event{Kind: history.Ready})
	return nil
}

// stop is SIGSTOP, and SIGCONT.
func (n *nemesis) stop() error {
	n.say("SIGSTOP")
	if err := n.s.store.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	n.last()
	return n.end(func() error {
		n.say("SIGCONT")
		return n.s.store.cmd.Process.Signal(syscall.SIGCONT)
	}, nil)
}

// writes lets one write in a hundred fail.
func (n *nemesis) writes() error {
	effect := [...]string{"eio", "enospc", "erofs", "short"}[n.random.IntN(4)]
	return n.failing(fmt.Sprintf("seed %d; write * %s chance=0.01", n.random.Uint32(), effect))
}

// syncs lets one sync in a hundred fail. A commit log takes nothing any more then until a restart.
func (n *nemesis) syncs() error {
	if err := n.failing(fmt.Sprintf("seed %d; write,sync * eio chance=0.01", n.random.Uint32())); err != nil {
		return err
	}
	metrics, err := n.page(http.MethodGet, "/metrics", "")
	if err != nil || !strings.Contains(metrics, "\naerobee_sync_failed 1\n") {
		return err
	}
	n.say("a sync has failed: the server must be restarted")
	return n.kill(nil)
}

func (n *nemesis) failing(script string) error {
	if err := n.script(script); err != nil {
		return err
	}
	n.last()
	rules, err := n.page(http.MethodGet, "/faults", "")
	if err != nil {
		return err
	}
	n.say("so far: %s", strings.ReplaceAll(strings.TrimSpace(rules), "\n", "; "))
	return n.end(func() error { return n.script("") }, nil)
}

// jump sets the clock forward or back, by minutes or by a day, and right again.
func (n *nemesis) jump() error {
	by := (10*time.Minute + time.Duration(n.random.Int64N(int64(26*time.Hour)))).Round(time.Second)
	if n.random.IntN(2) == 0 {
		by = -by
	}
	if err := n.setClock(by); err != nil {
		return err
	}
	n.last()
	return n.end(func() error { return n.setClock(0) }, nil)
}

func (n *nemesis) setClock(ahead time.Duration) error {
	return n.clock.change(ahead, func() error { return n.script(fmt.Sprintf("clock %v", ahead)) })
}

// cut cuts connections, all of them again and again, and single ones in the middle of what they move.
func (n *nemesis) cut() error {
	n.say("connections are cut")
	before := n.front.total()
	n.front.tear(0.03)
	for end := time.Now().Add(n.span(n.long)); time.Now().Before(end); {
		n.front.cut()
		<-time.After(n.span(n.long / 4))
	}
	n.say("%d connections were cut", n.front.total()-before)
	n.front.tear(0)
	return n.end(func() error { return nil }, nil)
}

// full leaves no room on the disk. The server cannot ask how full it is: else it might delete its oldest segments, with what is to be there at the end.
func (n *nemesis) full() error {
	if err := n.script("usage * eio"); err != nil {
		return err
	}
	used, err := n.disk.fill()
	if err != nil {
		return err
	}
	n.say("the disk is full with %d KiB", used>>10)
	if err := eventually(20*time.Second, "sends are refused", n.refusing); err != nil {
		return errors.Join(err, n.disk.free())
	}
	n.say("sends are refused")
	n.last()
	return n.end(func() error { return errors.Join(n.disk.free(), n.script("")) }, n.disk.free)
}

// refusing is an error until the server says that its disk takes nothing.
func (n *nemesis) refusing() error {
	metrics, err := n.page(http.MethodGet, "/metrics", "")
	if err == nil && !strings.Contains(metrics, "\naerobee_disk_refuses_writes 1\n") {
		err = errors.New("its disk takes writes")
	}
	return err
}

// readOnly has the server die and find its disk read-only: its start must end, and say why.
func (n *nemesis) readOnly() error {
	n.say("kill -9, and the disk is read-only")
	if err := n.dies(); err != nil {
		return err
	}
	if err := n.disk.readOnly(); err != nil {
		return err
	}
	if err := n.s.store.launch(); err != nil {
		return err
	}
	select {
	case <-n.s.store.done:
	case <-time.After(20 * time.Second):
		return errors.New("the server did not end though its disk is read-only")
	}
	if said := tail(n.s.store.logPath(), 1500); !strings.Contains(said, "read-only file system") {
		return fmt.Errorf("the server ended on a read-only disk with\n%s", said)
	}
	if err := n.disk.writable(); err != nil {
		return err
	}
	return n.comesBack()
}

// script puts a script of faults in force.
func (n *nemesis) script(text string) error {
	if text == "" {
		n.say("faults: none")
	} else {
		n.say("faults: %s", text)
	}
	_, err := n.page(http.MethodPut, "/faults", text)
	return err
}

// page is a page of the server, each by a connection of its own: the one before may be that of a server that is dead.
func (n *nemesis) page(method, path, body string) (string, error) {
	request, err := http.NewRequest(method, "http://"+n.s.broker+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Close = true
	asker := http.Client{Timeout: 20 * time.Second}
	resp, err := asker.Do(request)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s %s", method, path, resp.Status, text)
	}
	return string(text), err
}
