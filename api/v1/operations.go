package v1

import (
	"regexp"

	"github.com/aerobee-mq/aerobee/api/v1/operate"
	"github.com/aerobee-mq/aerobee/api/v1/rights"
	"github.com/aerobee-mq/aerobee/auth/access"
	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/auth/session"
)

// Bounds of parameters.
const (
	mostPage = 1000
	// MostLetters bounds how many dead letters one request lists.
	MostLetters = 10_000
	// MostTransactions bounds how many half messages one request lists.
	MostTransactions = 10_000
	// MostMessages bounds how many messages one search gives.
	MostMessages = 1000
	maxName      = 255
	maxOffset    = 1<<63 - 1
)

// Patterns of what names things.
const (
	namePattern   = `^[%|a-zA-Z0-9_-]+$`
	idPattern     = `^[0-9A-Za-z_:@-]+$`
	placePattern  = `^([0-9]{1,18}-[0-9]{1,18})?$`
	userPattern   = `^[%|a-zA-Z0-9_@:+=-][%|a-zA-Z0-9_@:+=.-]*$` // names of certificates have points, but . and .. are no part of a path
	keyPattern    = userPattern
	clientPattern = `^[!"$-.0-~][!-.0-~]*$` // visible letters without /
	onePattern    = `^(Topic|Group|Cluster):[^*]+$`
	ruledPattern  = `^([*]|(Topic|Group|Cluster|Namespace):[!-~]+)$`
)

func pathText(name, about, pattern string) Param {
	return Param{Name: name, About: about, InPath: true, Required: true, Kind: text, MaxLen: maxName, Pattern: pattern}
}

func pathHandle(least int64) Param {
	return Param{Name: "handle", About: "as the list shows it", InPath: true, Required: true, Kind: integer, Min: least, Max: maxOffset}
}

func queryText(name, about string) Param {
	return Param{Name: name, About: about, Kind: text, MaxLen: maxName}
}

func queryTime(name, about string) Param { return Param{Name: name, About: about, Kind: moment} }

func queryInt(name, about, usual string, least, most int64) Param {
	return Param{Name: name, About: about, Kind: integer, Default: usual, Min: least, Max: most}
}

func paged(more ...Param) []Param {
	return append(more, queryInt("limit", "at most so many", "50", 1, mostPage), queryText("after", "next of the page before"))
}

// place has pages begin behind a due time and a handle.
func place(params []Param) []Param {
	params[len(params)-1].Pattern = placePattern
	return params
}

// Operations is the table of everything that /api/v1 serves, in the order in which it is listed.
func Operations() []Operation {
	all := append(nodeOperations(), clusterOperations()...)
	all = append(all, messageOperations()...)
	all = append(all, rightOperations()...)
	all = append(all, operateOperations()...)
	for i := range all {
		all[i].Here = access.OfCall(all[i].ID).Closed()
		for k := range all[i].Params {
			if p := &all[i].Params[k]; p.Pattern != "" {
				p.legal = regexp.MustCompile(p.Pattern)
			}
		}
	}
	return all
}

