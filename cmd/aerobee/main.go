// Command aerobee is the broker, the NameServer and the tools in one binary. See `aerobee --help`.
package main

import (
	"os"

	"github.com/aerobee-mq/aerobee/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
