package transaction

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// The simulator drives a Table as the store does, over a log that is a slice: producers send and end transactions, ends come late,
// twice and contradicting, questions are asked and answered, retention carries forward and drops the log's beginning, checkpoints
// and fuzzy snapshots are taken, appends are refused, and the machine crashes, which takes what is not synced. At the end each
// transaction is settled, and the log is judged.

type simKind int

const (
	simHalf simKind = iota // or carried forward, if it names an entry
	simCommit
	simGivenUp
	simChange // of the state
)

type simRecord struct {
	at       message.LogOffset
	kind     simKind
	prepared message.LogOffset
	tx       int // which transaction, for the judge
	change   []byte
	acked    func(ok bool)
}

type simTx struct {
	handle    message.LogOffset // 0 until its send is answered
	truth     simKind           // simCommit, or simChange for a rollback
	told      bool              // its producer has said it once
	contrary  bool              // its producer has contradicted itself
	committed bool              // an acknowledged commit
	dropped   bool              // an acknowledged rollback
}

// plants are bugs to be found.
type plants struct {
	carryEnded  bool // carry forward what is claimed, too
	noClaim     bool // let two ends of one transaction pass
	loseOnCrash bool // answer ends before they are synced
	dropNoCarry bool // drop the log without carrying forward
	early       bool // show a half message
	forgetEnd   bool // leave out rollbacks
}

type sim struct {
	rng    *rand.Rand
	bug    plants
	table  Table
	log    []simRecord // synced
	open   []simRecord // appended, not synced
	next   message.LogOffset
	snap   [][]byte // the last snapshot
	mark   message.LogOffset
	txs    []*simTx
	seen   []simRecord // every commit that a consumer was shown
	now    int64
	verify func(format string, args ...any)
}

func newSim(seed uint64, bug plants, verify func(string, ...any)) *sim {
	return &sim{rng: rand.New(rand.NewPCG(seed, 14)), bug: bug, next: 1, verify: verify}
}

func (s *sim) append(r simRecord) {
	r.at = s.next
	s.next += message.LogOffset(1 + s.rng.IntN(50))
	s.open = append(s.open, r)
}

// see is what the store does with a record of the log.
func (s *sim) see(r simRecord) {
	switch r.kind {
	case simHalf:
		created := r.at
		if r.prepared != 0 {
			if created = r.prepared; s.table.Move(created, r.at) {
				return
			}
		}
		s.table.Add(Entry{Created: created, At: r.at, Queue: message.QueueOffset(r.tx), Stored: s.now, Due: s.now + 5})
	case simCommit, simGivenUp:
		s.table.Complete(r.prepared)
	case simChange:
		if err := s.table.Apply(r.change, r.at); err != nil {
			s.verify("%v", err)
		}
	}
}

// sync makes what is open durable, shows it and answers; sometimes the disk refuses it.
func (s *sim) sync() {
	group := s.open
	s.open = nil
	if s.rng.IntN(12) == 0 {
		for _, r := range group {
			if r.acked != nil {
				r.acked(false)
			}
		}
		return
	}
	for _, r := range group {
		s.log = append(s.log, r)
		s.see(r)
		if r.kind == simCommit || s.bug.early && r.kind == simHalf && s.rng.IntN(50) == 0 {
			s.seen = append(s.seen, r)
		}
	}
	for _, r := range group {
		if r.acked != nil {
			r.acked(true)
		}
	}
}

func (s *sim) send() {
	tx := &simTx{truth: simCommit}
	if s.rng.IntN(3) == 0 {
		tx.truth = simChange
	}
	id := len(s.txs)
	s.txs = append(s.txs, tx)
	at := s.next
	s.append(simRecord{kind: simHalf, tx: id, acked: func(ok bool) {
		if ok {
			tx.handle = at
		}
	}})
}