// nodeOperations are about the one node that is asked.
func nodeOperations() []Operation {
	about, outcome := queryText("match", "only what holds this text somewhere, whatever the case"), queryText("outcome", "only acts that ended so")
	outcome.Choices = []string{audit.Done, audit.Refused, audit.Failed, audit.Unknown}
	return []Operation{
		{ID: "index", Method: "GET", Path: "/api/v1", Tag: "node", About: "this list", Answer: Index{}},
		{ID: "document", Method: "GET", Path: "/api/v1/openapi.json", Tag: "node", About: "this document: OpenAPI 3.1", Media: "application/json"},
		{ID: "login", Method: "POST", Path: "/api/v1/session", Tag: "session", About: "sign in: with a cookie, or with a token for scripts. Scripts may also send name and password with each request (Basic)",
			Body: session.Login{}, Answer: session.Session{}},
		{ID: "whoAmI", Method: "GET", Path: "/api/v1/session", Tag: "session", About: "who is signed in", Answer: session.Session{}},
		{ID: "logout", Method: "DELETE", Path: "/api/v1/session", Tag: "session", About: "sign out", Answer: struct{}{}},
		{ID: "audit", Method: "GET", Path: "/api/v1/audit", Tag: "node", About: "the newest administrative acts: who, from where, what, with which outcome; the oldest of them first",
			Params: []Param{queryInt("limit", "at most so many", "50", 1, mostPage), about, outcome}, Answer: audit.Page{}},
		{ID: "refusals", Method: "GET", Path: "/api/v1/refusals", Tag: "node", About: "what this node told clients whom it refused something, each text once; those that were said last come last",
			Params: []Param{queryInt("limit", "at most so many", "50", 1, mostPage), about}, Answer: rights.Refusals{}},
		{ID: "node", Method: "GET", Path: "/api/v1/node", Tag: "node", About: "version, start, roles, listeners, advertised address, limits", Answer: Node{}},
		{ID: "settings", Method: "GET", Path: "/api/v1/settings", Tag: "node", About: "every setting with its value, default and origin, secrets masked", Answer: Settings{}},
		{ID: "connections", Method: "GET", Path: "/api/v1/connections", Tag: "node", About: "who is connected", Answer: Connections{}},
		{ID: "clients", Method: "GET", Path: "/api/v1/connections/clients", Tag: "node", About: "the members of groups that are connected to this node",
			Params: paged(queryText("match", "only where client id, role, group or address hold this text, whatever the case"), queryText("group", "of this group alone")), Answer: Clients{}},
		{ID: "live", Method: "GET", Path: "/api/v1/live", Tag: "node", Media: "text/event-stream",
			About: "server-sent events without an end: rates of this node (events rates, bodies Rates), and how far a group is behind (events lag, bodies Lag)",
			Params: []Param{queryInt("interval", "seconds between two events", "1", 1, 60), queryText("group", "tell the lag of this group too"),
				queryInt("count", "end after so many events of each kind; 0 for never", "0", 0, 100_000)}},
		{ID: "doctor", Method: "GET", Path: "/api/v1/doctor", Tag: "node", About: "what is wrong with the cluster and this node", Answer: Diagnosis{}},
		{ID: "store", Method: "GET", Path: "/api/v1/store", Tag: "store", About: "bounds and size of the log, what waits in it, disk, retention", Answer: Store{}},
		{ID: "backup", Method: "GET", Path: "/api/v1/backup", Tag: "store", About: "a consistent copy of the running store as a tar stream", Media: "application/x-tar"},
	}
}

