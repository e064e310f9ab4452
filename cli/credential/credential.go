// Package credential finds out as whom a command signs its requests: from a file such as RocketMQ's tools.yml. Passwords are no flags, since everybody on a
// machine can read the command lines of others. Package cli has one [Flags] for each command; it is not for several goroutines.
package credential

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/client"
)

// Flags say which file to read.
type Flags struct {
	// File is --credentials, "" without it.
	File string
}

// Add adds the flag to a command.
func (f *Flags) Add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.File, "credentials", "", "sign requests as the user of this `FILE`, which has the lines accessKey: NAME and secretKey: PASSWORD\n"+
		"(default $AEROBEE_CREDENTIALS, else $ROCKETMQ_HOME/conf/tools.yml if it is there)")
}

// Admin makes an Admin that signs its requests. variable returns the environment's variables.
func (f *Flags) Admin(variable func(name string) string, o admin.Options) (*admin.Admin, error) {
	c, err := f.Read(variable)
	if err != nil {
		return nil, err
	}
	o.Sign = c.Signer()
	return admin.New(o)
}

// Client makes a client that does.
func (f *Flags) Client(variable func(name string) string, o client.Config) (*client.Client, error) {
	c, err := f.Read(variable)
	if err != nil {
		return nil, err
	}
	o.AccessKey, o.SecretKey = c.User, c.Password
	return client.New(o)
}

// maxFile bounds the file in bytes.
const maxFile = 64 << 10

// Read reads the file: that of the flag, else of the environment, whose variables variable returns. Without one nobody signs, which is the zero value.
func (f *Flags) Read(variable func(name string) string) (sign.Credentials, error) {
	path, must := f.File, true
	if path == "" {
		path = variable("AEROBEE_CREDENTIALS")
	}
	if home := variable("ROCKETMQ_HOME"); path == "" && home != "" {
		path, must = filepath.Join(home, "conf", "tools.yml"), false
	}
	if path == "" {
		return sign.Credentials{}, nil
	}
	text, err := read(path)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return sign.Credentials{}, nil
	}
	if err != nil {
		return sign.Credentials{}, fmt.Errorf("the credentials: %w", err)
	}
	c, err := Parse(text)
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path) // #nosec G304 G703 -- whom the command is to sign as is the caller's own choice
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was read only
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return text, err
}

// Parse reads the lines "accessKey: alice", "secretKey: 'a secret'" and "securityToken: x". Others are passed over. Errors do not tell what stands there.
func Parse(text []byte) (c sign.Credentials, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxFile)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			continue
		}
		switch strings.TrimSpace(name) {
		case "accessKey":
			c.User = scalar(value)
		case "secretKey":
			c.Password = scalar(value)
		case "securityToken":
			c.Token = scalar(value)
		}
	}
	switch {
	case lines.Err() != nil:
		return c, fmt.Errorf("a line is longer than %d bytes", maxFile)
	case c.User == "":
		return c, errors.New("there is no accessKey: NAME")
	case c.Password == "":
		return c, errors.New("there is no secretKey: PASSWORD")
	}
	return c, nil
}

// scalar is a value of YAML: bare, up to a comment, or between quotes.
func scalar(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	if q := text[0]; q == '\'' || q == '"' {
		if end := strings.LastIndexByte(text, q); end > 0 {
			return text[1:end]
		}
	}
	if strings.HasPrefix(text, "#") {
		return ""
	}
	text, _, _ = strings.Cut(text, " #")
	return strings.TrimSpace(text)
}
