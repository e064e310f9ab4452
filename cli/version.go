package cli

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee"
)

// versionText is the version and what it was built for.
func versionText() string {
	return fmt.Sprintf("%s (speaks %s; %s, %s/%s)", aerobee.Version(), aerobee.Speaks, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newVersion(e env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  aerobee version\n  aerobee version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version  string `json:"version"`
				Speaks   string `json:"speaks"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{aerobee.Version(), aerobee.Speaks, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if asJSON {
				return json.NewEncoder(e.stdout).Encode(v)
			}
			return e.printf("aerobee version %s\n", versionText())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