// clusterOperations are about brokers, topics and groups of the cluster that the node belongs to.
func clusterOperations() []Operation {
	topic, group := pathText("topic", "its name", namePattern), pathText("group", "its name", namePattern)
	match := queryText("match", "only names that hold this text, whatever the case")
	topicKind, groupKind := queryText("kind", "only of this kind"), queryText("kind", "only of this kind")
	topicKind.Choices, groupKind.Choices = []string{"normal", "retry", "dead-letter", "system"}, []string{"normal", "system"}
	cluster, broker := queryText("cluster", "in this cluster alone"), queryText("broker", "on this broker alone")
	return []Operation{
		{ID: "brokers", Method: "GET", Path: "/api/v1/brokers", Tag: "brokers", About: "the brokers of the cluster", Answer: Brokers{}},
		{ID: "broker", Method: "GET", Path: "/api/v1/brokers/{broker}", Tag: "brokers", About: "one broker, and what it tells of itself", Params: []Param{pathText("broker", "its name", idPattern)}, Answer: Broker{}},
		{ID: "topics", Method: "GET", Path: "/api/v1/topics", Tag: "topics", About: "topics, by name", Params: paged(match, topicKind), Answer: Topics{}},
		{ID: "topic", Method: "GET", Path: "/api/v1/topics/{topic}", Tag: "topics", About: "a topic's configurations, queues and groups", Params: []Param{topic}, Answer: Topic{}},
		{ID: "putTopic", Method: "PUT", Path: "/api/v1/topics/{topic}", Tag: "topics", About: "make a topic, or change one", Params: []Param{topic}, Body: TopicChange{Permission: "rw", Type: "NORMAL"}, Answer: Changed{}},
		{ID: "deleteTopic", Method: "DELETE", Path: "/api/v1/topics/{topic}", Tag: "topics", About: "delete a topic with its messages", Params: []Param{topic, cluster, broker}, Answer: Changed{}},
		{ID: "topicDoctor", Method: "GET", Path: "/api/v1/topics/{topic}/doctor", Tag: "topics", About: "why a topic has no route, or takes or gives no messages", Params: []Param{topic}, Answer: Diagnosis{}},
		{ID: "groups", Method: "GET", Path: "/api/v1/groups", Tag: "groups", About: "consumer groups with members and lag, by name", Params: paged(match, groupKind), Answer: Groups{}},
		{ID: "group", Method: "GET", Path: "/api/v1/groups/{group}", Tag: "groups", About: "a group's members, subscriptions, and its place in each queue", Params: []Param{group}, Answer: Group{}},
		{ID: "putGroup", Method: "PUT", Path: "/api/v1/groups/{group}", Tag: "groups", About: "make a group, or change one", Params: []Param{group}, Body: GroupChange{}, Answer: Changed{}},
		{ID: "deleteGroup", Method: "DELETE", Path: "/api/v1/groups/{group}", Tag: "groups", About: "delete a group with its offsets and its retry topic", Params: []Param{group, cluster, broker}, Answer: Changed{}},
		{ID: "reset", Method: "POST", Path: "/api/v1/groups/{group}/reset", Tag: "groups", About: "move a group's offsets in a topic", Params: []Param{group}, Body: Reset{Topic: "Orders", To: "earliest", DryRun: true}, Answer: Moves{}},
		{ID: "groupQueues", Method: "GET", Path: "/api/v1/groups/{group}/queues", Tag: "groups", About: "what this node's broker knows of a group's queues: last pulls, locks, what is in flight",
			Params: []Param{group, queryText("topic", "of this topic alone"), queryInt("queue", "this queue alone, of the topic", "", 0, 65535), queryInt("offset", "say what became of the message there, where the group pops", "", 0, maxOffset)}, Answer: GroupQueues{}},
		{ID: "disagreements", Method: "GET", Path: "/api/v1/groups/{group}/disagreements", Tag: "groups", About: "of what the members of a group do not say the same", Params: []Param{group}, Answer: Disagreements{}},
		{ID: "groupDoctor", Method: "GET", Path: "/api/v1/groups/{group}/doctor", Tag: "groups", About: "why a group's queues do not move", Params: []Param{group}, Answer: Diagnosis{}},
	}
}

