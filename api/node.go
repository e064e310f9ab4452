package api

import (
	"io"
	"net/http"
	"strconv"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/config"
)

func index(c *call) error {
	get := func(path, about string) v1.PathInfo { return v1.PathInfo{Method: "GET", Path: path, About: about} }
	body := v1.Index{Version: c.o.Version, Paths: []v1.PathInfo{
		get("/health", "503 with the reason when the node needs its operator"),
		get("/ready", "503 with the reason when the node does not serve requests"),
		get("/metrics", "metrics for Prometheus"),
	}}
	for _, op := range v1.Operations() {
		about := op.About
		if op.Here {
			about += ", for administrators"
		}
		body.Paths = append(body.Paths, v1.PathInfo{Method: op.Method, Path: op.Path, About: about})
	}
	return c.reply(body, nil)
}

func document(c *call) error {
	c.w.Header().Set("Content-Type", "application/json")
	_, err := io.WriteString(c.w, v1.Document())
	if err != nil {
		panic(http.ErrAbortHandler) // the peer has gone
	}
	return nil
}

func settings(c *call) error {
	if c.o.Settings == nil {
		return errNotServed
	}
	list, err := c.o.Settings()
	body, secret := v1.Settings{Settings: []v1.Setting{}}, secretKeys()
	for _, s := range list {
		if secret[s.Key] {
			s = masked(s)
		}
		body.Settings = append(body.Settings, s)
	}
	return c.reply(body, err)
}

func clients(c *call) error {
	if c.o.Clients == nil {
		return errNotServed
	}
	all, err := c.o.Clients()
	group, body := c.v.Text("group"), v1.Clients{}
	body.Clients, body.Next = page(c, all, (*v1.Client).Key, func(l *v1.Client) bool { return group == "" || l.Group == group })
	if body.Clients == nil {
		body.Clients = []v1.Client{}
	}
	return c.reply(body, err)
}

// mask stands for a secret's value.
const mask = "***"

// secretKeys are the settings whose values are nobody's business.
func secretKeys() map[string]bool {
	secret := map[string]bool{}
	for _, k := range config.Keys() {
		secret[k.Name] = k.Secret
	}
	return secret
}

func masked(s v1.Setting) v1.Setting {
	if s.Value != "" {
		s.Value = mask
	}
	if s.Default != "" {
		s.Default = mask
	}
	return s
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func orElse(text, usual string) string {
	if text == "" {
		return usual
	}
	return text
}
