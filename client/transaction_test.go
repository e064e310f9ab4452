package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

// startAsking starts a node that asks about transactions after a tenth of a second.
func startAsking(t testing.TB) *aerobee.Server {
	t.Helper()
	s, err := aerobee.Start(aerobee.Config{Memory: true, Listen: []string{"127.0.0.1:0"},
		// However slow the machine is, the producer is known before its messages are given up.
		Settings: map[string]string{"transactionTimeOut": "100", "transactionCheckInterval": "50", "transactionCheckMax": "100000"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func clientOf(t testing.TB, s *aerobee.Server, config client.Config) *client.Client {
	t.Helper()
	config.NameServers = []string{s.Addr()}
	return newClient(t, config)
}

// readAll has everything that a topic gets in a channel.
func readAll(t testing.TB, c *client.Client, topic string) chan string {
	t.Helper()
	got := make(chan string, 1000)
	_, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "readers", Subscriptions: []client.Subscription{{Topic: topic}}, From: client.FromFirst,
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				got <- string(d.Body)
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func newTransactions(t testing.TB, c *client.Client, check func(context.Context, *client.Delivery) client.TransactionState) *client.TransactionProducer {
	t.Helper()
	p, err := c.NewTransactionProducer(t.Context(), client.TransactionConfig{ProducerConfig: client.ProducerConfig{Group: "payers"}, Check: check})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func unknown(context.Context, *client.Delivery) client.TransactionState {
	return client.TransactionUnknown
}

// TestTransactionEnds commits, rolls back, and ends twice; what is compressed and in a namespace is no different.
func TestTransactionEnds(t *testing.T) {
	for _, namespace := range []string{"", "ns"} {
		t.Run("namespace "+namespace, func(t *testing.T) {
			s := startAsking(t)
			c := clientOf(t, s, client.Config{Namespace: namespace})
			p := newTransactions(t, c, unknown)
			big := strings.Repeat("paid ", 2000)
			tx, err := p.Begin(t.Context(), &client.Message{Topic: "payments", Body: []byte(big), Tag: "x", Keys: []string{"k"}, Properties: map[string]string{"own": "v"}})
			if err != nil {
				t.Fatal(err)
			}
			gone, err := p.Begin(t.Context(), &client.Message{Topic: "payments", Body: []byte("gone")})
			if err != nil {
				t.Fatal(err)
			}
			if err := gone.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := tx.Rollback(t.Context()); !errors.Is(err, client.ErrIllegal) {
				t.Errorf("ended twice: %v", err)
			}
			if got := <-readAll(t, c, "payments"); got != big {
				t.Errorf("got %.60q", got)
			}
		})
	}
}

// TestTransactionSend runs local transactions of all outcomes.
func TestTransactionSend(t *testing.T) {
	s := startAsking(t)
	c := clientOf(t, s, client.Config{})
	asked := make(chan string, 10)
	p := newTransactions(t, c, func(_ context.Context, d *client.Delivery) client.TransactionState {
		asked <- string(d.Body) + " of " + d.Topic
		return client.TransactionCommit
	})
	send := func(body string, state client.TransactionState, err error) error {
		_, sent := p.Send(t.Context(), &client.Message{Topic: "payments", Body: []byte(body)}, func(context.Context, client.SendResult) (client.TransactionState, error) {
			return state, err
		})
		return sent
	}
	broke := errors.New("the database is away")
	for _, step := range []struct {
		body  string
		state client.TransactionState
		err   error
	}{{"no", client.TransactionRollback, nil}, {"failed", client.TransactionCommit, broke}, {"yes", client.TransactionCommit, nil}, {"perhaps", client.TransactionUnknown, nil}} {
		if err := send(step.body, step.state, step.err); !errors.Is(err, step.err) {
			t.Errorf("%s: %v", step.body, err)
		}
	}
	got := readAll(t, c, "payments")
	if a, b := <-got, <-got; a != "yes" || b != "perhaps" {
		t.Errorf("got %s, %s", a, b)
	}
	if q := <-asked; q != "perhaps of payments" {
		t.Errorf("asked about %q", q)
	}
}

// TestTransactionOfTheDead has a producer die and another of the group, which has sent nothing, answer for it.
func TestTransactionOfTheDead(t *testing.T) {
	s := startAsking(t)
	dead, err := client.New(client.Config{NameServers: []string{s.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	p := newTransactions(t, dead, unknown)
	if _, err := p.Begin(t.Context(), &client.Message{Topic: "payments", Body: []byte("left open")}); err != nil {
		t.Fatal(err)
	}
	if err := dead.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	asks := 0
	heir := clientOf(t, s, client.Config{})
	_, err = heir.NewTransactionProducer(t.Context(), client.TransactionConfig{ProducerConfig: client.ProducerConfig{Group: "payers"}, Topics: []string{"payments"},
		Check: func(context.Context, *client.Delivery) client.TransactionState {
			switch asks++; asks {
			case 1:
				panic("the checker is broken")
			case 2:
				return client.TransactionUnknown
			}
			return client.TransactionCommit
		}})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-readAll(t, heir, "payments"); got != "left open" {
		t.Errorf("got %q", got)
	}
}

// TestTransactionRefusals wants errors that say what is wrong.
func TestTransactionRefusals(t *testing.T) {
	s := startAsking(t)
	c := clientOf(t, s, client.Config{})
	p := newTransactions(t, c, unknown)
	if _, err := p.Begin(t.Context(), &client.Message{Topic: "payments", DelayLevel: 1}); !errors.Is(err, client.ErrIllegal) {
		t.Errorf("with a delay: %v", err)
	}
	if _, err := p.Begin(t.Context(), nil); !errors.Is(err, client.ErrIllegal) {
		t.Errorf("nil: %v", err)
	}
	if _, err := c.NewTransactionProducer(t.Context(), client.TransactionConfig{ProducerConfig: client.ProducerConfig{Group: "payers"}, Check: unknown}); !errors.Is(err, client.ErrExists) {
		t.Errorf("a second one: %v", err)
	}
	if _, err := c.NewTransactionProducer(t.Context(), client.TransactionConfig{ProducerConfig: client.ProducerConfig{Group: "others"}}); !errors.Is(err, client.ErrIllegal) {
		t.Errorf("without Check: %v", err)
	}
	tx, err := p.Begin(t.Context(), &client.Message{Topic: "payments", Body: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := cancelled()
	defer cancel()
	if err := tx.Commit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled end: %v", err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestTransactionCheckEndsWithClose closes while a checker runs that waits for its context.
func TestTransactionCheckEndsWithClose(t *testing.T) {
	s := startAsking(t)
	c, err := client.New(client.Config{NameServers: []string{s.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan struct{}, 100)
	p := newTransactions(t, c, func(ctx context.Context, _ *client.Delivery) client.TransactionState {
		began <- struct{}{}
		<-ctx.Done()
		return client.TransactionUnknown
	})
	for i := range 20 {
		if _, err := p.Begin(t.Context(), &client.Message{Topic: "payments", Body: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = c.Close(ctx) // its time may be up for what comes behind, too
	noGoroutines(t)
}

// A payment and the message about it happen both or not at all. Check is for what a crash left open.
func ExampleTransactionProducer() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		paid := map[string]bool{} // stands for the service's database
		payments, err := c.NewTransactionProducer(ctx, client.TransactionConfig{
			ProducerConfig: client.ProducerConfig{Group: "payments"},
			Check: func(_ context.Context, m *client.Delivery) client.TransactionState {
				if paid[m.Keys[0]] {
					return client.TransactionCommit
				}
				return client.TransactionRollback
			},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, order := range []string{"order-1", "order-2"} {
			m := &client.Message{Topic: "paid-orders", Keys: []string{order}, Body: []byte(order + " is paid")}
			_, err = payments.Send(ctx, m, func(context.Context, client.SendResult) (client.TransactionState, error) {
				if order == "order-1" {
					return client.TransactionCommit, errors.New("the card was refused") // an error rolls back
				}
				paid[order] = true
				return client.TransactionCommit, nil
			})
			fmt.Println(order, err)
		}
		consumer, err := c.NewPullConsumer(ctx, client.PullConfig{Group: "shipping", Subscriptions: []client.Subscription{{Topic: "paid-orders"}}, From: client.FromFirst})
		if err != nil {
			fmt.Println(err)
			return
		}
		ds, err := consumer.Poll(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", ds[0].Body)
	})
	// Output:
	// order-1 the card was refused
	// order-2 <nil>
	// order-2 is paid
}
