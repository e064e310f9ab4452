package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// nameServers are the NameServers to ask, and which of them answered last.
type nameServers struct {
	list  []string
	last  int       // index of the one that answered last
	asked time.Time // when Discovery answered last
}

// maxDiscovery is the longest answer of [Options.Discovery] that is read.
const maxDiscovery = 64 << 10

// InvokeNameServer sends a request to the NameServers in turn, beginning with the one that answered last, until one answers. As
// with [Cluster.Invoke] a code other than SUCCESS is not an error. The error names all that were tried.
func (c *Cluster) InvokeNameServer(ctx context.Context, f *protocol.Frame) (*protocol.Frame, error) {
	answer, _, err := c.askNameServer(ctx, f)
	return answer, err
}

// askNameServer says who answered, too.
func (c *Cluster) askNameServer(ctx context.Context, f *protocol.Frame) (*protocol.Frame, string, error) {
	list, first, err := c.nameServers(ctx)
	if err != nil {
		return nil, "", err
	}
	var last error
	for i := range list {
		at := (first + i) % len(list)
		answer, err := c.askOne(ctx, list[at], f)
		if err == nil {
			c.mu.Lock()
			c.names.last = at
			c.mu.Unlock()
			return answer, list[at], nil
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, "", fmt.Errorf("cluster: no NameServer of %s answered: %w", strings.Join(list, ";"), last)
}

func (c *Cluster) askOne(ctx context.Context, addr string, f *protocol.Frame) (*protocol.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, nameServerTimeout)
	defer cancel()
	return c.Invoke(ctx, addr, f)
}

// NameServers are the NameServers known now; with Discovery this may ask for them. The slice is shared: do not change it.
func (c *Cluster) NameServers(ctx context.Context) ([]string, error) {
	list, _, err := c.nameServers(ctx)
	return list, err
}

func (c *Cluster) nameServers(ctx context.Context) (list []string, first int, err error) {
	c.mu.Lock()
	list, first, asked, closed := c.names.list, c.names.last, c.names.asked, c.closed
	c.mu.Unlock()
	if closed {
		return nil, 0, errClosed()
	}
	if c.o.Discovery == "" || time.Since(asked) < discoveryInterval && len(list) > 0 {
		return list, first % len(list), nil
	}
	found, err := c.discover(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && len(c.names.list) == 0 {
		return nil, 0, fmt.Errorf("cluster: NameServer discovery by %s: %w", c.o.Discovery, err)
	}
	if err != nil {
		c.o.Logger.Warn("cluster: NameServer discovery failed, the known ones stay", "url", c.o.Discovery, "error", err)
	} else {
		c.names.list, c.names.last = found, 0
	}
	c.names.asked = time.Now()
	return c.names.list, c.names.last, nil
}

// discover asks the URL for the NameServers.
func (c *Cluster) discover(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, nameServerTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.o.Discovery, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing was written
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxDiscovery))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", answer.Status)
	}
	list, err := parseNameServers(string(body))
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("the answer of %d bytes names no NameServer", len(body))
	}
	return list, err
}
