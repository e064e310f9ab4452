// Package access is the one table of who may ask a server for what: every request code of remoting and every call of /api/v1 stands in it with
// its [Class]. It is pure; everything in it is safe to call at once.
//
// Package auth/admission holds remoting requests against it, package api those over HTTP, and package api/v1 tells of it in its document. Tests
// go over all that is served and want it in the table. What does not stand there is closed.
//
// How it was decided. Open is what an application does, since RocketMQ asks nobody for it either: producing, consuming, making topics and groups, moving
// its own offsets, and what brokers and proxies tell a NameServer. Open is also what a dashboard shows of topics, groups, clients and
// brokers. Closed is what no application needs and what reaches further than one topic or group: deleting them, settings, users and access control lists,
// upkeep of the store, permissions of whole brokers, key-value configuration, and what gives everything away.
package access

// Class says who may ask for something, and whether it is an administrative act, which stands in the audit log.
type Class int

// The classes. The zero Class is that of what stands in no table.
const (
	_       Class = iota
	Open          // whoever reaches a port; over HTTP, where there are users, each of them
	OpenAct       // the same, and it is an act
	Reveals       // administrators alone: it shows the server's own state
	Secrets       // the same, and it is an act: it shows passwords, or everything
	Changes       // administrators alone, and it is an act: it changes the server's own state
	Public        // whoever reaches a port, also where there are users
	Entry         // the same, and it is an act: signing in and out
)

// Closed tells whether it is for administrators alone.
func (c Class) Closed() bool { return c != Open && c != OpenAct && !c.Public() }

// Public tells whether nobody has to sign in for it.
func (c Class) Public() bool { return c == Public || c == Entry }

// Act tells whether it stands in the audit log.
func (c Class) Act() bool { return c != Open && c != Reveals && c != Public }

// Anybody tells whether it is an act that whoever reaches a port may ask for.
func (c Class) Anybody() bool { return c == OpenAct || c == Entry }

// Does says in words what a closed class does.
func (c Class) Does() string {
	if c == Reveals || c == Secrets {
		return "reveals the server's own state"
	}
	return "changes the server's own state"
}

// Request is a request code of remoting, with RocketMQ's name for it.
type Request struct {
	Code  int32
	Name  string
	Class Class
}

// Call is an operation of /api/v1 by its id.
type Call struct {
	ID    string
	Class Class
}

// Profile is the id that stands for /debug/pprof among [Calls].
const Profile = "profile"

// Requests is the table of request codes: those of applications, of topics and groups, of brokers, of users, and of NameServers.
func Requests() []Request {
	var all []Request
	for _, part := range [][]Request{messages(), clients(), topics(), brokers(), users(), lites(), nameServers()} {
		all = append(all, part...)
	}
	return all
}

// Codes are the rows of [Requests] by the codes that requests have: those above 65535 also by what the binary header's 16 bits leave of them.
func Codes() map[int32]Request {
	out := map[int32]Request{}
	for _, r := range Requests() {
		out[r.Code] = r
		if short := r.Code & 0xFFFF; short != r.Code {
			out[short] = r
		}
	}
	return out
}

// OfCall is the class of an operation; the zero Class if it stands in no table.
func OfCall(id string) Class {
	for _, c := range Calls() {
		if c.ID == id {
			return c.Class
		}
	}
	return 0
}

func messages() []Request {
	return []Request{
		{10, "SEND_MESSAGE", Open},
		{11, "PULL_MESSAGE", Open},
		{12, "QUERY_MESSAGE", Open},
		{33, "VIEW_MESSAGE_BY_ID", Open},
		{36, "CONSUMER_SEND_MSG_BACK", Open},
		{37, "END_TRANSACTION", Open},
		{310, "SEND_MESSAGE_V2", Open},
		{320, "SEND_BATCH_MESSAGE", Open},
		{324, "SEND_REPLY_MESSAGE", Open},
		{325, "SEND_REPLY_MESSAGE_V2", Open},
		{361, "LITE_PULL_MESSAGE", Open},
		{370, "RECALL_MESSAGE", Open},
		{200050, "POP_MESSAGE", Open},
		{200051, "ACK_MESSAGE", Open},
		{200151, "BATCH_ACK_MESSAGE", Open},
		{200052, "PEEK_MESSAGE", Open},
		{200053, "CHANGE_MESSAGE_INVISIBLETIME", Open},
		{200054, "NOTIFICATION", Open},
		{200055, "POLLING_INFO", Open},
		{200070, "POP_LITE_MESSAGE", Open},
		{200071, "LITE_SUBSCRIPTION_CTL", Open},
		{323, "RESUME_CHECK_HALF_MESSAGE", Changes}, // an administrator's: it brings a given-up transaction back
		{200056, "POP_ROLLBACK", Changes},
	}
}

