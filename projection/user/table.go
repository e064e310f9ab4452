package user

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// The changes; numbers are unsigned varints unless marked b (one byte); a text is its length and its UTF-8 bytes, a list its length
// and its members:
//
//	kind  fields
//	   1  put a user: name, sealed password (text), kind (b), status (b)
//	   2  delete a user: name; takes the user's list along
//	   3  put a list: subject, policies; of each its kind (text) and entries; of each its resource (text), decision (text), actions
//	      (list of texts) and source addresses (list of texts)
//	   4  delete a list: subject
const (
	kindPut        = 1
	kindDelete     = 2
	kindPutList    = 3
	kindDeleteList = 4
)

// Table is the table of all users and lists. The zero Table is empty and ready.
type Table struct {
	users map[string]*User
	lists map[string]*acl.List // by subject
	bytes int                  // of them all, see ListBytes
}

// Get returns a user, who must not be changed.
func (t *Table) Get(name string) (*User, bool) {
	u, ok := t.users[name]
	return u, ok
}

// List returns a subject's list, which must not be changed.
func (t *Table) List(subject string) (*acl.List, bool) {
	l, ok := t.lists[subject]
	return l, ok
}

// ListBytes is how many bytes a list has as it is stored.
func ListBytes(l *acl.List) int { return len(AppendPutList(nil, l)) }

// ListsBytes is how many bytes all lists have as they are stored.
func (t *Table) ListsBytes() int { return t.bytes }

// Len counts the users.
func (t *Table) Len() int { return len(t.users) }

// All returns the users sorted by name. They must not be changed.
func (t *Table) All() []*User { return sorted(t.users) }

// Lists returns the lists sorted by subject. They must not be changed.
func (t *Table) Lists() []*acl.List { return sorted(t.lists) }

func sorted[V any](m map[string]V) []V {
	out := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

// AppendPut appends the change that creates or replaces a user.
func AppendPut(dst []byte, u *User) []byte {
	dst = varint.AppendText(append(dst, kindPut), u.Name)
	return append(varint.AppendText(dst, u.Password), byte(u.Kind), byte(u.Status))
}

// AppendDelete appends the change that removes a user, with the list that the user has.
func AppendDelete(dst []byte, name string) []byte {
	return varint.AppendText(append(dst, kindDelete), name)
}

// AppendPutList appends the change that creates or replaces a subject's list.
func AppendPutList(dst []byte, l *acl.List) []byte {
	dst = varint.AppendText(append(dst, kindPutList), l.Subject)
	dst = binary.AppendUvarint(dst, uint64(len(l.Policies)))
	for _, p := range l.Policies {
		dst = varint.AppendText(dst, p.Kind)
		dst = binary.AppendUvarint(dst, uint64(len(p.Entries)))
		for _, e := range p.Entries {
			dst = varint.AppendText(dst, e.Resource.String())
			dst = varint.AppendText(dst, e.Decision)
			dst = appendTexts(appendTexts(dst, e.Actions), e.SourceIPs)
		}
	}
	return dst
}

// AppendDeleteList appends the change that removes a subject's list.
func AppendDeleteList(dst []byte, subject string) []byte {
	return varint.AppendText(append(dst, kindDeleteList), subject)
}

func appendTexts(dst []byte, list []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = varint.AppendText(dst, s)
	}
	return dst
}

// readMany reads a list. Its length may be damaged, so nothing is allocated for it beforehand.
func readMany[T any](r *varint.Reader, one func() T) (out []T) {
	for n := r.Uint(); n > 0 && r.OK(); n-- {
		out = append(out, one())
	}
	return out
}

func readList(r *varint.Reader) (l *acl.List, bad string) {
	text := func() string { return string(r.Text()) }
	entry := func() acl.Entry {
		resource := text()
		e := acl.Entry{Decision: text(), Actions: readMany(r, text), SourceIPs: readMany(r, text)}
		var ok bool
		if e.Resource, ok = acl.ParseResource(resource); !ok && r.OK() {
			bad = resource
		}
		return e
	}
	l = &acl.List{Subject: text()}
	l.Policies = readMany(r, func() acl.Policy { return acl.Policy{Kind: text(), Entries: readMany(r, entry)} })
	return l, bad
}

// Apply carries out one change, found at log offset at, which only errors mention. A change that is applied twice in a row counts
// once. An error means a damaged change or a newer version's; the table is unchanged then.
func (t *Table) Apply(change []byte, at message.LogOffset) error {
	r := varint.NewReader(change)
	kind := r.Byte()
	var u User
	var l *acl.List
	var name, bad string
	switch kind {
	case kindPut:
		u = User{Name: string(r.Text()), Password: slices.Clone(r.Text()), Kind: Kind(r.Byte()), Status: Status(r.Byte())}
		name = u.Name
	case kindDelete, kindDeleteList:
		name = string(r.Text())
	case kindPutList:
		l, bad = readList(&r)
		name = l.Subject
	default:
		return varint.UnknownKind("user", kind, int64(at))
	}
	if err := r.End("user", kind, int64(at)); err != nil {
		return err
	}
	switch {
	case name == "":
		return fmt.Errorf("user change of kind %d at log offset %d has no name", kind, at)
	case bad != "":
		return fmt.Errorf("user change at log offset %d: the list of %q has an entry for %q, which is no resource", at, name, bad)
	case kind == kindPut && (u.Kind.String() == "" || u.Status.String() == ""):
		return fmt.Errorf("user change at log offset %d: user %q is of kind %d and status %d, there are 1 and 2 of each", at, name, u.Kind, u.Status)
	}
	t.apply(kind, name, &u, l)
	return nil
}

func (t *Table) apply(kind byte, name string, u *User, l *acl.List) {
	switch kind {
	case kindPut:
		if t.users == nil {
			t.users = make(map[string]*User)
		}
		t.users[name] = u
	case kindDelete:
		delete(t.users, name)
		t.dropList(acl.User(name))
	case kindPutList:
		if t.lists == nil {
			t.lists = make(map[string]*acl.List)
		}
		t.dropList(name)
		t.lists[name] = l
		t.bytes += ListBytes(l)
	case kindDeleteList:
		t.dropList(name)
	}
}

func (t *Table) dropList(subject string) {
	if l, there := t.lists[subject]; there {
		delete(t.lists, subject)
		t.bytes -= ListBytes(l)
	}
}

// Snapshot emits the changes that make an empty table equal to this one, sorted. The slice is reused after emit returns.
func (t *Table) Snapshot(emit func(change []byte)) {
	var buf []byte
	for _, u := range t.All() {
		buf = AppendPut(buf[:0], u)
		emit(buf)
	}
	for _, l := range t.Lists() {
		buf = AppendPutList(buf[:0], l)
		emit(buf)
	}
}
