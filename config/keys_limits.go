package config

import "math"

// Limits bound what clients may make the node hold and do, beside those that stand with what they are about. LIMITS.md is the list of all. 0 is no
// bound where the key's text says so.
type Limits struct {
	// ConnectionsPerAddress bounds the open connections of one address, 0 for three quarters of MaxConnections.
	ConnectionsPerAddress int
	// HeaderSize bounds the header of a remoting frame, in bytes.
	HeaderSize int
	// Topics and Groups bound how many there are on the broker.
	Topics, Groups int
	// LongPolls bounds the pulls that wait for messages.
	LongPolls int
	// SubscriptionsPerGroup bounds the topics that a group subscribes to, GroupsPerConnection the groups that a connection is in.
	SubscriptionsPerGroup, GroupsPerConnection int
	// RequestsPerAddress bounds the requests of one address in a second, RequestsPerUser those of one user who has signed them, or signed in.
	RequestsPerAddress, RequestsPerUser int
}

func defaultLimits() Limits {
	return Limits{HeaderSize: 2 << 20, Topics: 200_000, Groups: 100_000, LongPolls: 100_000, SubscriptionsPerGroup: 10_000, GroupsPerConnection: 10_000}
}

func limitKeys() []Key {
	count := func(at func(*Limits) *int, min int64) field {
		return number(func(c *Config) *int { return at(&c.Limits) }, min, math.MaxInt32)
	}
	return []Key{
		own("maxConnectionsPerAddress", "most open connections of one address, or of one IPv6 network of 64 bits; 0 for three quarters of maxConnections",
			count(func(l *Limits) *int { return &l.ConnectionsPerAddress }, 0)),
		own("maxHeaderSize", "largest header of a remoting frame", size(func(c *Config) *int { return &c.Limits.HeaderSize }, 64<<10)),
		own("maxTopics", "most topics, retry topics and dead letters among them; 0 for no bound", count(func(l *Limits) *int { return &l.Topics }, 0)),
		own("maxGroups", "most consumer groups; 0 for no bound", count(func(l *Limits) *int { return &l.Groups }, 0)),
		own("maxLongPolls", "most pulls that wait for messages", count(func(l *Limits) *int { return &l.LongPolls }, 1)),
		own("maxSubscriptionsPerGroup", "most topics that a group subscribes to; 0 for no bound", count(func(l *Limits) *int { return &l.SubscriptionsPerGroup }, 0)),
		own("maxGroupsPerConnection", "most groups that one connection is in, of consumers and producers together; 0 for no bound",
			count(func(l *Limits) *int { return &l.GroupsPerConnection }, 0)),
		own("maxRequestsPerAddress", "most requests a second of one address, or of one IPv6 network of 64 bits, over all protocols; 0 for no bound",
			count(func(l *Limits) *int { return &l.RequestsPerAddress }, 0)),
		own("maxRequestsPerUser", "most requests a second of one user, over all protocols, of those that the user has signed or signed in for; 0 for no bound",
			count(func(l *Limits) *int { return &l.RequestsPerUser }, 0)),
	}
}

// PerAddress is how many connections one address may have.
func (c *Config) PerAddress() int {
	if n := c.Limits.ConnectionsPerAddress; n > 0 {
		return n
	}
	return c.MaxConnections - c.MaxConnections/4
}
