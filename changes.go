package aerobee

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/broker"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/store"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// changesFile keeps the settings that were changed while the node ran, in the store's directory. They count over a restart as long as the
// start gives the values that they stand in the place of: who sets one of them anew is heard.
const changesFile = "changes.properties"

// maxChanges bounds that file, in bytes.
const maxChanges = 1 << 20

// restoreChanges reads what was changed before and makes it the settings in force. It comes before the store is opened and the broker made: their
// loops look at once for what is old, and by the settings of the start they might give up or delete what was to be kept. dropped
// says that the file holds changes that count no more.
func (s *Server) restoreChanges() (dropped bool, err error) {
	if s.cfg.Memory {
		return false, nil
	}
	disk := cmp.Or(s.world.disk, vfs.Default)
	path := disk.PathJoin(s.cfg.Data, changesFile)
	f, err := disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxChanges))
	if err = errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	next, changed, gone, err := s.cfg.Restore(string(text))
	if err != nil {
		return false, fmt.Errorf("read %s, which holds the settings that were changed while the node ran (mend it, or delete it to go by the others): %w", path, err)
	}
	for _, name := range gone {
		s.log.Info("setting: it was set anew after it had been changed while the node ran; that change counts no more", "key", name, "value", s.cfg.Value(name))
	}
	for _, name := range changed {
		s.log.Info("setting: as it was changed while the node ran", "key", name, "value", next.Value(name), "instead of", s.cfg.Value(name), "source", path)
	}
	if len(changed) > 0 {
		s.inForce.Store(&next)
	}
	return len(gone) > 0, nil
}

// applyRestored brings what restoreChanges has read into force in the broker, which has not been started, and forgets the changes that
// count no more: they would come back with the value of the start that they once stood in the place of.
func (s *Server) applyRestored(dropped bool) error {
	now := s.inForce.Load()
	if dropped {
		if err := s.keepChanges(now); err != nil {
			s.log.Warn("settings: changes that count no more could not be forgotten", "file", changesFile, "error", err)
		}
	}
	if now == &s.cfg {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return s.apply(ctx, now)
}

// keepChanges writes what differs from the start, so that it counts over a restart.
func (s *Server) keepChanges(c *config.Config) error {
	if s.cfg.Memory {
		return nil
	}
	return directory.WriteText(cmp.Or(s.world.disk, vfs.Default), s.cfg.Data, changesFile, c.Changes(&s.cfg))
}

// changeSettings changes settings while the node runs, all or none: first in the file, then in force.
func (s *Server) changeSettings(ctx context.Context, pairs []config.Property) error {
	select {
	case s.changing <- struct{}{}:
		defer func() { <-s.changing }()
	case <-ctx.Done():
		return fmt.Errorf("another change of settings is under way: %w", ctx.Err())
	}
	was := s.inForce.Load()
	next, changed, err := was.Change(pairs)
	if err != nil || len(changed) == 0 {
		return err
	}
	if next.MaxMessageSize > s.cfg.MaxMessageSize {
		return &config.Refusal{Key: "maxMessageSize", AtStart: true, Why: fmt.Sprintf("while the node runs it is at most what it was at the start, %d, for which memory is set aside; "+
			"set more in the file of -c, in the environment or with --set, and restart", s.cfg.MaxMessageSize)}
	}
	if r, err := s.retention(&next); err != nil {
		return &config.Refusal{Key: "deleteWhen", Why: err.Error()}
	} else if r = r.WithDefaults(); r.Validate() != nil {
		return &config.Refusal{Key: strings.Join(changed, ", "), Why: r.Validate().Error()}
	}
	if err := s.keepChanges(&next); err != nil {
		return fmt.Errorf("nothing is changed, since it cannot be kept: %w", err)
	}
	if err := s.apply(ctx, &next); err != nil {
		return errors.Join(err, s.keepChanges(was))
	}
	return nil
}

// apply brings settings into force, or with an error none. The caller has looked whether the rules for segments hold, unless the node is
// starting. What can fail comes first.
func (s *Server) apply(ctx context.Context, c *config.Config) error {
	r, err := s.retention(c)
	if err != nil {
		return err
	}
	err = s.broker.Change(ctx, func(o *broker.Options) {
		o.Permission, o.MaxMessageSize, o.PullMaxMessages = c.BrokerPermission, c.MaxMessageSize, c.MaxTransferCount
		o.DenyTopicCreation, o.DenyGroupCreation, o.DenyPropertyFilter = !c.AutoCreateTopic, !c.AutoCreateGroup, !c.PropertyFilter
		o.DenyTransactions, o.DenyRecall, o.DropReplies = c.RejectTransaction, !c.RecallMessage, !c.StoreReplies
		o.NoLongPolling, o.MixedTopics, o.ClientSideReset = !c.LongPolling, c.MixedMessageType, !c.ServerSideReset
		o.TransactionInterval, o.TransactionChecks, o.TransactionMaxAge = c.TransactionInterval, c.TransactionChecks, c.FileReserved
	})
	if err == nil {
		err = s.store.SetRetention(r)
	}
	if err != nil {
		return err
	}
	s.inForce.Store(c)
	return nil
}

// retention are the rules by which segments go.
func (s *Server) retention(c *config.Config) (store.Retention, error) {
	var hours []int
	for _, h := range strings.FieldsFunc(c.DeleteWhen, func(r rune) bool { return r == ';' || r == ',' }) {
		n, err := strconv.Atoi(strings.TrimSpace(h))
		if err != nil {
			return store.Retention{}, fmt.Errorf("deleteWhen: %w", err)
		}
		hours = append(hours, n)
	}
	used := float64(c.DiskMaxUsedRatio) / 100
	return store.Retention{Age: c.FileReserved, Size: c.MaxStoreSize, DeleteWhen: hours, MaxUsedRatio: used,
		ForceRatio: max(used, 0.85), WarnRatio: max(used, 0.90), MinFree: c.MinFreeDisk, Interval: s.world.lookEvery}, nil
}
