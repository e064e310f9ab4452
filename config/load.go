package config

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/internal/editdist"
)

// apacheNames are keys of Apache RocketMQ 5 beyond those that the table explains one by one.
//
//go:embed apache_keys.txt
var apacheNames string

// Source is one place that values come from, with its pairs in order.
type Source struct {
	// Name is how messages call the source: "broker.conf", "environment", "flags".
	Name  string
	Pairs []Property
}

// Note is something worth one log line: a key without effect, or an unknown one.
type Note struct {
	Key, Source, Text string
	Unknown           bool
}

// String is the note as a log line says it.
func (n Note) String() string { return fmt.Sprintf("%s: %s: %s", n.Source, n.Key, n.Text) }

// Load applies the sources to the defaults, the later over the earlier, and validates the result. An unknown key is a
// note; a value that its key cannot take is an error that names source, key and rule.
func Load(sources ...Source) (Config, []Note, error) {
	c := Default()
	table := map[string]*Key{}
	for _, k := range Keys() {
		table[strings.ToLower(k.Name)] = &k
	}
	known := map[string]bool{}
	for _, name := range strings.Fields(apacheNames) {
		known[strings.ToLower(name)] = true
	}
	var notes []Note
	for _, src := range sources {
		for _, p := range src.Pairs {
			k := table[strings.ToLower(p.Key)]
			switch {
			case k == nil && known[strings.ToLower(p.Key)]:
				notes = append(notes, Note{Key: p.Key, Source: src.Name, Text: "a key of Apache RocketMQ that has no effect here"})
			case k == nil:
				notes = append(notes, Note{Key: p.Key, Source: src.Name, Unknown: true, Text: "unknown key; the nearest known one is " + Nearest(p.Key)})
			case !k.Effective:
				notes = append(notes, Note{Key: k.Name, Source: src.Name, Text: "no effect: " + k.Doc})
			default:
				if err := k.set(&c, p.Value); err != nil {
					return c, notes, fmt.Errorf("%s: %s: %w", src.Name, k.Name, err)
				}
			}
		}
	}
	if err := c.Validate(); err != nil {
		return c, notes, fmt.Errorf("settings do not fit together: %w", err)
	}
	return c, notes, nil
}

// Origins says which source each key's value comes from, by the key's name: the last one that gives it.
func Origins(sources ...Source) map[string]string {
	byLower := map[string]string{}
	for _, k := range Keys() {
		byLower[strings.ToLower(k.Name)] = k.Name
	}
	out := map[string]string{}
	for _, src := range sources {
		for _, p := range src.Pairs {
			if name := byLower[strings.ToLower(p.Key)]; name != "" {
				out[name] = src.Name
			}
		}
	}
	return out
}

// Environment picks the settings out of an environment (os.Environ): AEROBEE_FLUSH_DISK_TYPE and AEROBEE_flushDiskType
// both mean flushDiskType; NAMESRV_ADDR, which Apache's broker reads, means namesrvAddr. AEROBEE_NAMESRV is left out: it says
// where the tools find a server, and no server shall register itself there for that.
func Environment(environ []string) Source {
	bySquashed := map[string]string{}
	for _, k := range Keys() {
		bySquashed[strings.ToLower(k.Name)] = k.Name
	}
	src := Source{Name: "environment"}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if name == "NAMESRV_ADDR" && value != "" {
			src.Pairs = append([]Property{{Key: "namesrvAddr", Value: value}}, src.Pairs...)
			continue
		}
		rest, ok := strings.CutPrefix(name, "AEROBEE_")
		if !ok || rest == "" || rest == "NAMESRV" || rest == "USER" || rest == "PASSWORD" { // these are for commands
			continue
		}
		key := strings.ToLower(strings.ReplaceAll(rest, "_", ""))
		if known := bySquashed[key]; known != "" {
			key = known
		}
		src.Pairs = append(src.Pairs, Property{Key: key, Value: value})
	}
	return src
}

// Nearest returns the effective key whose name has the smallest edit distance from name.
func Nearest(name string) string {
	best, bestDistance := "", int(^uint(0)>>1)
	for _, k := range Keys() {
		if !k.Effective {
			continue
		}
		if d := editdist.Between(strings.ToLower(name), strings.ToLower(k.Name)); d < bestDistance {
			best, bestDistance = k.Name, d
		}
	}
	return best
}