// messageOperations are about messages.
func messageOperations() []Operation {
	group, letter := pathText("group", "its name", namePattern), pathText("id", "offset message id, as the list shows it", idPattern)
	topic, id := queryText("topic", "of this topic"), pathText("id", "unique id, or offset message id", idPattern)
	needed := topic
	needed.Required, needed.Pattern = true, namePattern
	end := pathText("end", "how it ends", "")
	end.Choices = []string{"commit", "rollback"}
	return []Operation{
		{ID: "messages", Method: "GET", Path: "/api/v1/messages", Tag: "messages",
			About: "messages of a topic with a key or unique id; without one, those stored from a time on, with 32 MiB of bodies at most, of which each queue has its share",
			Params: []Param{needed, queryText("key", "one of their keys"), queryText("id", "their unique id"), queryTime("from", "stored at this time or later"),
				queryTime("to", "stored at this time or before"), queryInt("limit", "at most so many", "32", 1, MostMessages)}, Answer: Messages{}},
		{ID: "message", Method: "GET", Path: "/api/v1/messages/{id}", Tag: "messages", About: "one message with its properties and body",
			Params: []Param{id, queryText("topic", "its topic, needed for unique ids")}, Answer: Message{}},
		{ID: "trace", Method: "GET", Path: "/api/v1/messages/{id}/trace", Tag: "messages", About: "what became of a message: stored, found by the index, pulled, acknowledged, retried, dead",
			Params: []Param{id, queryText("topic", "its topic, needed for unique ids")}, Answer: Trace{}},
		{ID: "timers", Method: "GET", Path: "/api/v1/timers", Tag: "timers", About: "messages that wait for their time, those due first", Params: place(paged(topic)), Answer: Timers{}},
		{ID: "timerCounts", Method: "GET", Path: "/api/v1/timers/count", Tag: "timers", About: "how many wait, by topic", Answer: TimerCounts{}},
		{ID: "cancelTimer", Method: "DELETE", Path: "/api/v1/timers/{handle}", Tag: "timers", About: "cancel a message that waits", Params: []Param{pathHandle(1)}, Answer: Timer{}},
		{ID: "dlq", Method: "GET", Path: "/api/v1/dlq", Tag: "dlq", About: "the groups that have dead letters", Answer: DeadGroups{}},
		{ID: "deadLetters", Method: "GET", Path: "/api/v1/dlq/{group}", Tag: "dlq", About: "a group's newest dead letters",
			Params: []Param{group, queryInt("count", "at most so many", "100", 1, MostLetters)}, Answer: DeadLetters{}},
		{ID: "deadLetter", Method: "GET", Path: "/api/v1/dlq/{group}/{id}", Tag: "dlq", About: "one dead letter with its properties and body", Params: []Param{group, letter}, Answer: DeadLetter{}},
		{ID: "resend", Method: "POST", Path: "/api/v1/dlq/{group}/resend", Tag: "dlq", About: "send dead letters to their group again", Params: []Param{group}, Body: Resend{All: true}, Answer: Resent{}},
		{ID: "transactions", Method: "GET", Path: "/api/v1/transactions", Tag: "transactions", About: "half messages that wait for their end",
			Params: []Param{queryInt("from", "from this handle on", "0", 0, maxOffset), queryInt("limit", "at most so many", "100", 1, MostTransactions)}, Answer: Transactions{}},
		{ID: "settle", Method: "POST", Path: "/api/v1/transactions/{handle}/{end}", Tag: "transactions", About: "end a transaction in its producer's place; who and reason go into the audit record",
			Params: []Param{pathHandle(0), end}, Body: Settlement{Who: "alice", Reason: "the producer is gone for good"}, Answer: struct{}{}},
	}
}

