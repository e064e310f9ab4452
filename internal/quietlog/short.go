package quietlog

import "log/slog"

// longestText bounds a text in the log, in bytes: names come from the network and may have megabytes.
const longestText = 1024

// Short is the ReplaceAttr of a log's handler: of a long text, or of a long error, it leaves the beginning.
func Short(_ []string, a slog.Attr) slog.Attr {
	text := ""
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		text = v.String()
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			text = err.Error()
		}
	}
	if len(text) > longestText {
		a.Value = slog.StringValue(text[:longestText] + "…")
	}
	return a
}
