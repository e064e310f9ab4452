package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/cli/signin"
	"github.com/aerobee-mq/aerobee/store/backup"
)

// progressEvery is how often a backup tells how far it is.
const progressEvery = time.Second

// backupView is the JSON of `aerobee store backup`.
type backupView struct {
	Directory string `json:"directory"`
	backup.Plan
	Seconds float64 `json:"seconds"`
}

func newStoreBackup(e env) *cobra.Command {
	c := &connection{e: e}
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy the store of a running node, which goes on serving",
		Long: "Copy the store of a running node, which goes on serving: everything that was stored when the copy began. DIR must not\n" +
			"be there yet; until the copy is whole it is called DIR.partial, which no node opens. A node gives copies to\n" +
			"administrators only. To restore, start a node with the copy as its directory: `aerobee serve --data DIR`.",
		Example: "  aerobee store backup ./copy\n  aerobee store backup ./copy --namesrv 127.0.0.1:10911 --json",
		Args:    exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			progress := func(int64, int64) {}
			if !c.asJSON && isTerminal(e.stderr) {
				progress = e.backupProgress(time.Now)
			}
			began := time.Now()
			plan, err := fetchBackup(cmd.Context(), c.transport(), c.nameServers()[0], args[0], progress)
			if err != nil {
				return err
			}
			v := backupView{Directory: args[0], Plan: plan, Seconds: time.Since(began).Seconds()}
			if c.asJSON {
				return e.printJSON(v)
			}
			return e.printf("%s, %s, %s, log offsets %d to %d, in %.1f s\nStart a node on it: aerobee serve --data %s\n",
				plural(int64(v.Segments), "segment"), plural(int64(v.Blocks), "block"), bytesText(v.Bytes), v.Start, v.End, v.Seconds, v.Directory)
		},
	}
	c.where(cmd)
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print JSON")
	return cmd
}

// fetchBackup receives a copy. Its duration is the disk's and the network's business: only the context bounds it.
func fetchBackup(ctx context.Context, transport *signin.Transport, addr, dir string, progress func(done, of int64)) (backup.Plan, error) {
	const path = "/api/v1/backup"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return backup.Plan{}, err
	}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return backup.Plan{}, explainStatus(ctx, addr, err)
	}
	defer answer.Body.Close() //nolint:errcheck // nothing was written
	if answer.StatusCode != http.StatusOK {
		var f v1.Failure
		text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
		if json.Unmarshal(text, &f) != nil || f.Error == "" {
			f.Error = answer.Status
		}
		return backup.Plan{}, &apiError{path, f.Error, answer.StatusCode}
	}
	plan, err := backup.Receive(vfs.Default, dir, answer.Body, progress)
	if err != nil && strings.HasSuffix(err.Error(), " is there already") {
		err = fmt.Errorf("%w; give a directory that is not there yet", err)
	}
	return plan, err
}

// backupProgress prints how far a copy is, once in a while.
func (e env) backupProgress(now func() time.Time) func(done, of int64) {
	next := now().Add(progressEvery)
	return func(done, of int64) {
		if t := now(); t.After(next) || done == of && of > 0 {
			next = t.Add(progressEvery)
			_, _ = fmt.Fprintf(e.stderr, "\r%d of %d MiB, %.0f %%", done>>20, of>>20, 100*float64(done)/float64(max(of, 1)))
			if done == of {
				_, _ = fmt.Fprintln(e.stderr)
			}
		}
	}
}
