package apache

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store/order"
)

const configDir = "config"

// Names of the tables' files in config/.
const (
	topicsFile  = "topics.json"
	groupsFile  = "subscriptionGroup.json"
	offsetsFile = "consumerOffset.json"
	lightsFile  = "lmqConsumerOffset.json" // in its place with enableLmq
	ordersFile  = "consumerOrderInfo.json"
	delayFile   = "delayOffset.json"
	timerFile   = "timercheck"

	timerCheckSize = 4096 // Apache maps one page
)

// Tables is what config/ says. A part that is nil had no file.
type Tables struct {
	Topics  *TopicTable
	Groups  *GroupTable
	Offsets *OffsetTable
	Delay   *DelayTable
	Timer   TimerCheck
	Orders  *order.Table
	// SameOrders says that Orders is as we have left it.
	SameOrders bool
}

// TopicTable is topics.json. The versions and configurations are JSON texts.
type TopicTable struct {
	Version json.RawMessage            `json:"dataVersion,omitempty"`
	Topics  map[string]json.RawMessage `json:"topicConfigTable"`
}

// GroupTable is subscriptionGroup.json.
type GroupTable struct {
	Version   json.RawMessage             `json:"dataVersion,omitempty"`
	Groups    map[string]json.RawMessage  `json:"subscriptionGroupTable"`
	Forbidden map[string]map[string]int32 `json:"forbiddenTable"`
}

// OffsetTable is consumerOffset.json: by "topic@group" and queue, where the group goes on. A broker with light queues keeps lmqConsumerOffset.json
// instead, in which groups with the name of a light queue stand apart, with queue 0 alone.
type OffsetTable struct {
	Version json.RawMessage                                    `json:"dataVersion,omitempty"`
	Offsets map[string]map[message.QueueID]message.QueueOffset `json:"offsetTable"`
	Lights  map[string]message.QueueOffset                     `json:"lmqOffsetTable,omitempty"`
}

// DelayTable is delayOffset.json: by level, counted from 1, the first offset in queue level-1 of SCHEDULE_TOPIC_XXXX
// that is not delivered yet.
type DelayTable struct {
	Version json.RawMessage             `json:"dataVersion,omitempty"`
	Offsets map[int]message.QueueOffset `json:"offsetTable"`
}

// TimerCheck is how far Apache's wheel timer has come: everything due up to LastRead (ms) is delivered, everything in
// the wheel's topic before Next is in the wheel.
type TimerCheck struct {
	LastRead int64
	Next     message.QueueOffset
}

// OffsetKey is the key of a group's offsets in a topic; SplitOffsetKey takes it apart.
func OffsetKey(topic, group string) string { return topic + "@" + group }

// SplitOffsetKey takes an [OffsetKey] apart. Apache ignores keys of another form.
func SplitOffsetKey(key string) (topic, group string, ok bool) {
	topic, group, ok = strings.Cut(key, "@")
	return topic, group, ok && topic != "" && group != "" && !strings.Contains(group, "@")
}

// ReadTables reads config/. A file that is missing, empty or damaged is replaced by its .bak; one that has none either
// is left out, or an error if it was damaged. left are the [Hashes] of the tables as we have left them, nil if we have not. Of two tables of
// offsets the one counts that is not as we have left it, else the one that was written last.
func ReadTables(fs vfs.FS, dir string, left map[string]string) (*Tables, error) {
	t, config := &Tables{}, fs.PathJoin(dir, configDir)
	if err := readTable(fs, config, topicsFile, &t.Topics); err != nil {
		return nil, err
	}
	if err := readTable(fs, config, groupsFile, &t.Groups); err != nil {
		return nil, err
	}
	if err := t.readOffsets(fs, dir, left); err != nil {
		return nil, err
	}
	if err := readTable(fs, config, ordersFile, &t.Orders); err != nil {
		return nil, err
	}
	if err := readTable(fs, config, delayFile, &t.Delay); err != nil {
		return nil, err
	}
	b, err := readFile(fs, fs.PathJoin(config, timerFile))
	if err == nil && len(b) >= 24 {
		t.Timer = TimerCheck{
			LastRead: int64(binary.BigEndian.Uint64(b)),
			Next:     message.QueueOffset(binary.BigEndian.Uint64(b[16:])),
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return t, nil
}

func readTable[T any](fs vfs.FS, dir, name string, into **T) error {
	var damage error
	for _, path := range []string{fs.PathJoin(dir, name), fs.PathJoin(dir, name+".bak")} {
		b, err := readFile(fs, path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(b)) == "" {
			continue
		}
		t := new(T)
		if err := DecodeTable(b, t); err != nil {
			damage = errors.Join(damage, fmt.Errorf("%s: %w", path, err))
			continue
		}
		*into = t
		return nil
	}
	return damage
}

// DecodeTable reads one table, in fastjson's dialect or in JSON.
func DecodeTable(b []byte, into any) error {
	b, err := protocol.NormalizeJSON(b)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// Write writes the tables that are not nil, and the timer's checkpoint if LastRead is set, each whole or not at all.
func (t *Tables) Write(fs vfs.FS, dir string) error {
	config := fs.PathJoin(dir, configDir)
	if err := fs.MkdirAll(config, 0o755); err != nil {
		return err
	}
	write := func(name string, table any, there bool) error {
		if !there {
			return nil
		}
		b, err := json.MarshalIndent(table, "", "\t")
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return writeFile(fs, config, name, b)
	}
	check := make([]byte, timerCheckSize)
	binary.BigEndian.PutUint64(check, uint64(t.Timer.LastRead))
	binary.BigEndian.PutUint64(check[16:], uint64(t.Timer.Next))
	binary.BigEndian.PutUint64(check[24:], uint64(t.Timer.Next))
	if t.Timer.LastRead > 0 {
		if err := writeFile(fs, config, timerFile, check); err != nil {
			return err
		}
	}
	return errors.Join(
		write(topicsFile, t.Topics, t.Topics != nil),
		write(groupsFile, t.Groups, t.Groups != nil),
		write(lightsFile, t.Offsets.split(), t.Offsets != nil), // before the one that counts when both are ours
		write(offsetsFile, t.Offsets, t.Offsets != nil),
		write(ordersFile, t.Orders, t.Orders != nil),
		write(delayFile, t.Delay, t.Delay != nil),
		syncDir(fs, config), syncDir(fs, dir))
}

// Version is a DataVersion's JSON.
func Version(counter, stateVersion, timestampMillis int64) json.RawMessage {
	return json.RawMessage(`{"counter":` + strconv.FormatInt(counter, 10) + `,"stateVersion":` +
		strconv.FormatInt(stateVersion, 10) + `,"timestamp":` + strconv.FormatInt(timestampMillis, 10) + `}`)
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// writeFile replaces a file: a temporary one, synced, renamed. The directory is the caller's to sync.
func writeFile(fs vfs.FS, dir, name string, b []byte) error {
	path := fs.PathJoin(dir, name)
	f, err := fs.Create(path+".tmp", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return fs.Rename(path+".tmp", path)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
