package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/cli/signin"
)

// statusView is the JSON of `aerobee status`: the bodies of /api/v1 side by side. Store is null where there is none.
type statusView struct {
	Node        v1.Node        `json:"node"`
	Store       *v1.Store      `json:"store"`
	Connections v1.Connections `json:"connections"`
	Settings    []v1.Setting   `json:"settings"` // those that differ from their default
}

func newStatus(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how an Aerobee node does: address, store, connections, settings",
		Long: "Show how an Aerobee node does: what it is and how long it runs, where clients reach it, what its store holds, who is\n" +
			"connected, and which settings are not the default. It asks the node's HTTP interface (/api/v1), which Apache\n" +
			"RocketMQ does not have.",
		Example: "  aerobee status\n  aerobee status --namesrv mq.example.com:9876 --json",
		Args:    noArgs,
	}
	c := connected(e, cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), c.timeout)
		defer cancel()
		addr := c.nameServers()[0]
		v, err := askStatus(ctx, c.transport(), addr)
		if err != nil {
			return explainStatus(cmd.Context(), addr, err)
		}
		if c.asJSON {
			return e.printJSON(v)
		}
		return e.printStatus(&v)
	}
	return cmd
}

// explainStatus tells a node that is not there from one that is none of ours.
func explainStatus(ctx context.Context, addr string, err error) error {
	var answered *apiError
	if errors.As(err, &answered) || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	if why := unreachable(ctx, []string{addr}); why != nil {
		return &hint{"nobody answers at " + addr + because(why) + "; is the server running? try `aerobee serve`, or --namesrv HOST:PORT", err}
	}
	return &hint{"the server at " + addr + " does not speak HTTP, so it is no Aerobee; with Apache RocketMQ try `aerobee topic list` and `aerobee group list`", err}
}

// apiError is an answer of /api/v1 that is not 200.
type apiError struct {
	path, reason string
	status       int
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s is answered with %d: %s", e.path, e.status, e.reason)
}

func askStatus(ctx context.Context, transport *signin.Transport, addr string) (v statusView, err error) {
	defer transport.CloseIdleConnections()
	get := func(path string, body any) error {
		return getJSON(ctx, &http.Client{Transport: transport}, addr, path, body)
	}
	if err := get("/api/v1/node", &v.Node); err != nil {
		return v, err
	}
	var store v1.Store
	var answered *apiError
	switch err := get("/api/v1/store", &store); {
	case err == nil:
		v.Store = &store
	case !errors.As(err, &answered): // a node without the role broker says so
		return v, err
	}
	if err := get("/api/v1/connections", &v.Connections); err != nil && !errors.As(err, &answered) {
		return v, err
	}
	var all struct {
		Settings []v1.Setting `json:"settings"`
	}
	if err := get("/api/v1/settings", &all); err != nil && !errors.As(err, &answered) { // they are not for everybody
		return v, err
	}
	v.Settings = []v1.Setting{}
	for _, s := range all.Settings {
		derived := s.Origin == "set" && (s.Value == "" || s.Key == "storePathRootDir") // from --listen and --data
		if s.Value != s.Default && !derived {
			v.Settings = append(v.Settings, s)
		}
	}
	return v, nil
}

// maxAnswer bounds an answer of /api/v1.
const maxAnswer = 16 << 20

func getJSON(ctx context.Context, client *http.Client, addr, path string, body any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		var f v1.Failure
		if json.Unmarshal(text, &f) != nil || f.Error == "" {
			f.Error = answer.Status
		}
		return &apiError{"GET " + path, f.Error, answer.StatusCode}
	}
	if err := json.Unmarshal(text, body); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

func (e env) printStatus(v *statusView) error {
	n := &v.Node
	state := "ready"
	if !n.Ready || n.Reason != "" {
		state = "NOT READY: " + n.Reason
	}
	how := "set"
	if n.Advertised.Guessed {
		how = "guessed; behind a mapped port give --advertise HOST[:PORT]"
	}
	lines := [][2]string{
		{"node", fmt.Sprintf("%s of cluster %s, %s", n.Name, n.Cluster, state)},
		{"version", fmt.Sprintf("%s, speaks %s (%s, %s)", n.Version, n.Speaks, n.Go, n.Platform)},
		{"running", fmt.Sprintf("%s, since %s, pid %d", time.Duration(n.UptimeSeconds)*time.Second, clock(n.StartedAt), n.PID)},
		{"roles", strings.Join(n.Roles, ", ")},
		{"listens on", strings.Join(n.Listeners, ", ")},
		{"known as", n.Advertised.Address + " (" + how + ")"},
		{"connections", fmt.Sprintf("%d of %d; %s, %s, %s on hold", v.Connections.Open, v.Connections.Limit,
			plural(int64(v.Connections.Producers), "producer"), plural(int64(v.Connections.Consumers), "consumer"), plural(v.Connections.PullsHeld, "pull"))},
	}
	if len(n.NameServers) > 0 {
		lines = append(lines, [2]string{"registers at", strings.Join(n.NameServers, ", ")})
	}
	if v.Store != nil {
		lines = append(lines, storeLines(v.Store)...)
	}
	for _, l := range lines {
		if err := e.printf("%-12s %s\n", l[0], l[1]); err != nil {
			return err
		}
	}
	if len(v.Settings) == 0 {
		return nil
	}
	var rows [][]any
	for _, s := range v.Settings {
		rows = append(rows, []any{s.Key, orDash(s.Value), orDash(s.Default), s.Origin})
	}
	if err := e.printf("\n"); err != nil {
		return err
	}
	return e.table(columns("SETTING", "VALUE", "DEFAULT", "ORIGIN"), rows)
}

func storeLines(s *v1.Store) [][2]string {
	where := s.Directory + ", " + s.Flush
	if s.Memory {
		where = "in memory: everything is gone when the node ends"
	}
	lines := [][2]string{
		{"store", where},
		{"log", fmt.Sprintf("%s in %s, offsets %d to %d, %s not yet synced", bytesText(s.LogBytes), plural(int64(s.Segments), "segment"), s.LogStart, s.LogEnd, bytesText(max(s.LogEnd-s.SyncedOffset, 0)))},
		{"holds", fmt.Sprintf("%s and %s with the system's, %s, %s", plural(int64(s.Topics), "topic"), plural(int64(s.Groups), "group"), plural(int64(s.Queues), "queue"), plural(int64(s.PendingDelayed), "delayed message"))},
	}
	if s.Full != "" {
		lines = append(lines, [2]string{"FULL", s.Full})
	}
	for _, text := range s.Troubles {
		lines = append(lines, [2]string{"TROUBLE", text})
	}
	if s.Disk.Total > 0 {
		lines = append(lines, [2]string{"disk", fmt.Sprintf("%s free of %s", bytesText(int64(min(s.Disk.Free, 1<<62))), bytesText(int64(min(s.Disk.Total, 1<<62))))})
	}
	return append(lines, [2]string{"keeps", fmt.Sprintf("segments for %s", time.Duration(s.Retention.AgeSeconds)*time.Second)})
}