// rightOperations are about users and what they may do. Each broker keeps its own: they are asked, and changed, at all of the node's cluster.
func rightOperations() []Operation {
	user, match := pathText("user", "its name", userPattern), queryText("match", "only names that hold this text, whatever the case")
	resource := queryText("resource", "what it says of this alone: Topic:Orders, Group:billing*, *")
	resource.Pattern, resource.MaxLen = ruledPattern, 512
	policy := queryText("policy", "which of its policies, of the one resource: Custom if it is left out; without a resource it may not be given")
	policy.Choices = []string{"Custom", "Default"}
	action, one, from := queryText("action", "what the user wants to do"), queryText("resource", "with what: Topic:Orders, Group:billing, Cluster:DefaultCluster"), queryText("from", "from this address")
	action.Required, action.Choices = true, []string{"Pub", "Sub", "Create", "Update", "Delete", "Get", "List"}
	one.Required, one.Pattern, one.MaxLen = true, onePattern, 512
	return []Operation{
		{ID: "users", Method: "GET", Path: "/api/v1/users", Tag: "users", About: "who may sign in to this interface, once one of them is a super user; by name",
			Params: []Param{match, queryInt("limit", "at most so many", "1000", 1, mostPage), queryText("after", "next of the page before")}, Answer: Users{}},
		{ID: "user", Method: "GET", Path: "/api/v1/users/{user}", Tag: "users", About: "one user", Params: []Param{user}, Answer: User{}},
		{ID: "putUser", Method: "PUT", Path: "/api/v1/users/{user}", Tag: "users", About: "make a user, or change one", Params: []Param{user}, Body: UserChange{}, Answer: User{}},
		{ID: "deleteUser", Method: "DELETE", Path: "/api/v1/users/{user}", Tag: "users", About: "delete a user", Params: []Param{user}, Answer: Changed{}},
		{ID: "acls", Method: "GET", Path: "/api/v1/acls", Tag: "acls", About: "access control lists, by user: what who is no super user may do, where authorizationEnabled is set",
			Params: paged(match, queryText("resource", "only entries whose resources hold this text")), Answer: rights.ACLs{}},
		{ID: "acl", Method: "GET", Path: "/api/v1/acls/{user}", Tag: "acls", About: "one user's access control list", Params: []Param{user}, Answer: rights.ACL{}},
		{ID: "putACL", Method: "PUT", Path: "/api/v1/acls/{user}", Tag: "acls", About: "add entries to a user's access control list, or change them", Params: []Param{user},
			Body:   rights.ACLChange{Entries: []rights.ACLGrant{{Actions: []string{"Pub", "Sub"}, Resource: "Topic:Orders*", From: []string{"10.0.0.0/8"}}}},
			Answer: rights.ACL{}},
		{ID: "deleteACL", Method: "DELETE", Path: "/api/v1/acls/{user}", Tag: "acls", About: "delete a user's access control list, or what it says of one resource",
			Params: []Param{user, resource, policy}, Answer: Changed{}},
		{ID: "explain", Method: "GET", Path: "/api/v1/acls/{user}/explain", Tag: "acls", About: "which rule decides whether a user may do something, at each broker",
			Params: []Param{user, action, one, from}, Answer: rights.Explanation{}},
	}
}

