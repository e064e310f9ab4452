package v1

import (
	"regexp"

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
	namePattern  = `^[%|a-zA-Z0-9_-]+$`
	idPattern    = `^[0-9A-Za-z_:@-]+$`
	placePattern = `^([0-9]{1,18}-[0-9]{1,18})?$`
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
	user := pathText("user", "its name", namePattern)
	return []Operation{
		{ID: "index", Method: "GET", Path: "/api/v1", Tag: "node", About: "this list", Answer: Index{}},
		{ID: "document", Method: "GET", Path: "/api/v1/openapi.json", Tag: "node", About: "this document: OpenAPI 3.1", Media: "application/json"},
		{ID: "login", Method: "POST", Path: "/api/v1/session", Tag: "session", About: "sign in: with a cookie, or with a token for scripts. Scripts may also send name and password with each request (Basic)",
			Body: session.Login{}, Answer: session.Session{}},
		{ID: "whoAmI", Method: "GET", Path: "/api/v1/session", Tag: "session", About: "who is signed in", Answer: session.Session{}},
		{ID: "logout", Method: "DELETE", Path: "/api/v1/session", Tag: "session", About: "sign out", Answer: struct{}{}},
		{ID: "audit", Method: "GET", Path: "/api/v1/audit", Tag: "node", About: "the newest administrative acts: who, from where, what, with which outcome; the oldest of them first",
			Params: []Param{queryInt("limit", "at most so many", "50", 1, mostPage)}, Answer: audit.Page{}},
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
		{ID: "users", Method: "GET", Path: "/api/v1/users", Tag: "users", About: "who may sign in to this interface, once one of them is a super user", Answer: Users{}},
		{ID: "putUser", Method: "PUT", Path: "/api/v1/users/{user}", Tag: "users", About: "make a user, or change one", Params: []Param{user}, Body: UserChange{}, Answer: User{}},
		{ID: "deleteUser", Method: "DELETE", Path: "/api/v1/users/{user}", Tag: "users", About: "delete a user", Params: []Param{user}, Answer: Changed{}},
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
		{ID: "putTopic", Method: "PUT", Path: "/api/v1/topics/{topic}", Tag: "topics", About: "make a topic, or change one", Params: []Param{topic}, Body: TopicChange{}, Answer: Changed{}},
		{ID: "deleteTopic", Method: "DELETE", Path: "/api/v1/topics/{topic}", Tag: "topics", About: "delete a topic with its messages", Params: []Param{topic, cluster, broker}, Answer: Changed{}},
		{ID: "topicDoctor", Method: "GET", Path: "/api/v1/topics/{topic}/doctor", Tag: "topics", About: "why a topic has no route, or takes or gives no messages", Params: []Param{topic}, Answer: Diagnosis{}},
		{ID: "groups", Method: "GET", Path: "/api/v1/groups", Tag: "groups", About: "consumer groups with members and lag, by name", Params: paged(match, groupKind), Answer: Groups{}},
		{ID: "group", Method: "GET", Path: "/api/v1/groups/{group}", Tag: "groups", About: "a group's members, subscriptions, and its place in each queue", Params: []Param{group}, Answer: Group{}},
		{ID: "putGroup", Method: "PUT", Path: "/api/v1/groups/{group}", Tag: "groups", About: "make a group, or change one", Params: []Param{group}, Body: GroupChange{}, Answer: Changed{}},
		{ID: "deleteGroup", Method: "DELETE", Path: "/api/v1/groups/{group}", Tag: "groups", About: "delete a group with its offsets and its retry topic", Params: []Param{group, cluster, broker}, Answer: Changed{}},
		{ID: "reset", Method: "POST", Path: "/api/v1/groups/{group}/reset", Tag: "groups", About: "move a group's offsets in a topic", Params: []Param{group}, Body: Reset{}, Answer: Moves{}},
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
		{ID: "resend", Method: "POST", Path: "/api/v1/dlq/{group}/resend", Tag: "dlq", About: "send dead letters to their group again", Params: []Param{group}, Body: Resend{}, Answer: Resent{}},
		{ID: "transactions", Method: "GET", Path: "/api/v1/transactions", Tag: "transactions", About: "half messages that wait for their end",
			Params: []Param{queryInt("from", "from this handle on", "0", 0, maxOffset), queryInt("limit", "at most so many", "100", 1, MostTransactions)}, Answer: Transactions{}},
		{ID: "settle", Method: "POST", Path: "/api/v1/transactions/{handle}/{end}", Tag: "transactions", About: "end a transaction in its producer's place; who and reason go into the audit record",
			Params: []Param{pathHandle(0), end}, Body: Settlement{}, Answer: struct{}{}},
	}
}
