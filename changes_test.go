package aerobee

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
)

// tryStartKept starts a node on a disk in memory; the caller may stop it before the test ends.
func tryStartKept(t *testing.T, disk vfs.FS, settings ...string) (*Server, error) {
	t.Helper()
	return tryStartIn(t, world{disk: disk}, append([]string{"memory", "false", "data", "d", "mappedFileSizeCommitLog", "16m"}, settings...)...)
}

func startKept(t *testing.T, disk vfs.FS, settings ...string) *Server {
	t.Helper()
	s, err := tryStartKept(t, disk, settings...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *peer) setting(key string) string {
	p.t.Helper()
	pairs, err := config.ParseProperties(string(p.call(protocol.ReqGetBrokerConfig, "").Body))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, pair := range pairs {
		if pair.Key == key {
			return pair.Value
		}
	}
	return ""
}

func (p *peer) wantSetting(key, value string) {
	p.t.Helper()
	if got := p.setting(key); got != value {
		p.t.Errorf("%s is %q, want %q", key, got, value)
	}
}

func TestChangedSettingsSurviveARestart(t *testing.T) {
	disk := vfs.NewMem()
	s := startKept(t, disk)
	p := s.dial(t)
	p.mustSend("T", "x")
	p.wantCode(p.call(protocol.ReqUpdateBrokerConfig, "brokerPermission=4\nfileReservedTime=48\nmaxMessageSize=1000\n"), protocol.ResSuccess, "")
	p.wantSetting("brokerPermission", "4")
	if r := p.route("T"); r.Queues[0].Perm&2 != 0 {
		t.Errorf("the route says that the broker takes messages: %+v", r)
	}
	p.wantCode(p.send("T", strings.Repeat("x", 1001)), protocol.ResMessageIllegal, "the limit is 1000")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = startKept(t, disk)
	p = s.dial(t)
	p.wantSetting("brokerPermission", "4")
	p.wantSetting("fileReservedTime", "48")
	if r := p.route("T"); r.Queues[0].Perm&2 != 0 {
		t.Errorf("after the restart the route says that the broker takes messages: %+v", r)
	}
	p.wantCode(p.call(protocol.ReqUpdateBrokerConfig, "brokerPermission=6\nmaxMessageSize=4194304"), protocol.ResSuccess, "")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Whoever sets one anew is heard.
	s = startKept(t, disk, "fileReservedTime", "24")
	p = s.dial(t)
	p.wantSetting("brokerPermission", "6")
	p.wantSetting("fileReservedTime", "24")
	p.wantCode(p.send("T", strings.Repeat("x", 1001)), protocol.ResSuccess, "")
	if settings, err := s.reportSettings(); err != nil {
		t.Error(err)
	} else {
		for _, x := range settings {
			if x.Origin == "changed while running" {
				t.Errorf("%+v", x)
			}
		}
	}
}

func TestRefusedChangesChangeNothing(t *testing.T) {
	s := startKept(t, vfs.NewMem())
	p := s.dial(t)
	f := func(text string, code int32, remark string) {
		t.Helper()
		p.wantCode(p.call(protocol.ReqUpdateBrokerConfig, "brokerPermission=4\n"+text), code, remark)
		p.wantSetting("brokerPermission", "6")
	}
	f("brokerName=b", protocol.ResNoPermission, "brokerName is not changed: it is given when the node starts: set brokerName in the file of -c")
	f("storePathRootDir=/x", protocol.ResNoPermission, "storePathRootDir is not changed")
	f("sendMessageThreadPoolNums=9", protocol.ResInvalidParameter, "without a thread pool")
	f("reviveInterval=9", protocol.ResInvalidParameter, "no effect here")
	f("fileReservedTyme=9", protocol.ResInvalidParameter, "nearest known one is fileReservedTime")
	f("maxMessageSize=5m", protocol.ResNoPermission, "at most what it was at the start, 4194304")
	f("fileReservedTime=-1", protocol.ResInvalidParameter, "out of range")
	f("deleteWhen=25", protocol.ResInvalidParameter, "0 to 23")
}

// TestAChangeThatCountsNoMoreStaysAway: the value that it stood in the place of comes back, and it does not.
func TestAChangeThatCountsNoMoreStaysAway(t *testing.T) {
	disk := vfs.NewMem()
	s := startKept(t, disk)
	s.dial(t).wantCode(s.dial(t).call(protocol.ReqUpdateBrokerConfig, "brokerPermission=4\nfileReservedTime=48"), protocol.ResSuccess, "")
	for _, permission := range []string{"2", "6"} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = startKept(t, disk, "brokerPermission", permission)
		s.dial(t).wantSetting("brokerPermission", permission)
		s.dial(t).wantSetting("fileReservedTime", "48")
	}
}

