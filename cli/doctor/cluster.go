package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/store/retention"
)

// Cluster is what is known of a cluster.
type Cluster struct {
	NameServers []NameServer
	Brokers     []Reached
}

// NameServer is one NameServer and what it says.
type NameServer struct {
	Addr    string
	Error   string   // why it does not answer
	Brokers []string // "name at address", sorted
}

// Reached is one address by which a broker is known, and what was found there.
type Reached struct {
	Name, Addr string
	ID         int64
	HasMaster  bool
	Error      string        // why nobody answers
	Took       time.Duration // of the question
	Version    string
	Node       *v1.Node // nil for other servers than ours
	Store      *v1.Store
	Skew       time.Duration // by how much its clock is ahead of ours, half of the question's time taken off
}

// Bounds beyond which something is wrong.
const (
	clockNote     = 2 * time.Second
	clockProblem  = 30 * time.Second
	filesPercent  = 80
	filesBesides  = 1024 // open files of a node beside its connections
	diskNear      = 5    // percent of the disk before its limit, from which on it is time to do something
	percentOfDisk = 100
)

// Look looks at a cluster.
func Look(c *Cluster) []Finding {
	f := &findings{}
	c.nameServers(f)
	if len(c.Brokers) == 0 {
		f.add(rule{"no-broker", "clients get no route", "is a broker running, and are these NameServers in its namesrvAddr?"}, true, 0, "no broker is registered")
	}
	versions := map[string][]string{} // who speaks each
	for i := range c.Brokers {
		b := &c.Brokers[i]
		if b.ID == 0 || !b.HasMaster {
			b.master(f)
		}
		if b.Error != "" {
			f.add(rule{"broker-unreachable", "clients are told this address", "is it running? behind a mapped port it needs --advertise HOST[:PORT], the address that clients can reach"}, true, b.Took.Milliseconds(),
				"broker %s is known at %s, where nobody answers: %s; asked for %v of at most %v", b.Name, b.Addr, b.Error, b.Took.Round(time.Millisecond), reachTimeout)
			continue
		}
		versions[b.version()] = append(versions[b.version()], b.Name+" at "+b.Addr)
		b.node(f)
		b.store(f)
	}
	if len(versions) > 1 {
		list := []string{}
		for v, who := range versions {
			text := v + " (" + who[0]
			if n := len(who) - 1; n > 0 {
				text += fmt.Sprintf(" and %d more", n)
			}
			list = append(list, text+")")
		}
		slices.Sort(list)
		f.add(rule{"versions-differ", "clients may do with one broker what another refuses", "bring all brokers to one version"}, false, int64(len(list)),
			"brokers have %d versions instead of 1: %s", len(list), strings.Join(list, ", "))
	}
	return f.list
}

// version is what a broker speaks and, where it is one of ours, which build it is.
func (b *Reached) version() string {
	speaks := cmp.Or(b.Version, "no version told")
	if b.Node == nil {
		return speaks
	}
	return speaks + " of Aerobee " + b.Node.Version
}

func (c *Cluster) nameServers(f *findings) {
	var first *NameServer
	for i := range c.NameServers {
		n := &c.NameServers[i]
		switch {
		case n.Error != "":
			f.add(rule{"nameserver-unreachable", "clients that know it alone find no brokers", "is it running, and can this machine reach it?"}, true, 0, "NameServer %s does not answer: %s", n.Addr, n.Error)
		case first == nil:
			first = n
		case !slices.Equal(first.Brokers, n.Brokers):
			f.add(rule{"nameservers-differ", "clients see other brokers, by the NameServer that they ask", "every broker's namesrvAddr must name all NameServers"}, true, int64(len(n.Brokers)),
				"NameServer %s knows %s, and %s knows %s", first.Addr, listed(first.Brokers), n.Addr, listed(n.Brokers))
		}
	}
}

func listed(names []string) string {
	if len(names) == 0 {
		return "no broker"
	}
	return strings.Join(names, ", ")
}

func (b *Reached) master(f *findings) {
	if !b.HasMaster {
		f.add(rule{"no-master", "nothing can be written to it", "bring its master back"}, true, b.ID, "broker %s has no master now, only the replica %d at %s", b.Name, b.ID, b.Addr)
	}
}

