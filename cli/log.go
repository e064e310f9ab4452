package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/quietlog"
)

// openLog makes the logger that the settings ask for and returns what closes its file.
func openLog(cfg config.Config, stderr io.Writer) (*slog.Logger, func(), error) {
	out, closeLog := stderr, func() {}
	if cfg.LogFile != "" {
		f, err := os.OpenFile(cfg.LogFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, nil, fmt.Errorf("logFile: %w", err)
		}
		out, closeLog = f, func() { _ = f.Close() } // nothing can be reported once the log itself fails
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return nil, nil, fmt.Errorf("logLevel: %w", err)
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: quietlog.Short}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, options)), closeLog, nil
	}
	return slog.New(slog.NewTextHandler(out, options)), closeLog, nil
}
