// The load generator with the official Go client that speaks gRPC. It reads one command a line from standard input,
// "senders topic=t threads=64", and prints lines of JSON: an event "begin" and an event "end" at the ends of the measured span, then a
// "result" with numbers, or an "error". It ends with its input. interop/compare/README.md lists the commands.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
	"github.com/apache/rocketmq-clients/golang/v5/credentials"
)

func main() {
	rmq.EnableSsl = false
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		numbers, err := run(lines.Text())
		if err != nil {
			say(event{Event: "error", Message: err.Error()})
			continue
		}
		say(event{Event: "result", Numbers: numbers})
	}
	os.Exit(0) // goroutines of the client outlive it
}

// event is what the generator prints, its kind first.
type event struct {
	Event   string             `json:"event"`
	Message string             `json:"message,omitempty"`
	Numbers map[string]float64 `json:"numbers,omitempty"`
}

func say(e event) {
	line, err := json.Marshal(e)
	if err != nil { // a number that is none
		line = []byte(`{"event":"error","message":"a number cannot be told"}`)
	}
	fmt.Println(string(line))
}

func run(line string) (map[string]float64, error) {
	c, err := parse(line)
	if err != nil {
		return nil, err
	}
	switch c.verb {
	case "senders":
		return senders(c)
	case "drain":
		return drain(c)
	case "endtoend":
		return endToEnd(c)
	}
	return nil, fmt.Errorf("want senders, drain or endtoend, got %q", c.verb)
}

// command is a verb and its settings: "senders topic=t threads=64 warm=2 seconds=10".
type command struct {
	verb     string
	settings map[string]string
	missing  []string
}

func parse(line string) (*command, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil, fmt.Errorf("an empty command")
	}
	c := &command{verb: words[0], settings: map[string]string{}}
	for _, word := range words[1:] {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return nil, fmt.Errorf("%s: want NAME=VALUE", word)
		}
		c.settings[name] = value
	}
	return c, nil
}

// number is a setting, 0 where it is none.
func (c *command) number(name string) float64 {
	v, err := strconv.ParseFloat(c.settings[name], 64)
	if err != nil {
		c.missing = append(c.missing, name)
	}
	return v
}

func (c *command) seconds(name string) time.Duration {
	return time.Duration(c.number(name) * float64(time.Second))
}

// ok is an error if a setting was missing that was asked for.
func (c *command) ok() error {
	if len(c.missing) > 0 {
		return fmt.Errorf("%s: %s missing, or not a number", c.verb, strings.Join(c.missing, ", "))
	}
	return nil
}

func (c *command) config() *rmq.Config {
	return &rmq.Config{Endpoint: c.settings["endpoint"], ConsumerGroup: c.settings["group"], Credentials: &credentials.SessionCredentials{}}
}

func (c *command) producer() (rmq.Producer, error) {
	p, err := rmq.NewProducer(&rmq.Config{Endpoint: c.settings["endpoint"], Credentials: &credentials.SessionCredentials{}}, rmq.WithTopics(c.settings["topic"]))
	if err != nil {
		return nil, err
	}
	return p, p.Start()
}

// consumer starts a push consumer that takes every message.
func (c *command) consumer(take func(*rmq.MessageView)) (rmq.PushConsumer, error) {
	consumer, err := rmq.NewPushConsumer(c.config(), rmq.WithPushSubscriptionExpressions(map[string]*rmq.FilterExpression{c.settings["topic"]: rmq.SUB_ALL}),
		rmq.WithPushMessageListener(&rmq.FuncMessageListener{Consume: func(m *rmq.MessageView) rmq.ConsumerResult {
			take(m)
			return rmq.SUCCESS
		}}))
	if err != nil {
		return nil, err
	}
	return consumer, consumer.Start()
}
