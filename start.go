package aerobee

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/config"
)

// Config is what a program that embeds a node wants to say. The zero value is a node like `aerobee serve` without flags:
// its store in ./aerobee-data, durable before each answer, on RocketMQ's ports 9876, 10911, 10909 and 8081.
// Config{Memory: true} is a node for a test.
type Config struct {
	// Data is the directory of the store, made if need be; "" for "aerobee-data". One node at a time uses it.
	Data string
	// Memory keeps everything in memory instead: nothing is read or written, and Close forgets all.
	Memory bool
	// Listen is the list of addresses to listen on, "host:port" or ":port", port 0 for any free one; every listener
	// serves everything. Empty: RocketMQ's four ports, or with Memory one free port of 127.0.0.1, so that any number of
	// nodes run beside each other.
	Listen []string
	// Logger gets what the node has to say; nil: nothing is said. The node logs nowhere else.
	Logger *slog.Logger
	// Settings are any other settings by the names that a broker.conf gives them, the keys of [config.Keys] ("brokerName",
	// "flushDiskType", "autoCreateTopicEnable"; case does not matter), as text. An unknown key fails the start; one of
	// Apache's that has no effect here is logged as a warning. The fields above win over them.
	Settings map[string]string
}

// settings returns the complete settings that the configuration stands for, and what is worth a warning.
func (c *Config) settings() (config.Config, []config.Note, error) {
	src := config.Source{Name: "Settings"}
	for _, key := range slices.Sorted(maps.Keys(c.Settings)) { // sorted: the first of several errors is always the same
		src.Pairs = append(src.Pairs, config.Property{Key: key, Value: c.Settings[key]})
	}
	full, notes, err := config.Load(src)
	if err != nil {
		return full, nil, err
	}
	for _, n := range notes {
		if n.Unknown {
			return full, nil, fmt.Errorf("%s: %s: %s", n.Source, n.Key, n.Text)
		}
	}
	full.Memory = full.Memory || c.Memory
	if c.Data != "" {
		full.Data = c.Data
	}
	switch {
	case len(c.Listen) > 0:
		full.Listen = slices.Clone(c.Listen)
	case full.Memory && slices.Equal(full.Listen, config.Default().Listen):
		full.Listen = []string{"127.0.0.1:0"}
	}
	return full, notes, nil
}

// Start starts a node and returns when it serves. Errors name what could not be had: an address in use, a store in use, a
// setting. [Server.Close] must follow.
func Start(c Config) (*Server, error) {
	full, notes, err := c.settings()
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	logger := c.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	for _, n := range notes {
		logger.Warn("setting: "+n.Text, "key", n.Key, "source", n.Source)
	}
	return StartSettings(full, logger)
}