func clients() []Request {
	return []Request{
		{14, "QUERY_CONSUMER_OFFSET", Open},
		{15, "UPDATE_CONSUMER_OFFSET", Open},
		{29, "SEARCH_OFFSET_BY_TIMESTAMP", Open},
		{30, "GET_MAX_OFFSET", Open},
		{31, "GET_MIN_OFFSET", Open},
		{32, "GET_EARLIEST_MSG_STORETIME", Open},
		{34, "HEART_BEAT", Open},
		{35, "UNREGISTER_CLIENT", Open},
		{38, "GET_CONSUMER_LIST_BY_GROUP", Open},
		{41, "LOCK_BATCH_MQ", Open},
		{42, "UNLOCK_BATCH_MQ", Open},
		{46, "CHECK_CLIENT_CONFIG", Open},
		{203, "GET_CONSUMER_CONNECTION_LIST", Open},
		{204, "GET_PRODUCER_CONNECTION_LIST", Open},
		{222, "INVOKE_BROKER_TO_RESET_OFFSET", OpenAct}, // whoever may write offsets (15) may do as much
		{223, "INVOKE_BROKER_TO_GET_CONSUMER_STATUS", Open},
		{300, "QUERY_TOPIC_CONSUME_BY_WHO", Open},
		{303, "QUERY_CONSUME_TIME_SPAN", Open},
		{307, "GET_CONSUMER_RUNNING_INFO", Open},
		{308, "QUERY_CORRECTION_OFFSET", Open},
		{309, "CONSUME_MESSAGE_DIRECTLY", OpenAct},
		{314, "CLONE_GROUP_OFFSET", OpenAct}, // as 222
		{328, "GET_ALL_PRODUCER_INFO", Open},
		{343, "QUERY_TOPICS_BY_CONSUMER", Open},
		{345, "QUERY_SUBSCRIPTION_BY_CONSUMER", Open},
		{400, "QUERY_ASSIGNMENT", Open},
		{401, "SET_MESSAGE_REQUEST_MODE", OpenAct}, // applications that pop say so themselves
	}
}

func topics() []Request {
	return []Request{
		{17, "UPDATE_AND_CREATE_TOPIC", OpenAct},
		{18, "UPDATE_AND_CREATE_TOPIC_LIST", OpenAct},
		{513, "UPDATE_AND_CREATE_STATIC_TOPIC", OpenAct},
		{21, "GET_ALL_TOPIC_CONFIG", Open},
		{351, "GET_TOPIC_CONFIG", Open},
		{305, "GET_SYSTEM_TOPIC_LIST_FROM_BROKER", Open},
		{202, "GET_TOPIC_STATS_INFO", Open},
		{321, "QUERY_CONSUME_QUEUE", Open},
		{200, "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", OpenAct},
		{225, "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST", OpenAct},
		{201, "GET_ALL_SUBSCRIPTIONGROUP_CONFIG", Open},
		{352, "GET_SUBSCRIPTIONGROUP_CONFIG", Open},
		{208, "GET_CONSUME_STATS", Open},
		{215, "DELETE_TOPIC_IN_BROKER", Changes},
		{5002, "DELETE_TOPIC_IN_BROKER_LIST", Changes},
		{207, "DELETE_SUBSCRIPTIONGROUP", Changes},
		{5003, "DELETE_SUBSCRIPTION_GROUP_LIST", Changes},
		{353, "UPDATE_AND_GET_GROUP_FORBIDDEN", Changes},
	}
}

func brokers() []Request {
	return []Request{
		{28, "GET_BROKER_RUNTIME_INFO", Open},
		{43, "GET_ALL_CONSUMER_OFFSET", Open},
		{45, "GET_ALL_DELAY_OFFSET", Open},
		{60, "GET_TIMER_CHECK_POINT", Open},
		{61, "GET_TIMER_METRICS", Open},
		{315, "VIEW_BROKER_STATS_DATA", Open},
		{317, "GET_BROKER_CONSUME_STATS", Open},
		{402, "GET_ALL_MESSAGE_REQUEST_MODE", Open},
		{907, "GET_BROKER_HA_STATUS", Open},
		{1007, "GET_BROKER_EPOCH_CACHE", Open},
		{2003, "GET_COLD_DATA_FLOW_CTR_INFO", Open},
		{26, "GET_BROKER_CONFIG", Reveals},
		{354, "CHECK_ROCKSDB_CQ_WRITE_PROGRESS", Reveals},
		{355, "EXPORT_ROCKSDB_CONFIG_TO_JSON", Changes}, // it writes files where RocketMQ has them
		{25, "UPDATE_BROKER_CONFIG", Changes},
		{306, "CLEAN_EXPIRED_CONSUMEQUEUE", Changes},
		{316, "CLEAN_UNUSED_TOPIC", Changes},
		{329, "DELETE_EXPIRED_COMMITLOG", Changes},
		{908, "RESET_MASTER_FLUSH_OFFSET", Changes},
		{2001, "UPDATE_COLD_DATA_FLOW_CTR_CONFIG", Changes},
		{2002, "REMOVE_COLD_DATA_FLOW_CTR_CONFIG", Changes},
		{2004, "SET_COMMITLOG_READ_MODE", Changes},
		{5001, "SWITCH_TIMER_ENGINE", Changes},
	}
}