// end is a producer's word, or an administrator's.
func (s *sim) end(id int, how simKind) {
	tx := s.txs[id]
	if tx.handle == 0 {
		return
	}
	tx.told = true
	if !s.table.Claim(tx.handle) {
		if _, pending := s.table.Get(tx.handle); !s.bug.noClaim || !pending {
			return
		}
	}
	r := simRecord{kind: how, prepared: tx.handle, tx: id}
	if how == simChange {
		r.prepared, r.change = 0, AppendComplete(nil, tx.handle)
		if s.bug.forgetEnd && s.rng.IntN(20) == 0 {
			r.change = AppendChecked(nil, tx.handle, 1, s.now)
		}
	}
	answered := func(ok bool) {
		switch {
		case !ok:
			s.table.Unclaim(tx.handle)
		case how == simCommit:
			tx.committed = true
		case how == simChange:
			tx.dropped = true
		}
	}
	r.acked = answered
	if s.bug.loseOnCrash {
		answered(true)
	}
	s.append(r)
}

func (s *sim) ask() {
	for _, e := range s.table.Due(s.now, 8) {
		s.table.Checked(e.Created, e.Checks+1, s.now+10)
		s.append(simRecord{kind: simChange, change: AppendChecked(nil, e.Created, e.Checks+1, s.now+10)})
		s.txs[e.Queue].handle = e.Created // the question tells it, should the answer to the send be lost
		if id := int(e.Queue); s.rng.IntN(3) == 0 {
			s.end(id, s.txs[id].truth)
		} else if e.Checks > 6 {
			s.giveUp(e, id)
		}
	}
}

func (s *sim) giveUp(e Entry, id int) {
	if s.table.Claim(e.Created) {
		s.append(simRecord{kind: simGivenUp, prepared: e.Created, tx: id, acked: func(ok bool) {
			if !ok {
				s.table.Unclaim(e.Created)
			}
		}})
		s.txs[id].contrary = true // nobody can settle it any more
	}
}

// retire carries forward and drops the log before a place behind the last snapshot's.
func (s *sim) retire() {
	s.snapshot()
	if len(s.log) < 4 {
		return
	}
	cut := s.log[s.rng.IntN(len(s.log))].at
	if cut > s.mark {
		return
	}
	for _, e := range s.table.Before(cut) {
		if s.rng.IntN(4) == 0 {
			s.end(int(e.Queue), s.txs[e.Queue].truth) // meanwhile
		}
		if s.table.Stays(e.Created, cut) || s.bug.carryEnded {
			s.append(simRecord{kind: simHalf, prepared: e.Created, tx: int(e.Queue)})
		}
	}
	s.sync()
	if len(s.table.Before(cut)) > 0 && !s.bug.dropNoCarry {
		return
	}
	s.log = slices.DeleteFunc(s.log, func(r simRecord) bool { return r.at < cut })
	for _, e := range s.table.Before(cut) {
		s.verify("half message %d lies in what was dropped", e.Created)
		s.table.Complete(e.Created)
	}
}

// snapshot is fuzzy: its mark may lie before what it knows.
func (s *sim) snapshot() {
	s.mark = s.next
	if len(s.open) > 0 {
		s.mark = s.open[0].at
	}
	if len(s.log) > 0 && s.rng.IntN(2) == 0 {
		s.mark = s.log[max(0, len(s.log)-1-s.rng.IntN(6))].at
	}
	s.snap = nil
	s.table.Snapshot(func(change []byte) { s.snap = append(s.snap, slices.Clone(change)) })
}

// crash takes what nobody was answered about, or a part of it: the rest had reached the disk.
func (s *sim) crash() {
	for _, r := range s.open[:s.rng.IntN(len(s.open)+1)] {
		s.log = append(s.log, r)
		if r.kind == simCommit {
			s.seen = append(s.seen, r)
		}
	}
	s.open = nil
	s.table = Table{}
	for _, change := range s.snap {
		if err := s.table.Apply(change, 0); err != nil {
			s.verify("%v", err)
		}
	}
	for _, r := range s.log {
		if r.at >= s.mark {
			s.see(r)
		}
	}
}

