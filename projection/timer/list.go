package timer

import (
	"cmp"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// Page gathers, of entries that come in any order, those that are due first behind a place in the order of (Due, Created).
type Page struct {
	// Topic is the id of the real topic's name, 0 for all.
	Topic uint32
	// AfterDue and After are the place; the zero values mean the beginning.
	AfterDue int64
	After    message.LogOffset
	// Limit is how many entries there may be, at least 1.
	Limit int

	entries []Entry
}

// Take takes an entry, if it belongs to the page.
func (p *Page) Take(e Entry) {
	place := Entry{Due: p.AfterDue, Created: p.After}
	if p.Topic != 0 && e.Topic != p.Topic || order(e, place) <= 0 {
		return
	}
	full := len(p.entries) == p.Limit
	if full && order(e, p.entries[p.Limit-1]) >= 0 {
		return
	}
	if full {
		p.entries = p.entries[:p.Limit-1]
	}
	at, _ := slices.BinarySearchFunc(p.entries, e, order)
	p.entries = slices.Insert(p.entries, at, e)
}

// Entries are the page's entries in their order.
func (p *Page) Entries() []Entry { return p.entries }

func order(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Created, b.Created))
}