// node looks at what a node of ours says of itself.
func (b *Reached) node(f *findings) {
	n := b.Node
	if n == nil {
		return
	}
	if n.Name != b.Name {
		f.add(rule{"broker-is-another", "what is meant for one broker goes to the other", "see who forwards that port"}, true, 0, "at %s, where broker %s should be, broker %s answers", b.Addr, b.Name, n.Name)
	}
	if !n.Ready || n.Reason != "" {
		f.add(rule{"not-ready", "it refuses requests", "look at its log"}, true, n.UptimeSeconds, "broker %s at %s is not well: %s", b.Name, b.Addr, n.Reason)
	}
	if n.Advertised.Guessed {
		f.add(rule{"address-guessed", "from outside of a container or a mapped port it may lead nowhere", "aerobee serve --advertise HOST[:PORT]"}, false, 0, "broker %s is known at %s because nobody has said its address", b.Name, n.Advertised.Address)
	}
	b.clock(f)
	b.files(f, &n.Limits)
}

func (b *Reached) clock(f *findings) {
	skew, limit := b.Skew.Abs(), clockNote
	if skew <= limit {
		return
	}
	if skew > clockProblem {
		limit = clockProblem
	}
	side := "ahead of"
	if b.Skew < 0 {
		side = "behind"
	}
	f.add(rule{"clock-off", "times of messages, delays and what is too old go by the broker's clock", "synchronise both clocks (NTP): chronyc tracking, or timedatectl, says which one is wrong"}, skew > clockProblem, b.Skew.Milliseconds(),
		"the clock of broker %s is %v %s this machine's, at most %v is well", b.Name, skew.Round(time.Millisecond), side, limit)
}

func (b *Reached) files(f *findings, l *v1.Limits) {
	switch {
	case l.MaxOpenFiles == 0:
	case l.OpenFiles*percentOfDisk > l.MaxOpenFiles*filesPercent:
		f.add(rule{"open-files", "connections beyond the limit are refused", "a higher limit: LimitNOFILE= of the unit, ulimit -n"}, true, int64(l.OpenFiles),
			"broker %s has %d of %d open files, more than %d%%", b.Name, l.OpenFiles, l.MaxOpenFiles, filesPercent)
	case l.MaxOpenFiles < uint64(max(l.Connections, 0))+filesBesides:
		f.add(rule{"open-files-low", "the system refuses connections before the node does", "a higher limit (LimitNOFILE= of the unit, ulimit -n), or a lower maxConnections"}, false, int64(l.MaxOpenFiles),
			"broker %s may open %d files, and is to take %d connections (maxConnections): it needs %d", b.Name, l.MaxOpenFiles, l.Connections, max(l.Connections, 0)+filesBesides)
	}
}

// store looks at what a node of ours says of its store.
func (b *Reached) store(f *findings) {
	s := b.Store
	if s == nil {
		return
	}
	if s.Full != "" {
		f.add(rule{"disk-full", "sends are refused until there is room", "room on the disk, or a shorter fileReservedTime"}, true, int64(s.Disk.Free), "broker %s refuses sends: %s", b.Name, s.Full)
	}
	for _, text := range s.Troubles {
		f.add(rule{"trouble", "disk or clock have done this since the store was opened", "look at the disk, and at the node's log"}, true, 0, "broker %s: %s", b.Name, text)
	}
	if s.Full == "" && s.Disk.Total > 0 {
		b.room(f, s)
	}
}

// room looks at how near a disk that takes messages is to its limits.
func (b *Reached) room(f *findings, s *v1.Store) {
	used, limit, least := int(s.Disk.Used*percentOfDisk/s.Disk.Total), s.Retention.MaxUsedPercent, s.Retention.MinFreeBytes
	switch rules := (retention.Rules{}).WithDefaults(); {
	case limit > 0 && used >= limit:
		percent := func(ratio float64) int { return max(limit, int(ratio*percentOfDisk)) }
		f.add(rule{"disk-above-limit", "old segments are deleted at any hour, then younger ones, and in the end sends are refused", "room on the disk, a shorter fileReservedTime, or a higher diskMaxUsedSpaceRatio"}, true, int64(used),
			"the disk of broker %s is %d%% full, its limit is %d%% (diskMaxUsedSpaceRatio); from %d%% on segments go before their age, from %d%% on sends are refused", b.Name, used, limit, percent(rules.ForceRatio), percent(rules.WarnRatio))
	case limit > 0 && used >= limit-diskNear || s.Disk.Free/2 < uint64(max(least, 0)):
		f.add(rule{"disk-low", "beyond these limits segments are deleted early, and sends refused", "room on the disk, or a shorter fileReservedTime"}, false, int64(s.Disk.Free),
			"the disk of broker %s is %d%% full and has %d MiB left; its limits are %d%% (diskMaxUsedSpaceRatio) and %d MiB (minFreeDisk)", b.Name, used, s.Disk.Free>>20, limit, least>>20)
	}
}
