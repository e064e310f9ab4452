package aerobee

import (
	"path/filepath"

	"github.com/aerobee-mq/aerobee/internal/seal"
)

// secretsFile holds the key that passwords are sealed with. It is no part of a backup: whoever has only the copy cannot read them.
const secretsFile = "secrets.key"

// secrets seals the passwords of users: with a key beside the store, or one that goes with a store in memory.
func (s *Server) secrets() *seal.Keeper {
	if s.cfg.Memory {
		return seal.Memory()
	}
	return seal.File(filepath.Join(s.cfg.Data, secretsFile))
}
