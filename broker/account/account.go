// Package account serves the requests that administer users and access control lists: AUTH_CREATE_USER (3001) to AUTH_LIST_ACL (3010), with the
// checks and the words of RocketMQ 5.5. It owns nothing: the store keeps users and lists, sealed passwords included, and package auth/guard
// enforces what they say.
//
// Package broker enters the handlers into its table and calls each on a goroutine of the connection; they are safe to call at once.
//
// What differs from RocketMQ on purpose:
//
//   - It works without being configured; RocketMQ's broker answers 1 until metadata providers are named.
//   - A resource that cannot be read deletes nothing; RocketMQ takes it for none, and deletes the whole list.
//   - How many users there may be, how long their names and passwords are, and how long a list and all lists are, is bounded.
//   - A user whose password cannot be opened, since the key is another than when it was sealed, is told without it.
//   - Passwords are sealed where they are stored, and never logged.
package account

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// The bounds.
const (
	maxUsers    = 10_000
	maxName     = 255      // bytes of a user's name
	maxPassword = 1 << 10  // bytes
	maxEntries  = 1_000    // of one list
	maxList     = 64 << 10 // bytes of one list as it is stored
	maxLists    = 16 << 20 // bytes of all
	maxBody     = 256 << 10
)

// Store keeps users and lists; *store.Store does.
type Store interface {
	// Users calls read with the table, which must not be kept.
	Users(read func(t *user.Table))
	// ChangeUsers writes what build makes of the table: durable, and one after the other.
	ChangeUsers(ctx context.Context, build func(t *user.Table) (changes [][]byte, err error)) error
}

// Sealer keeps passwords unreadable; *seal.Keeper does.
type Sealer interface {
	Seal(secret []byte, of string) ([]byte, error)
	Open(sealed []byte, of string) ([]byte, error)
}

// Accounts serves the requests.
type Accounts struct {
	store Store
	seal  Sealer
	log   *slog.Logger
	look  sync.Once // before the first password is sealed, see noteLost
}

// New returns what serves the requests from a store.
func New(s Store, seal Sealer, log *slog.Logger) *Accounts {
	return &Accounts{store: s, seal: seal, log: log}
}

// denied is a refusal in RocketMQ's words, for what its authentication and authorization refuse.
func denied(format string, args ...any) error {
	return apart.Refuse(protocol.ResNoPermission, format, args...)
}

// readBody reads a request's body.
func readBody(f *protocol.Frame, into any) error {
	if len(f.Body) == 0 {
		return apart.Refuse(protocol.ResSystemError, "the request has no body: %d bytes", len(f.Body))
	}
	if len(f.Body) > maxBody {
		return apart.Refuse(protocol.ResSystemError, "the request's body has %d bytes, the limit is %d", len(f.Body), maxBody)
	}
	if err := protocol.UnmarshalBody(f.Body, into); err != nil {
		return apart.Refuse(protocol.ResSystemError, "%v", err)
	}
	return nil
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }

// checkLength bounds a text. The text itself is not in the error.
func checkLength(what, text string, most int) error {
	if len(text) > most {
		return apart.Refuse(protocol.ResInvalidParameter, "the %s has %d bytes, the limit is %d", what, len(text), most)
	}
	return nil
}

func failed(what string, err error) error {
	return apart.Refuse(protocol.ResSystemError, "%s: %v", what, err)
}
