// Package allocate decides which member of a consumer group takes which queue. It owns RocketMQ's strategies as pure
// functions: every member asks for itself, with the same sorted lists, and the answers fit together without a word between
// members, Java's included. Package client calls it at each rebalance. Everything here is safe to call at once.
package allocate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Queue is one queue of one broker.
type Queue = protocol.MessageQueue

// Strategy shares the queues of one topic among the members of a group.
type Strategy interface {
	// Name is the strategy's name in logs, as Java has it: "AVG".
	Name() string
	// Allocate returns the queues of client me. queues is sorted with [protocol.MessageQueue.Compare] and clients as text, both without
	// duplicates and not empty; neither is changed, and the result may alias queues. A client that is not in clients gets none.
	Allocate(me string, queues []Queue, clients []string) ([]Queue, error)
}

// Averagely gives each client one run of neighbouring queues, the first clients one more where it does not come out even.
// It is the default of every RocketMQ client.
type Averagely struct{}

// Name is "AVG".
func (Averagely) Name() string { return "AVG" }

// Allocate returns me's run.
func (Averagely) Allocate(me string, queues []Queue, clients []string) ([]Queue, error) {
	index := slices.Index(clients, me)
	if index < 0 {
		return nil, nil
	}
	size, rest := len(queues)/len(clients), len(queues)%len(clients)
	from := index*size + min(index, rest)
	if index < rest {
		size++
	}
	return queues[from : from+size : from+size], nil
}

// ByCircle deals the queues out like cards.
type ByCircle struct{}

// Name is "AVG_BY_CIRCLE".
func (ByCircle) Name() string { return "AVG_BY_CIRCLE" }

// Allocate returns every n-th queue from me's place on.
func (ByCircle) Allocate(me string, queues []Queue, clients []string) ([]Queue, error) {
	index := slices.Index(clients, me)
	if index < 0 {
		return nil, nil
	}
	var mine []Queue
	for i := index; i < len(queues); i += len(clients) {
		mine = append(mine, queues[i])
	}
	return mine, nil
}

// ByConfig gives the client the queues that it was told, whoever else is there. Queues of other topics are left out, unlike in
// Java, where each topic of a group got all of them.
type ByConfig struct{ Queues []Queue }

// Name is "CONFIG".
func (ByConfig) Name() string { return "CONFIG" }

// Allocate returns the configured queues of the topic.
func (s ByConfig) Allocate(_ string, queues []Queue, _ []string) ([]Queue, error) {
	var mine []Queue
	for _, q := range s.Queues {
		if len(queues) > 0 && q.Topic == queues[0].Topic {
			mine = append(mine, q)
		}
	}
	return mine, nil
}

// ByMachineRoom shares the queues of brokers that stand in the given rooms; a broker's name says its room: "room@broker".
// Nobody gets the queues of other brokers.
type ByMachineRoom struct{ Rooms []string }

// Name is "MACHINE_ROOM".
func (ByMachineRoom) Name() string { return "MACHINE_ROOM" }

// Allocate returns me's part of the queues in the rooms.
func (s ByMachineRoom) Allocate(me string, queues []Queue, clients []string) ([]Queue, error) {
	index := slices.Index(clients, me)
	if index < 0 {
		return nil, nil
	}
	var inside []Queue
	for _, q := range queues {
		parts := strings.Split(strings.TrimRight(q.BrokerName, "@"), "@")
		if len(parts) == 2 && slices.Contains(s.Rooms, parts[0]) {
			inside = append(inside, q)
		}
	}
	size, rest := len(inside)/len(clients), len(inside)%len(clients)
	mine := slices.Clone(inside[index*size : (index+1)*size])
	if index < rest {
		mine = append(mine, inside[size*len(clients)+index])
	}
	return mine, nil
}

// MachineRoomNearby lets Strategy share each room's queues among the clients of the same room; the queues of a room without
// clients are shared by all clients.
type MachineRoomNearby struct {
	Strategy   Strategy
	BrokerRoom func(Queue) string           // the room of a queue's broker, not empty
	ClientRoom func(clientID string) string // the room of a client, not empty
}

// Name is "MACHINE_ROOM_NEARBY-" and the inner strategy's name.
func (s MachineRoomNearby) Name() string { return "MACHINE_ROOM_NEARBY-" + s.Strategy.Name() }

// Allocate returns me's part of its room's queues and of the queues of rooms without clients. It fails where a room is unknown.
func (s MachineRoomNearby) Allocate(me string, queues []Queue, clients []string) ([]Queue, error) {
	if !slices.Contains(clients, me) {
		return nil, nil
	}
	queuesOf, clientsOf := map[string][]Queue{}, map[string][]string{}
	var rooms []string
	for _, q := range queues {
		room := s.BrokerRoom(q)
		if room == "" {
			return nil, fmt.Errorf("allocate: the room of broker %q is not known", q.BrokerName)
		}
		if queuesOf[room] == nil {
			rooms = append(rooms, room)
		}
		queuesOf[room] = append(queuesOf[room], q)
	}
	for _, c := range clients {
		room := s.ClientRoom(c)
		if room == "" {
			return nil, fmt.Errorf("allocate: the room of client %q is not known", c)
		}
		clientsOf[room] = append(clientsOf[room], c)
	}
	home := s.ClientRoom(me)
	var mine []Queue
	take := func(queues []Queue, clients []string) error {
		part, err := s.Strategy.Allocate(me, queues, clients)
		mine = append(mine, part...)
		return err
	}
	if len(queuesOf[home]) > 0 {
		if err := take(queuesOf[home], clientsOf[home]); err != nil {
			return nil, err
		}
	}
	slices.Sort(rooms)
	for _, room := range rooms {
		if room != home && len(clientsOf[room]) == 0 {
			if err := take(queuesOf[room], clients); err != nil {
				return nil, err
			}
		}
	}
	return mine, nil
}
