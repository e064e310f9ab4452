// Package plain reads the access control files of RocketMQ 4.x (plain_acl.yml), and makes users and lists of them as RocketMQ 5 does when it takes them over.
// It is pure; a [Set] is never changed, and safe to use at once.
//
// A right to PUB or SUB includes Get, since 4.x asks for no right where 5.x asks for that one: where a queue begins and ends. Whoever is not admin may
// administer nothing, as in 4.x.
package plain

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/projection/user"
)

// Account is one user of a file.
type Account struct {
	User     *user.User // without a password
	Password string
	List     *acl.List
	white    []pattern
}

// Set is what files say. The zero Set says nothing.
type Set struct {
	accounts map[string]*Account
	white    []pattern
}

// Find is the account of a name, nil where there is none.
func (s *Set) Find(name string) *Account {
	if s == nil {
		return nil
	}
	return s.accounts[name]
}

// Len counts the accounts.
func (s *Set) Len() int { return len(s.accounts) }

// Passes tells whether requests from an address are asked for nothing: everybody's, or those that name this account.
func (s *Set) Passes(name string, from netip.Addr) bool {
	if s == nil {
		return false
	}
	from = from.Unmap().WithZone("")
	if within(s.white, from) {
		return true
	}
	a := s.accounts[name]
	return a != nil && within(a.white, from)
}

// The bounds of files.
const (
	MaxFile     = 1 << 20 // bytes of one
	maxAccounts = 10_000
)

// Read reads a file and adds what it says. Of an account that is there already nothing is taken. Errors name the line, and not what stands there: it may be a password.
func (s *Set) Read(text []byte) error {
	if len(text) > MaxFile {
		return fmt.Errorf("the file has %d bytes, the limit is %d", len(text), MaxFile)
	}
	f, err := parse(string(text))
	if err != nil {
		return err
	}
	white, err := patterns(f.white)
	if err != nil {
		return fmt.Errorf("globalWhiteRemoteAddresses: %w", err)
	}
	for i := range f.accounts {
		if err := s.add(&f.accounts[i]); err != nil {
			return err
		}
	}
	s.white = append(s.white, white...)
	return nil
}

func (s *Set) add(in *account) error {
	name, password := in.text["accessKey"], in.text["secretKey"]
	switch {
	case name == "":
		return fmt.Errorf("the account in line %d has no accessKey", in.line)
	case password == "":
		return fmt.Errorf("the account %s has no secretKey", name)
	case s.accounts[name] != nil:
		return nil
	case len(s.accounts) >= maxAccounts:
		return fmt.Errorf("there are more than %d accounts", maxAccounts)
	}
	a := &Account{User: &user.User{Name: name, Kind: user.Normal, Status: user.Enabled}, Password: password}
	if strings.EqualFold(in.text["admin"], "true") {
		a.User.Kind = user.Super
	}
	var err error
	if a.white, err = patterns([]string{in.text["whiteRemoteAddress"]}); err != nil {
		return fmt.Errorf("the account %s: whiteRemoteAddress: %w", name, err)
	}
	if a.List, err = listOf(in); err != nil {
		return fmt.Errorf("the account %s: %w", name, err)
	}
	if s.accounts == nil {
		s.accounts = map[string]*Account{}
	}
	s.accounts[name] = a
	return nil
}

// listOf makes entries of permissions: those that name a topic or group are custom, those for all others default.
func listOf(in *account) (*acl.List, error) {
	l := &acl.List{Subject: acl.User(in.text["accessKey"])}
	for _, of := range []struct{ kind, list, rest string }{{"Topic", "topicPerms", "defaultTopicPerm"}, {"Group", "groupPerms", "defaultGroupPerm"}} {
		for _, text := range in.lists[of.list] {
			name, perm, ok := strings.Cut(text, "=")
			if name = strings.TrimSpace(name); !ok || name == "" {
				return nil, fmt.Errorf("%s: %q is not NAME=PERMISSION", of.list, text)
			}
			e, err := entry(acl.Resource{Kind: of.kind, Name: name}, perm)
			if err != nil {
				return nil, fmt.Errorf("%s: %q: %w", of.list, text, err)
			}
			l.Update([]acl.Policy{{Kind: acl.Custom, Entries: []acl.Entry{e}}})
		}
		if perm := in.text[of.rest]; perm != "" {
			e, err := entry(acl.Resource{Kind: of.kind, Pattern: acl.EveryOne}, perm)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", of.rest, err)
			}
			l.Update([]acl.Policy{{Kind: acl.Default, Entries: []acl.Entry{e}}})
		}
	}
	return l, nil
}

func entry(r acl.Resource, perm string) (acl.Entry, error) {
	e := acl.Entry{Resource: r, Decision: acl.Allow}
	switch strings.TrimSpace(perm) {
	case "PUB":
		e.Actions = []string{"Pub", "Get"}
	case "SUB":
		e.Actions = []string{"Sub", "Get"}
	case "PUB|SUB", "SUB|PUB", "ANY":
		e.Actions = []string{"Pub", "Sub", "Get"}
	case "DENY":
		e.Actions, e.Decision = []string{"All"}, acl.Deny
	default:
		return e, fmt.Errorf("the permission is none of PUB, SUB, PUB|SUB, ANY and DENY")
	}
	return e, nil
}