func (s *sim) step() {
	s.now += int64(s.rng.IntN(4))
	switch n := s.rng.IntN(100); {
	case n < 30:
		s.send()
	case n < 55 && len(s.txs) > 0:
		id := s.rng.IntN(len(s.txs))
		how := s.txs[id].truth
		if s.rng.IntN(15) == 0 {
			how = []simKind{simCommit, simChange}[s.rng.IntN(2)]
			s.txs[id].contrary = s.txs[id].contrary || how != s.txs[id].truth
		}
		s.end(id, how)
	case n < 80:
		s.sync()
	case n < 88:
		s.ask()
	case n < 91:
		s.snapshot()
	case n < 96:
		s.retire()
	default:
		s.crash()
	}
}

// judge settles all that is open and looks at what consumers have seen.
func (s *sim) judge() {
	for tries := 0; s.table.Len() > 0 && tries < 200; tries++ {
		for _, e := range s.table.List(0, s.table.Len()) {
			s.txs[e.Queue].handle = e.Created
			s.end(int(e.Queue), s.txs[e.Queue].truth)
		}
		s.sync()
	}
	if s.table.Len() > 0 {
		s.verify("%d half messages never end", s.table.Len())
	}
	shown := make(map[int]int)
	for _, r := range s.seen {
		if r.kind != simCommit {
			s.verify("transaction %d is seen before its end", r.tx)
		}
		shown[r.tx]++
	}
	for id, tx := range s.txs {
		switch {
		case shown[id] > 1:
			s.verify("transaction %d is committed %d times", id, shown[id])
		case tx.handle == 0 && shown[id] > 0:
			s.verify("transaction %d is committed though its send was refused", id)
		case tx.committed && shown[id] == 0:
			s.verify("transaction %d: an acknowledged commit is lost", id)
		case tx.dropped && shown[id] > 0:
			s.verify("transaction %d: it was rolled back, and is seen", id)
		case tx.contrary || tx.handle == 0:
		case tx.truth == simCommit && shown[id] == 0:
			s.verify("transaction %d is never committed", id)
		case tx.truth != simCommit && shown[id] > 0:
			s.verify("transaction %d is seen, its producer never said so", id)
		}
	}
}

// run plays one schedule and returns what is wrong.
func run(seed uint64, bug plants) (wrong []string) {
	s := newSim(seed, bug, func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) })
	for range 60 + s.rng.IntN(140) {
		s.step()
	}
	s.judge()
	return wrong
}

// TestSimulated plays seeded schedules; a failure names the seed.
func TestSimulated(t *testing.T) {
	schedules := uint64(100_000)
	if testing.Short() {
		schedules = 2_000
	}
	for seed := range schedules {
		if wrong := run(seed, plants{}); len(wrong) > 0 {
			t.Fatalf("seed %d: %v", seed, wrong)
		}
	}
}

// TestSimulatorFindsPlantedBugs gives each bug 2,000 schedules to be found in.
func TestSimulatorFindsPlantedBugs(t *testing.T) {
	f := func(what string, bug plants) {
		t.Helper()
		for seed := range uint64(2000) {
			if wrong := run(seed, bug); len(wrong) > 0 {
				t.Logf("%s: found with seed %d: %s", what, seed, wrong[0])
				return
			}
		}
		t.Errorf("%s: not found", what)
	}
	f("carrying forward what has ended", plants{carryEnded: true})
	f("two ends of one transaction", plants{noClaim: true})
	f("ends answered before they are durable", plants{loseOnCrash: true})
	f("half messages dropped with the log", plants{dropNoCarry: true})
	f("a half message seen early", plants{early: true})
	f("a rollback that says something else", plants{forgetEnd: true})
}
