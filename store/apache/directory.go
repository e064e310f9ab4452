package apache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Hashes returns the SHA-256 of each table's file that is there, by name.
func Hashes(fs vfs.FS, dir string) (map[string]string, error) {
	sums := make(map[string]string)
	for _, name := range []string{topicsFile, groupsFile, offsetsFile, lightsFile, ordersFile, delayFile} {
		b, err := readFile(fs, fs.PathJoin(dir, configDir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		sums[name] = hex.EncodeToString(sum[:])
	}
	return sums, nil
}

// Present reports whether the directory holds a store of Apache's making: segments, in logDir, or tables.
func Present(fs vfs.FS, dir, logDir string) (bool, error) {
	names, err := list(fs, logDir)
	if err != nil || len(names) > 0 {
		return len(names) > 0, err
	}
	if names, err = list(fs, fs.PathJoin(dir, configDir)); err != nil {
		return false, err
	}
	for _, name := range names {
		if name == topicsFile || name == topicsFile+".bak" {
			return true, nil
		}
	}
	return false, nil
}

// CheckLayout refuses, by name, the ways to keep a store that cannot be taken over.
func CheckLayout(fs vfs.FS, dir, logDir string) error {
	for _, c := range []struct{ path, what string }{
		{"consumequeue_rocksdb", "its consume queues are kept in RocksDB (storeType=defaultRocksDB)"},
		{"consumequeue_r", "its consume queues are kept in RocksDB (storeType=defaultRocksDB)"},
		{"rocksdb", "its consume queues are kept in RocksDB (storeType=defaultRocksDB)"},
		{"config/metadata", "its tables are kept in RocksDB (configManagerVersion or useSingleRocksDBForAllConfigs)"},
		{"config/rdb", "its tables are kept in RocksDB (configManagerVersion=v2)"},
		{"config/topics", "its topics are kept in RocksDB (storeType=defaultRocksDB)"},
		{"config/subscriptionGroups", "its groups are kept in RocksDB (storeType=defaultRocksDB)"},
		{"config/consumerOffsets", "its consumer offsets are kept in RocksDB (storeType=defaultRocksDB)"},
		{"kvStore", "its pop check-points are kept in RocksDB (popConsumerKVServiceInit=true)"},
		{"dledger-log", "its log is DLedger's (enableDLegerCommitLog=true)"},
		{"compaction/compactionCq", "it holds compacted topics (cleanup.policy=COMPACTION)"},
	} {
		path := fs.PathJoin(append([]string{dir}, strings.Split(c.path, "/")...)...)
		names, err := list(fs, path)
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return fmt.Errorf("this store of Apache RocketMQ cannot be opened: %s: %s holds %d entries", c.what, path, len(names))
		}
	}
	if err := checkStatic(fs, dir); err != nil {
		return err
	}
	return checkSegments(fs, logDir)
}

// checkStatic refuses static topics, whose queues are spread over brokers.
func checkStatic(fs vfs.FS, dir string) error {
	var t *struct {
		Topics map[string]any `json:"topicQueueMappingInfoMap"`
	}
	err := readTable(fs, fs.PathJoin(dir, configDir), "topicQueueMapping.json", &t)
	if err == nil && t != nil && len(t.Topics) > 0 {
		err = fmt.Errorf("this store of Apache RocketMQ cannot be opened: it holds %d static topics (topicQueueMapping.json)", len(t.Topics))
	}
	return err
}

// checkSegments refuses a log with holes: it lies in several directories.
func checkSegments(fs vfs.FS, dir string) error {
	names, err := list(fs, dir)
	if err != nil {
		return err
	}
	next := int64(-1)
	for _, name := range names {
		base, err := strconv.ParseInt(name, 10, 64)
		if err != nil || len(name) != 20 {
			continue
		}
		if next >= 0 && base != next {
			return fmt.Errorf("this store of Apache RocketMQ cannot be opened: segment %020d is missing in %s: "+
				"a commit log in several directories (storePathCommitLog with commas) must be put together first", next, dir)
		}
		info, err := fs.Stat(fs.PathJoin(dir, name))
		if err != nil {
			return err
		}
		next = base + info.Size()
	}
	return nil
}

// SegmentSize returns the size in bytes of the log's segments, 0 if there are none.
func SegmentSize(fs vfs.FS, logDir string) (int64, error) {
	names, err := list(fs, logDir)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if _, err := strconv.ParseInt(name, 10, 64); err != nil || len(name) != 20 {
			continue
		}
		info, err := fs.Stat(fs.PathJoin(logDir, name))
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	return 0, nil
}

// list returns a directory's entries, sorted; none if there is no such directory.
func list(fs vfs.FS, dir string) ([]string, error) {
	info, err := fs.Stat(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names, err := fs.List(dir)
	slices.Sort(names)
	return names, err
}
