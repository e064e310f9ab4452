package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// printJSON prints one value as a line of JSON.
func (e env) printJSON(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// column is one column of a table. Numbers stand at the right.
type column struct {
	name   string
	number bool
}

// columns makes columns of their names; a name that begins with # is of numbers.
func columns(names ...string) []column {
	out := make([]column, len(names))
	for i, name := range names {
		plain, number := strings.CutPrefix(name, "#")
		out[i] = column{plain, number}
	}
	return out
}

// table prints rows under their header, for people. Cells are printed as they are.
func (e env) table(cols []column, rows [][]any) error {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Box = table.BoxStyle{PaddingRight: "  "}
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	header := make(table.Row, len(cols))
	var configs []table.ColumnConfig
	for i, c := range cols {
		header[i] = c.name
		if c.number {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(header)
	for _, r := range rows {
		t.AppendRow(r)
	}
	return e.lines(t.Render())
}

// lines prints text without blanks at the ends of its lines.
func (e env) lines(text string) error {
	out := bufio.NewWriter(e.stdout)
	for line := range strings.Lines(text) {
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (e env) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(e.stdout, format, args...)
	return err
}

// clock is a time as people read it, "-" for the zero time.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// orDash is a text, "-" for none.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// plural is a number with its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// bytesText is a size as people read it.
func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, names := float64(n), "KMGTPE"
	i := -1
	for v >= unit && i+1 < len(names) {
		v /= unit
		i++
	}
	return fmt.Sprintf("%.1f %ciB", v, names[i])
}
