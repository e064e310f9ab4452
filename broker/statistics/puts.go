package statistics

// Puts counts messages that have become visible. It gathers a commit's, so that each queue is counted once. It belongs to who commits:
// one goroutine at a time.
type Puts struct {
	t        *Table
	removals uint64 // of the table's index, when the pointers below were taken
	topic    string
	system   bool
	of       *series // the topic's, nil if there are too many
	sum      gathered
	runs     [16]run
	used     int
	took     int64 // that the last ones needed, in ms
	alike    int64 // how many in a row needed that long
}

// run is what came into one queue of the topic.
type run struct {
	queue int32
	of    *series
	sum   gathered
}

type gathered struct{ count, bytes, millis int64 }

func (g *gathered) add(bytes, took int64) {
	g.count++
	g.bytes += bytes
	g.millis += took
}

// Puts returns what counts for one who commits.
func (t *Table) Puts() *Puts { return &Puts{t: t} }

// Add counts a message of so many bytes that took so many milliseconds to be stored.
func (p *Puts) Add(topic string, queue int32, bytes int, took int64) {
	took = max(took, 0)
	if topic != p.topic || p.removals != p.t.index.removals.Load() {
		p.turnTo(topic)
	}
	if took != p.took {
		p.t.times.add(p.took, p.alike)
		p.took, p.alike = took, 0
	}
	p.alike++
	p.sum.add(int64(bytes), took)
	for i := range p.runs[:p.used] {
		if p.runs[i].queue == queue {
			p.runs[i].sum.add(int64(bytes), took)
			return
		}
	}
	if p.used == len(p.runs) {
		p.flushRuns()
		p.used = 0
	}
	r := &p.runs[p.used]
	p.used++
	*r = run{queue: queue, of: p.t.index.get(subject{kind: ofQueue, topic: topic, queue: queue})}
	r.sum.add(int64(bytes), took)
}

// turnTo goes on with another topic.
func (p *Puts) turnTo(topic string) {
	p.Flush()
	p.removals = p.t.index.removals.Load()
	p.used, p.topic = 0, topic
	if p.of = p.t.index.get(subject{kind: ofTopic, topic: topic}); p.of != nil {
		p.system = p.of.system
	} else {
		p.system = p.t.opt.System(topic)
	}
}

// Flush makes what was gathered count. It is to be called at the end of each commit.
func (p *Puts) Flush() {
	p.t.times.add(p.took, p.alike)
	p.alike = 0
	p.flushRuns()
	s := p.sum
	p.sum = gathered{}
	if s.count == 0 {
		return
	}
	if p.of != nil {
		p.of.add(s.count, s.count, s.bytes, 0)
	}
	p.t.put.add(0, s.count, s.bytes, 0)
	if !p.system {
		p.t.putPlain.sum(s.count)
	}
}

func (p *Puts) flushRuns() {
	for i := range p.runs[:p.used] {
		r := &p.runs[i]
		if r.of != nil && r.sum.count > 0 {
			r.of.add(r.sum.count, r.sum.count, r.sum.bytes, r.sum.millis)
		}
		r.sum = gathered{}
	}
}