// operateOperations are about running brokers and NameServers, and what is tried out with them.
func operateOperations() []Operation {
	topic, broker := pathText("topic", "its name", namePattern), pathText("broker", "its name", idPattern)
	group, client := pathText("group", "its name", namePattern), pathText("client", "its client id", clientPattern)
	namespace, key := pathText("namespace", "ORDER_TOPIC_CONFIG or another", keyPattern), pathText("key", "its name", keyPattern)
	match := queryText("match", "only names that hold this text, whatever the case")
	return []Operation{
		{ID: "brokerSettings", Method: "GET", Path: "/api/v1/brokers/{broker}/settings", Tag: "brokers", About: "the settings of a running broker, by key, secrets masked",
			Params: append([]Param{broker}, paged(match)...), Answer: operate.BrokerSettings{}},
		{ID: "putBrokerSettings", Method: "PUT", Path: "/api/v1/brokers/{broker}/settings", Tag: "brokers",
			About:  "change settings of a running broker, those alone that change while it runs; an Aerobee broker keeps them over its restart. The answer has those that were named",
			Params: []Param{broker}, Body: operate.SettingsChange{Settings: map[string]string{"fileReservedTime": "48"}}, Answer: operate.BrokerSettings{}},
		{ID: "putWrites", Method: "PUT", Path: "/api/v1/brokers/{broker}/writes", Tag: "brokers", About: "have all NameServers route sends to a broker, or no more, before it is stopped",
			Params: []Param{broker}, Body: operate.WritesChange{}, Answer: operate.Writes{}},
		{ID: "clean", Method: "POST", Path: "/api/v1/brokers/{broker}/clean", Tag: "brokers", About: "have a broker do its upkeep now", Params: []Param{broker},
			Body: operate.Cleaning{What: "unused-topics"}, Answer: Changed{}},
		{ID: "kvs", Method: "GET", Path: "/api/v1/kv/{namespace}", Tag: "kv", About: "the key-value configuration of the NameServers in a namespace, by key",
			Params: append([]Param{namespace}, paged(match)...), Answer: operate.KVs{}},
		{ID: "kv", Method: "GET", Path: "/api/v1/kv/{namespace}/{key}", Tag: "kv", About: "one value of it", Params: []Param{namespace, key}, Answer: operate.KV{}},
		{ID: "putKV", Method: "PUT", Path: "/api/v1/kv/{namespace}/{key}", Tag: "kv", About: "set a value at all NameServers", Params: []Param{namespace, key}, Body: operate.KVChange{Value: "broker-a:8;broker-b:8"}, Answer: operate.KV{}},
		{ID: "deleteKV", Method: "DELETE", Path: "/api/v1/kv/{namespace}/{key}", Tag: "kv", About: "take a value away from all NameServers", Params: []Param{namespace, key}, Answer: operate.KV{}},
		{ID: "topicRoute", Method: "GET", Path: "/api/v1/topics/{topic}/route", Tag: "topics", About: "what the NameServers tell clients of a topic", Params: []Param{topic}, Answer: operate.Route{}},
		{ID: "order", Method: "GET", Path: "/api/v1/topics/{topic}/order", Tag: "topics", About: "a topic's order configuration", Params: []Param{topic}, Answer: operate.Order{}},
		{ID: "putOrder", Method: "PUT", Path: "/api/v1/topics/{topic}/order", Tag: "topics", About: "set a topic's order configuration at all NameServers", Params: []Param{topic},
			Body: operate.OrderChange{Brokers: []operate.OrderQueues{{Broker: "broker-a", Queues: 8}}}, Answer: operate.Order{}},
		{ID: "deleteOrder", Method: "DELETE", Path: "/api/v1/topics/{topic}/order", Tag: "topics", About: "take a topic's order configuration away from all NameServers", Params: []Param{topic}, Answer: operate.Order{}},
		{ID: "statistics", Method: "GET", Path: "/api/v1/topics/{topic}/statistics", Tag: "topics", About: "what passed through a topic's brokers in the last minute, hour and day, and to one of its groups",
			Params: []Param{topic, queryText("group", "what this group got of it too")}, Answer: operate.Statistics{}},
		{ID: "producers", Method: "GET", Path: "/api/v1/producers", Tag: "groups", About: "who produces at the brokers of the cluster",
			Params: paged(queryText("match", "only where group, client id or broker hold this text, whatever the case"), queryText("group", "of this group alone")), Answer: operate.Producers{}},
		{ID: "member", Method: "GET", Path: "/api/v1/groups/{group}/clients/{client}", Tag: "groups", Media: "application/json",
			About:  "what a member of a group says of itself, by the names that RocketMQ's clients give it: settings, subscriptions, queues, rates, and the stacks of its threads if wanted",
			Params: []Param{group, client, {Name: "stack", About: "with the stacks of its threads", Kind: boolean, Default: "false"}}},
		{ID: "try", Method: "POST", Path: "/api/v1/groups/{group}/try", Tag: "groups", About: "have a member of a group handle a message now, and say what came of it", Params: []Param{group},
			Body: operate.Trial{Topic: "Orders", ID: "7F00000100001B6D4E5D1F2C3B4A0000", ClientID: "10.0.0.1@4711#5"}, Answer: operate.Tried{}},
		{ID: "send", Method: "POST", Path: "/api/v1/topics/{topic}/messages", Tag: "topics", About: "send a message to a topic that there is, to try it", Params: []Param{topic},
			Body: operate.TestMessage{Body: "hello", Tag: "created", Keys: []string{"order-17"}, Properties: map[string]string{"region": "eu"}}, Answer: operate.Sent{}},
	}
}
