package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/sdnotify"
)

// stopTimeout bounds a clean stop: what is not drained by then is closed.
const stopTimeout = 5 * time.Second

// settingFlag is a flag of `aerobee serve` or `aerobee proxy`, the setting that it gives, and what --help calls its value.
type settingFlag struct{ flag, key, value string }

func settingFlags() []settingFlag {
	return []settingFlag{
		{"data", "data", "DIR"}, {"listen", "listen", "ADDR"}, {"namesrv", "namesrvAddr", "ADDR"}, {"advertise", "advertise", "ADDR"}, {"admin-from", "adminFrom", "CIDR"},
		{"roles", "roles", "ROLES"}, {"name", "brokerName", "NAME"}, {"cluster", "brokerClusterName", "NAME"}, {"flush", "flushDiskType", "MODE"},
		{"memory-limit", "memoryLimit", "SIZE"}, {"tls-cert", "tls.server.certPath", "FILE"}, {"tls-key", "tls.server.keyPath", "FILE"},
		{"log-level", "logLevel", "LEVEL"}, {"log-format", "logFormat", "FORMAT"}, {"log-file", "logFile", "FILE"},
	}
}

// clusterFlags are those that `aerobee proxy` has besides: how it connects to what is behind it.
func clusterFlags() []settingFlag {
	return []settingFlag{
		{"cluster-tls", "tls.enable", "BOOL"}, {"cluster-ca", "tls.client.trustCertPath", "FILE"}, {"cluster-cert", "tls.client.certPath", "FILE"},
		{"cluster-key", "tls.client.keyPath", "FILE"},
	}
}

// texts is a flag's values: a flag that is given several times makes a list.
type texts struct {
	given []string
	kind  string
}

// String is the values as a settings file would list them.
func (v *texts) String() string { return strings.Join(v.given, ";") }

// Set takes one more value.
func (v *texts) Set(s string) error {
	v.given = append(v.given, s)
	return nil
}

// Type is what --help calls a value.
func (v *texts) Type() string { return v.kind }

func newServe(e env) *cobra.Command {
	return settingsCommand(e, config.Source{}, &cobra.Command{
		Use:   "serve",
		Short: "Run NameServer and broker",
		Long: "Run NameServer and broker in this process, with an embedded store.\n\n" +
			"Settings come, in rising order, from defaults, the file of -c, AEROBEE_… in the environment, and flags.\n" +
			"`aerobee config` lists them all; any of them can be given with --set KEY=VALUE." + faultsHelp,
		Example: "  aerobee serve --data /var/lib/aerobee\n" +
			"  aerobee serve --memory --listen 127.0.0.1:9876\n" +
			"  aerobee serve -c broker.conf --set flushDiskType=ASYNC_FLUSH\n" +
			"  aerobee serve --namesrv ns1:9876,ns2:9876 --advertise broker.example.com:10911",
	})
}

// newProxy is serve in another role, with other defaults.
func newProxy(e env) *cobra.Command {
	base := config.Source{Name: "aerobee proxy", Pairs: []config.Property{{Key: "roles", Value: "proxy"}, {Key: "listen", Value: ":8081;:8080"}}}
	cmd := settingsCommand(e, base, &cobra.Command{
		Use:   "proxy",
		Short: "Serve gRPC clients in front of other brokers, Aerobee's or Apache RocketMQ's",
		Long: "Serve RocketMQ 5 clients (gRPC) and remoting clients in front of the brokers of a cluster, Aerobee's or Apache RocketMQ's. It keeps\n" +
			"nothing: any number of them may stand beside each other. Both kinds of clients are served on all ports; those of remoting take it for\n" +
			"their NameServer and for every broker.\n\n" +
			"Settings come as with `aerobee serve`.",
		Example: "  aerobee proxy --namesrv ns1:9876,ns2:9876\n" +
			"  aerobee proxy --namesrv 127.0.0.1:9876 --listen :9081 --advertise proxy.example.com:9081\n" +
			"  aerobee proxy --namesrv ns1:9876 --cluster-tls --cluster-ca brokers.pem --cluster-cert me.pem --cluster-key me.key",
	}, clusterFlags()...)
	cmd.Flags().Lookup("cluster-tls").NoOptDefVal = "true"
	return cmd
}

// settingsCommand makes a command that runs a node by its settings, with some flags more than all have; base comes before what is given.
func settingsCommand(e env, base config.Source, cmd *cobra.Command, more ...settingFlag) *cobra.Command {
	cmd.Args = noArgs
	flags := cmd.Flags()
	docs := map[string]string{}
	for _, k := range config.Keys() {
		docs[k.Name] = k.Doc
	}
	file := flags.StringP("config", "c", "", "properties `FILE` with settings, as Apache's broker.conf")
	flags.Bool("memory", false, docs["memory"])
	flags.Var(&texts{kind: "KEY=VALUE"}, "set", "any other setting; may be given several times")
	for _, f := range append(settingFlags(), more...) {
		flags.Var(&texts{kind: f.value}, f.flag, docs[f.key])
	}
	completeValues(cmd, "flush", "SYNC_FLUSH", "ASYNC_FLUSH")
	completeValues(cmd, "log-level", "debug", "info", "warn", "error")
	completeValues(cmd, "log-format", "text", "json")
	completeValues(cmd, "roles", "namesrv", "broker", "proxy")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		flagSource, err := flagsOf(cmd)
		if err != nil {
			return usageError{error: err}
		}
		cfg, notes, err := loadConfig(base, *file, e.environ, flagSource)
		if err != nil {
			return usageError{error: err}
		}
		return serve(cmd.Context(), e, cfg, notes)
	}
	return cmd
}

