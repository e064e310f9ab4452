// The Go half of the interop suite: every scenario uses the official client as a user would. It talks to the Go test
// that started it by one line each way: PLAN, PASS, FAIL, GOT and ASK out; ANSWER and STOP in.
package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/rlog"
	rmq "github.com/apache/rocketmq-clients/golang/v5"
)

// scenario is one thing that a client must be able to do; it passes when run returns nil.
type scenario struct {
	name string
	run  func(*lab) error
}

// consumers run until STOP instead of scenarios, by the program's argument.
var consumers = map[string]func(*lab) error{"story": consumeStory, "asked": consumeAsked}

// sideBySide bounds how many scenarios run at once; nearly all only wait.
const sideBySide = 8

func main() {
	rlog.SetLogLevel("fatal")
	d := newDriver()
	if consume, ok := consumers[strings.Join(os.Args[1:], " ")]; ok {
		if err := consume(newLab(d, os.Args[1])); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	only := regexp.MustCompile(os.Getenv("INTEROP_ONLY"))
	together, alone := selected(only, sideBySideScenarios()), selected(only, aloneScenarios())
	if len(os.Args) > 1 && os.Args[1] == "transactions" {
		together, alone = selected(only, transactionScenarios()), nil
	}
	if len(os.Args) > 1 && os.Args[1] == "grpc" {
		rmq.EnableSsl = false // the scenario "tls" has it on
		together, alone = selected(only, grpcScenarios()), selected(only, grpcAloneScenarios())
	}
	for _, s := range append(append([]scenario{}, together...), alone...) {
		d.say("PLAN " + s.name)
	}
	ok := runTogether(d, together)
	for _, s := range alone {
		ok = runOne(d, s) && ok
	}
	if !ok {
		os.Exit(1)
	}
}

func sideBySideScenarios() []scenario {
	all := retryScenarios()
	all = append(all, movingScenarios()...)
	all = append(all, sharingScenarios()...)
	all = append(all, orderScenarios()...)
	all = append(all, sendScenarios()...)
	all = append(all, replyScenarios()...)
	return append(all, pullScenarios()...)
}

func selected(only *regexp.Regexp, all []scenario) []scenario {
	var chosen []scenario
	for _, s := range all {
		if only.MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

func runTogether(d *driver, all []scenario) bool {
	var wg sync.WaitGroup
	var mu sync.Mutex
	ok, slots := true, make(chan struct{}, sideBySide)
	for _, s := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			passed := runOne(d, s)
			mu.Lock()
			defer mu.Unlock()
			ok = ok && passed
		})
	}
	wg.Wait()
	return ok
}

func runOne(d *driver, s scenario) bool {
	start := time.Now()
	l := newLab(d, s.name)
	err := s.run(l)
	l.close()
	if err != nil {
		d.say("FAIL " + s.name + " " + err.Error())
		return false
	}
	d.say(fmt.Sprintf("PASS %s %d", s.name, time.Since(start).Milliseconds()))
	return true
}

// driver is the conversation with the test that started us.
type driver struct {
	mu      sync.Mutex // orders lines out, guards next and waiting
	next    int
	waiting map[string]chan string
	stop    chan struct{} // closed by STOP
}

func newDriver() *driver {
	d := &driver{waiting: map[string]chan string{}, stop: make(chan struct{})}
	go d.listen()
	return d
}

func (d *driver) listen() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.SplitN(lines.Text(), " ", 3)
		if words[0] == "STOP" {
			close(d.stop)
			continue
		}
		d.mu.Lock()
		answer := d.waiting[words[1]]
		delete(d.waiting, words[1])
		d.mu.Unlock()
		answer <- words[2]
	}
}

func (d *driver) say(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Println(strings.ReplaceAll(line, "\n", " "))
}

// ask waits for the test's answer; anything but "ok" is an error.
func (d *driver) ask(question string) error {
	answer := make(chan string, 1)
	d.mu.Lock()
	d.next++
	id := fmt.Sprint(d.next)
	d.waiting[id] = answer
	d.mu.Unlock()
	d.say("ASK " + id + " " + question)
	select {
	case text := <-answer:
		if text != "ok" {
			return fmt.Errorf("%s: %s", question, text)
		}
		return nil
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("%s: no answer", question)
	}
}