func users() []Request {
	return []Request{
		{3001, "AUTH_CREATE_USER", Changes},
		{3002, "AUTH_UPDATE_USER", Changes},
		{3003, "AUTH_DELETE_USER", Changes},
		{3004, "AUTH_GET_USER", Secrets}, // passwords in clear: RocketMQ's proxies ask for them
		{3005, "AUTH_LIST_USER", Secrets},
		{3006, "AUTH_CREATE_ACL", Changes},
		{3007, "AUTH_UPDATE_ACL", Changes},
		{3008, "AUTH_DELETE_ACL", Changes},
		{3009, "AUTH_GET_ACL", Reveals},
		{3010, "AUTH_LIST_ACL", Reveals},
	}
}

func lites() []Request {
	return []Request{
		{200074, "GET_BROKER_LITE_INFO", Open},
		{200075, "GET_PARENT_TOPIC_INFO", Open},
		{200076, "GET_LITE_TOPIC_INFO", Open},
		{200077, "GET_LITE_CLIENT_INFO", Open},
		{200078, "GET_LITE_GROUP_INFO", Open},
		{200079, "TRIGGER_LITE_DISPATCH", Changes},
	}
}

func nameServers() []Request {
	return []Request{
		{103, "REGISTER_BROKER", Open},
		{104, "UNREGISTER_BROKER", Open},
		{105, "GET_ROUTEINFO_BY_TOPIC", Open},
		{106, "GET_BROKER_CLUSTER_INFO", Open},
		{206, "GET_ALL_TOPIC_LIST_FROM_NAMESERVER", Open},
		{217, "REGISTER_TOPIC_IN_NAMESRV", OpenAct}, // whoever may register a broker (103) may do as much
		{224, "GET_TOPICS_BY_CLUSTER", Open},
		{304, "GET_SYSTEM_TOPIC_LIST_FROM_NS", Open},
		{311, "GET_UNIT_TOPIC_LIST", Open},
		{312, "GET_HAS_UNIT_SUB_TOPIC_LIST", Open},
		{313, "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST", Open},
		{322, "QUERY_DATA_VERSION", Open},
		{901, "GET_BROKER_MEMBER_GROUP", Open},
		{904, "BROKER_HEARTBEAT", Open},
		{101, "GET_KV_CONFIG", Open},
		{219, "GET_KVLIST_BY_NAMESPACE", Open},
		{319, "GET_NAMESRV_CONFIG", Reveals},
		{100, "PUT_KV_CONFIG", Changes},
		{102, "DELETE_KV_CONFIG", Changes},
		{205, "WIPE_WRITE_PERM_OF_BROKER", Changes},
		{327, "ADD_WRITE_PERM_OF_BROKER", Changes},
		{216, "DELETE_TOPIC_IN_NAMESRV", Changes},
		{318, "UPDATE_NAMESRV_CONFIG", Changes},
	}
}

// Calls is the table of the operations of /api/v1. More is closed than of the codes: no application asks HTTP for anything, so all that changes
// something, and all that shows what messages say.
func Calls() []Call {
	return []Call{
		{"index", Public}, {"document", Public}, {"login", Entry}, {"logout", Entry}, {"whoAmI", Open},
		{"node", Open}, {"connections", Open}, {"clients", Open}, {"live", Open}, {"doctor", Open}, {"store", Open},
		{"settings", Reveals}, {"audit", Reveals}, {"refusals", Reveals}, {"backup", Secrets}, {Profile, Reveals},
		{"users", Reveals}, {"user", Reveals}, {"putUser", Changes}, {"deleteUser", Changes},
		{"acls", Reveals}, {"acl", Reveals}, {"putACL", Changes}, {"deleteACL", Changes}, {"explain", Reveals},
		{"brokers", Open}, {"broker", Open}, {"brokerSettings", Reveals}, {"putBrokerSettings", Changes}, {"putWrites", Changes}, {"clean", Changes},
		{"kvs", Open}, {"kv", Open}, {"putKV", Changes}, {"deleteKV", Changes},
		{"topics", Open}, {"topic", Open}, {"topicDoctor", Open}, {"putTopic", Changes}, {"deleteTopic", Changes},
		{"topicRoute", Open}, {"order", Open}, {"putOrder", Changes}, {"deleteOrder", Changes}, {"send", Changes},
		{"statistics", Open}, {"producers", Open}, {"member", Reveals}, {"try", Changes},
		{"groups", Open}, {"group", Open}, {"groupQueues", Open}, {"disagreements", Open}, {"groupDoctor", Open},
		{"putGroup", Changes}, {"deleteGroup", Changes}, {"reset", Changes},
		{"messages", Reveals}, {"message", Reveals}, {"trace", Open},
		{"timers", Open}, {"timerCounts", Open}, {"cancelTimer", Changes},
		{"dlq", Open}, {"deadLetters", Open}, {"deadLetter", Reveals}, {"resend", Changes},
		{"transactions", Open}, {"settle", Changes},
	}
}