// flagsOf reads the settings out of the flags that were given. A flag given several times makes a list.
func flagsOf(cmd *cobra.Command) (config.Source, error) {
	src := config.Source{Name: "flags"}
	flags := cmd.Flags()
	for _, f := range append(settingFlags(), clusterFlags()...) {
		if given := flags.Lookup(f.flag); given != nil && given.Changed {
			src.Pairs = append(src.Pairs, config.Property{Key: f.key, Value: given.Value.String()})
		}
	}
	if flags.Changed("memory") {
		on, err := flags.GetBool("memory")
		if err != nil {
			return src, err
		}
		src.Pairs = append(src.Pairs, config.Property{Key: "memory", Value: fmt.Sprint(on)})
	}
	sets, _ := flags.Lookup("set").Value.(*texts)
	for _, set := range sets.given {
		pairs, err := config.ParseProperties(set)
		if err != nil || len(pairs) != 1 || pairs[0].Value == "" {
			return src, fmt.Errorf("--set %q is not KEY=VALUE", set)
		}
		src.Pairs = append(src.Pairs, pairs[0])
	}
	return src, nil
}

func loadConfig(base config.Source, file string, environ []string, flags config.Source) (config.Config, []config.Note, error) {
	sources := []config.Source{base}
	if file != "" {
		text, err := os.ReadFile(file) // #nosec G304 -- the operator names the file
		if err != nil {
			return config.Config{}, nil, fmt.Errorf("settings: %w", err)
		}
		pairs, err := config.ParseProperties(string(text))
		if err != nil {
			return config.Config{}, nil, fmt.Errorf("%s: %w", file, err)
		}
		sources = append(sources, config.Source{Name: file, Pairs: pairs})
	}
	sources = append(sources, config.Environment(environ), flags)
	cfg, notes, err := config.Load(sources...)
	cfg.Origins = config.Origins(sources...)
	return cfg, notes, err
}

func serve(ctx context.Context, e env, cfg config.Config, notes []config.Note) error {
	logger, closeLog, err := openLog(cfg, e.stderr)
	if err != nil {
		return err
	}
	defer closeLog()
	for _, n := range notes {
		logger.Warn("setting: "+n.Text, "key", n.Key, "source", n.Source)
	}
	cfg.MemoryLimit = memoryLimit(cfg.MemoryLimit, cgroupLimit)
	limitMemory(cfg.MemoryLimit)
	spareThreads(e.environ)
	server, err := aerobee.StartSettings(cfg, logger)
	if inUse(err) {
		return &hint{withoutErrno(err) + "; stop that node first, or give another directory with --data", err}
	}
	if err != nil {
		return err
	}
	banner(e, cfg, server)
	sdnotify.Tell(e.environ, sdnotify.Ready, logger)
	<-ctx.Done()
	sdnotify.Tell(e.environ, sdnotify.Stopping, logger)
	logger.Info("stopping", "within", stopTimeout)
	e.release()
	stopCtx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := server.Stop(stopCtx); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	logger.Info("stopped")
	return nil
}

// banner tells a person where the node listens, where it stores and what to try next.
func banner(e env, cfg config.Config, server *aerobee.Server) {
	if cfg.HasRole("proxy") {
		fmt.Fprintf(e.stdout, "aerobee %s serves as proxy in front of the cluster of %s\n", aerobee.Version(), strings.Join(cfg.Namesrv, ", "))
		for _, addr := range server.Addrs() {
			fmt.Fprintf(e.stdout, "  listens on %s (gRPC, remoting, HTTP)\n", addr)
		}
		return
	}
	where := "in memory: everything is gone when this process ends"
	if !cfg.Memory {
		where = "in " + server.DataDir() + " (" + cfg.FlushDiskType + ")"
	}
	fmt.Fprintf(e.stdout, "aerobee %s serves as broker %s of cluster %s\n", aerobee.Version(), cfg.BrokerName, cfg.ClusterName)
	for _, addr := range server.Addrs() {
		fmt.Fprintf(e.stdout, "  listens on %s (%s, HTTP)\n", addr, strings.Join(cfg.Roles, ", "))
	}
	fmt.Fprintf(e.stdout, "  stores %s\n", where)
	addr, guessed := server.Advertised()
	hint := ""
	if guessed {
		hint = "; behind a mapped port give --advertise HOST[:PORT]"
	}
	fmt.Fprintf(e.stdout, "  is known to clients by the address that they dial, and in message ids as %s%s\n", addr, hint)
	fmt.Fprintf(e.stdout, "Try: %s, or point a RocketMQ client's NameServer address at %s\n", tryCommand(server.Addr()), server.Addr())
}

// tryCommand is a command that works with a node at this address.
func tryCommand(addr string) string {
	if addr == defaultNameServer {
		return "aerobee send Orders hello"
	}
	return "aerobee send Orders hello --namesrv " + addr
}