// firstLook is a log that passes on what the first look for half messages has said.
type firstLook struct {
	once sync.Once
	said string
	done chan struct{}
}

func (l *firstLook) Write(b []byte) (int, error) {
	if line := string(b); strings.Contains(line, "a transaction is given up") || strings.Contains(line, "nobody of a producer group is connected") {
		l.once.Do(func() {
			l.said = line
			close(l.done)
		})
	}
	return len(b), nil
}

// lateDisk reads the changes of settings, once the store is open, only after a first look for half messages.
type lateDisk struct {
	vfs.FS
	open atomic.Bool
	look *firstLook
}

func (d *lateDisk) Lock(name string) (io.Closer, error) {
	d.open.Store(true)
	return d.FS.Lock(name)
}

func (d *lateDisk) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if d.open.Load() && strings.Contains(name, changesFile) {
		<-d.look.done
	}
	return d.FS.Open(name, o...)
}

// TestRestoredSettingsCountFromTheFirstMomentOn: a half message that is too old by the settings of the start is asked about, as the change wants it, by
// the first look that there is.
func TestRestoredSettingsCountFromTheFirstMomentOn(t *testing.T) {
	var ahead atomic.Int64
	w := world{disk: vfs.NewMem(), now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}
	settings := []string{"memory", "false", "data", "d", "mappedFileSizeCommitLog", "16m", "fileReservedTime", "1"}
	s, err := tryStartIn(t, w, settings...)
	if err != nil {
		t.Fatal(err)
	}
	p := s.dial(t)
	p.wantCode(p.call(protocol.ReqUpdateBrokerConfig, "fileReservedTime=72"), protocol.ResSuccess, "")
	p.mustSend("T", "x", "i", "TRAN_MSG\x01true\x02PGROUP\x01pg\x02UNIQ_KEY\x01U1\x02")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(2 * time.Hour))
	look := &firstLook{done: make(chan struct{})}
	w.disk = &lateDisk{FS: w.disk, look: look}
	if s, err = tryStartSaid(t, w, slog.New(slog.NewTextHandler(look, nil)), settings...); err != nil {
		t.Fatal(err)
	}
	<-look.done
	if strings.Contains(look.said, "a transaction is given up") {
		t.Errorf("by the settings of the start: %s", look.said)
	}
	if some, all := s.store.Halves(0, 2); all != 1 || some[0].Checks != 1 {
		t.Errorf("%d pending: %+v", all, some)
	}
}

// fullDisk refuses to make files once it is full.
type fullDisk struct {
	vfs.FS
	full atomic.Bool
}

func (d *fullDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if d.full.Load() && strings.Contains(name, changesFile) {
		return nil, errors.New("no room")
	}
	return d.FS.Create(name, c)
}

func TestAChangeThatCannotBeKeptIsNotMade(t *testing.T) {
	disk := &fullDisk{FS: vfs.NewMem()}
	p := startKept(t, disk).dial(t)
	disk.full.Store(true)
	p.wantCode(p.call(protocol.ReqUpdateBrokerConfig, "brokerPermission=4"), protocol.ResSystemError, "nothing is changed, since it cannot be kept")
	p.wantSetting("brokerPermission", "6")
}

func TestDamagedChangesStopTheStart(t *testing.T) {
	disk := vfs.NewMem()
	if err := startKept(t, disk).Close(); err != nil {
		t.Fatal(err)
	}
	f, err := disk.Create("d/"+changesFile, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(f, "brokerName=b\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := tryStartKept(t, disk); err == nil || !strings.Contains(err.Error(), changesFile) || !strings.Contains(err.Error(), "mend it, or delete it") {
		t.Errorf("%v", err)
	}
}

func TestANodeInMemoryChangesToo(t *testing.T) {
	p := start(t).dial(t)
	p.wantCode(p.call(protocol.ReqUpdateBrokerConfig, "autoCreateTopicEnable=false"), protocol.ResSuccess, "")
	p.wantCode(p.send("unknown", "x"), protocol.ResTopicNotExist, "")
}
