package command

import "slices"

// commands is the table of everything that mqadmin 5.5.0 has, by group.
func commands() []command {
	return slices.Concat(topicCommands(), groupCommands(), brokerCommands(), clusterCommands(), messageCommands(), offsetCommands(),
		nameServerCommands(), statsCommands(), listCommands(), authCommands(), liteCommands(), exportCommands(), refusedCommands())
}

// need is an option that must be given, may one that need not, and flag one without a value.
func need(short, long, text string) option {
	return option{Short: short, Long: long, Value: "arg", Needed: true, Text: text}
}

func may(short, long, text string) option {
	return option{Short: short, Long: long, Value: "arg", Text: text}
}

func flag(short, long, text string) option { return option{Short: short, Long: long, Text: text} }

// The options that many commands have.
func brokerAddr() option { return may("b", "brokerAddr", "address of one broker") }
func clusterName() option {
	return may("c", "clusterName", "name of a cluster, for all of its masters")
}
func topicNamed() option { return need("t", "topic", "name of the topic") }
func parentTopic() option {
	return may("c", "cluster", "cluster, or parent topic of a light queue, whose route is used")
}

// place is the choice between one broker and all of a cluster.
func place() [][]string { return [][]string{{"brokerAddr", "clusterName"}} }

func topicCommands() []command {
	clusters, brokers := may("c", "clusters", "names of clusters"), may("b", "brokers", "names of brokers")
	file, force := may("mf", "mapFile", "file with the mapping, which is not read"), may("fr", "forceReplace", "means nothing without a file: true or false")
	return []command{
		{name: "topicList", about: "List the topics that the NameServer knows", example: " -n 127.0.0.1:9876 -c",
			options: []option{flag("c", "clusterModel", "with cluster and consumer groups")}},
		{name: "topicRoute", about: "Show the route of a topic", example: " -t Orders -l",
			options: []option{topicNamed(), flag("l", "list", "as a table")}},
		{name: "topicStatus", about: "Show the offsets of a topic's queues", example: " -t Orders",
			options: []option{topicNamed(), parentTopic()}},
		{name: "topicClusterList", about: "Show the clusters that have a topic", example: " -t Orders",
			options: []option{topicNamed()}},
		{name: "updateTopic", about: "Make or change a topic", example: " -c DefaultCluster -t Orders -r 4 -w 4 -a +message.type=FIFO",
			choices: place(), options: []option{brokerAddr(), clusterName(), topicNamed(),
				may("a", "attributes", "change of attributes: +a=b,+c=d,-e"),
				may("r", "readQueueNums", "queues to read, 8 if not given"), may("w", "writeQueueNums", "queues to write, 8 if not given"),
				may("p", "perm", "what is allowed: 2 write, 4 read, 6 both"), may("o", "order", "ordered over all brokers: true or false"),
				may("u", "unit", "a unit's topic: true or false"), may("s", "hasUnitSub", "subscribed to by units: true or false")}},
		{name: "deleteTopic", about: "Delete a topic from brokers and NameServers", example: " -c DefaultCluster -t Orders",
			options: []option{topicNamed(), need("c", "clusterName", "name of the cluster")}},
		{name: "updateTopicPerm", about: "Change what is allowed on a topic", example: " -c DefaultCluster -t Orders -p 4",
			options: []option{brokerAddr(), clusterName(), topicNamed(), need("p", "perm", "what is allowed: 2 write, 4 read, 6 both")}},
		{name: "updateStaticTopic", about: "Make a static topic on one broker, or give it more queues", example: " -b broker-a -t Orders -qn 4",
			choices: [][]string{{"clusters", "brokers"}}, options: []option{clusters, brokers, topicNamed(), need("qn", "totalQueueNum", "queues"), file, force}},
		{name: "remappingStaticTopic", about: "Give a static topic a new epoch on its broker", example: " -b broker-a -t Orders",
			choices: [][]string{{"clusters", "brokers"}}, options: []option{clusters, brokers, topicNamed(), file, force}},
		{name: "updateOrderConf", about: "Set, show or delete a topic's order configuration", example: " -t Orders -m put -v broker-a:4",
			options: []option{topicNamed(), may("v", "orderConf", "brokers and queues: broker-a:4;broker-b:4"), need("m", "method", "put, get or delete")}},
		{name: "allocateMQ", about: "Show how a topic's queues are shared among clients", example: " -t Orders -i 10.0.0.1,10.0.0.2",
			options: []option{topicNamed(), need("i", "ipList", "client ids or addresses with commas between them")}},
	}
}

func groupCommands() []command {
	group := need("g", "groupName", "name of the consumer group")
	return []command{
		{name: "updateSubGroup", about: "Make or change a consumer group", example: " -c DefaultCluster -g billing -r 3",
			options: []option{brokerAddr(), clusterName(), group,
				may("s", "consumeEnable", "it may consume: true or false"), may("m", "consumeFromMinEnable", "it may begin at the oldest message: true or false"),
				may("d", "consumeBroadcastEnable", "its members may broadcast: true or false"), may("o", "consumeMessageOrderly", "it consumes in order: true or false"),
				may("q", "retryQueueNums", "queues of its retry topic"), may("r", "retryMaxTimes", "retries before a message is a dead letter"),
				may("p", "groupRetryPolicy", `when it retries: {"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,5000,10000]}}`),
				may("i", "brokerId", "id of the broker to consume from"), may("w", "whichBrokerWhenConsumeSlowly", "id of the broker to consume from when far behind"),
				may("a", "notifyConsumerIdsChanged", "tell members of members: true or false"), may("", "attributes", "change of attributes: +a=b,+c=d,-e")}},
		{name: "deleteSubGroup", about: "Delete a consumer group", example: " -c DefaultCluster -g billing -r true",
			options: []option{brokerAddr(), clusterName(), group, may("r", "removeOffset", "its offsets too: true or false")}},
		{name: "getConsumerConfig", about: "Show the configuration of a consumer group", example: " -g billing", options: []option{group}},
		{name: "setConsumeMode", about: "Have a group pull or pop a topic", example: " -c DefaultCluster -t Orders -g billing -m POP -q 8",
			options: []option{brokerAddr(), clusterName(), need("t", "topicName", "name of the topic"), group, need("m", "mode", "PULL or POP"),
				may("q", "popShareQueueNum", "with how many others a member shares a queue")}},
		{name: "consumerProgress", about: "Show how far groups are", example: " -g billing",
			options: []option{may("g", "groupName", "name of the consumer group; all if not given"), may("t", "topicName", "only this topic"),
				may("s", "showClientIP", "with the client of each queue: true or false"), parentTopic()}},
		{name: "consumerStatus", about: "Show what the members of a group are doing", example: " -g billing",
			options: []option{need("g", "consumerGroup", "name of the consumer group"), may("i", "clientId", "only this member"), brokerAddr(),
				flag("s", "jstack", "with its threads")}},
		{name: "consumerConnection", about: "Show the members of a group and what they subscribe to", example: " -g billing",
			options: []option{need("g", "consumerGroup", "name of the consumer group"), brokerAddr()}},
		{name: "producerConnection", about: "Show the clients that produce with a group", example: " -g orders-service -t Orders",
			options: []option{need("g", "producerGroup", "name of the producer group"), topicNamed()}},
		{name: "startMonitoring", about: "Report groups that are behind, every minute", endless: true},
	}
}

func brokerCommands() []command {
	clean := []option{brokerAddr(), may("c", "cluster", "name of a cluster; all if not given")}
	return []command{
		{name: "brokerStatus", about: "Show what a broker tells of itself", example: " -b 127.0.0.1:10911", choices: place(),
			options: []option{brokerAddr(), clusterName()}},
		{name: "getBrokerConfig", about: "Show the configuration of brokers", example: " -b 127.0.0.1:10911", choices: place(),
			options: []option{brokerAddr(), clusterName()}},
		{name: "updateBrokerConfig", about: "Change a setting of brokers", example: " -c DefaultCluster -k fileReservedTime -v 48",
			options: []option{brokerAddr(), clusterName(), may("a", "updateAllBroker", "replicas too"),
				need("k", "key", "name of the setting"), need("v", "value", "its value")}},
		{name: "cleanExpiredCQ", about: "Drop consume queues that hold nothing", example: " -b 127.0.0.1:10911", options: clean},
		{name: "cleanUnusedTopic", about: "Drop queues of topics that are gone", example: " -b 127.0.0.1:10911", options: clean},
		{name: "deleteExpiredCommitLog", about: "Delete log segments whose time is over", example: " -b 127.0.0.1:10911", options: clean},
		{name: "sendMsgStatus", about: "Send messages to a broker and show how long each takes", example: " -b broker-a -c 10",
			options: []option{need("b", "brokerName", "name of the broker, which is a topic of its own"), may("s", "messageSize", "bytes of a message, 128 if not given"),
				may("c", "count", "how many, 50 if not given")}},
	}
}

func clusterCommands() []command {
	return []command{
		{name: "clusterList", about: "List clusters and brokers with what they do", example: " -c DefaultCluster",
			options: []option{flag("m", "moreStats", "messages of yesterday and today instead"), may("i", "interval", "again every so many seconds"),
				may("c", "clusterName", "only this cluster")}},
		{name: "clusterRT", about: "Send to every broker and show how long it takes", endless: true, example: " -a 20 -i 5",
			options: []option{may("a", "amount", "messages a round, 100 if not given"), may("s", "size", "bytes of a message, 128 if not given"),
				may("c", "cluster", "only this cluster"), may("p", "print log", "as a log: true or false"), may("m", "machine room", "name for the log"),
				may("i", "interval", "seconds between rounds, 10 if not given")}},
	}
}

func messageCommands() []command {
	id := need("i", "msgId", "id of the message")
	begin, end := may("b", "beginTimestamp", "milliseconds to begin at"), may("e", "endTimestamp", "milliseconds to end at")
	from := "time to begin at: milliseconds or yyyy-MM-dd#HH:mm:ss:SSS"
	to := "time to end at: milliseconds or yyyy-MM-dd#HH:mm:ss:SSS"
	return []command{
		{name: "queryMsgById", about: "Show messages by id, or handle or send them again", example: " -t Orders -i 7F00000100002A9F0000000000000000",
			options: []option{topicNamed(), id, may("g", "consumerGroup", "group whose member shall handle it"), may("d", "clientId", "the member that shall handle it"),
				may("s", "sendMessage", "send it again: true or false"), may("u", "unitName", "name of the unit"),
				may("f", "bodyFormat", "print the body, in this character set"), parentTopic()}},
		{name: "queryMsgByKey", about: "Find messages by key", example: " -t Orders -k order-17",
			options: []option{topicNamed(), need("k", "msgKey", "the key"), begin, end, may("m", "maxNum", "most messages, 64 if not given"), parentTopic(),
				may("p", "keyType", "what the key is: K a key, T a tag"), may("l", "lastKey", "the index key to go on behind")}},
		{name: "queryMsgByUniqueKey", about: "Show a message by its unique id, or have it handled",
			example: " -t Orders -i 7F0000010000277800000000000004D2",
			options: []option{id, may("g", "consumerGroup", "group whose member shall handle it"), may("d", "clientId", "the member that shall handle it"),
				topicNamed(), flag("a", "showAll", "all messages with this id, at most 32"), parentTopic(),
				may("s", "startTime", "milliseconds to begin at"), may("e", "endTime", "milliseconds to end at")}},
		{name: "queryMsgByOffset", about: "Show the message at an offset of a queue", example: " -t Orders -b broker-a -i 0 -o 42",
			options: []option{topicNamed(), need("b", "brokerName", "name of the broker"), need("i", "queueId", "number of the queue"), need("o", "offset", "the offset"),
				may("f", "bodyFormat", "print the body, in this character set"), may("r", "routeTopic", "topic whose route is used")}},
		{name: "queryMsgTraceById", alias: "QueryMsgTraceById", about: "Show the trace that clients wrote of a message",
			example: " -i 7F0000010000277800000000000004D2",
			options: []option{id, may("t", "traceTopic", "topic of the traces, RMQ_SYS_TRACE_TOPIC if not given"), begin, end,
				may("c", "maxNum", "most messages to look at, 64 if not given")}},
		{name: "printMsg", about: "Print the messages of a topic", example: " -t Orders -d true",
			options: []option{topicNamed(), may("c", "charsetName", "character set of bodies"), may("s", "subExpression", "only these tags: TagA || TagB"),
				may("b", "beginTimestamp", from), may("e", "endTimestamp", to), may("d", "printBody", "bodies too, unless false"),
				may("l", "lmqParentTopic", "parent topic of a light queue")}},
		{name: "printMsgByQueue", about: "Print or count the messages of a queue", example: " -t Orders -a broker-a -i 0 -p true",
			options: []option{topicNamed(), need("a", "brokerName", "name of the broker"), need("i", "queueId", "number of the queue"),
				may("c", "charsetName", "character set of bodies"), may("s", "subExpression", "only these tags: TagA || TagB"),
				may("b", "beginTimestamp", from), may("e", "endTimestamp", to), may("p", "print msg", "print messages: true or false"),
				may("d", "printBody", "bodies too: true or false"), may("f", "calculate", "count them by tag: true or false")}},
		{name: "consumeMessage", about: "Read messages without moving anybody's offset", example: " -t Orders -c 10",
			options: []option{topicNamed(), may("b", "brokerName", "name of the broker"), may("i", "queueId", "number of the queue"), may("o", "offset", "offset to begin at"),
				may("g", "consumerGroup", "taken and not used: nothing is read in a group's name"), may("s", "beginTimestamp", from), may("e", "endTimestamp", to),
				may("c", "MessageNumber", "most messages, 128 if not given")}},
		{name: "sendMessage", about: "Send a message", example: " -t Orders -p hello -k order-17 -c created",
			options: []option{topicNamed(), need("p", "body", "text of the message"), may("k", "key", "its keys"), may("c", "tags", "its tag"),
				may("b", "broker", "name of the broker"), may("i", "qid", "number of the queue"), may("m", "msgTraceEnable", "write a trace: true or false")}},
		{name: "checkMsgSendRT", about: "Send messages to each queue and show how long it takes", example: " -t Orders -a 10",
			options: []option{topicNamed(), may("a", "amount", "how many, 100 if not given"), may("s", "size", "bytes of a message, 128 if not given")}},
		{name: "DecodeMessageId", about: "Take a unique id apart", example: " -i 7F0000010000277800000000000004D2",
			options: []option{may("i", "messageId", "the id")}},
	}
}

func offsetCommands() []command {
	group := need("g", "group", "name of the consumer group")
	force := may("f", "force", "back as well as forth; taken and not used")
	at := need("s", "timestamp", "time to go to: now, milliseconds or yyyy-MM-dd#HH:mm:ss:SSS")
	return []command{
		{name: "resetOffsetByTime", about: "Have a group go on from a time", example: " -g billing -t Orders -s 2026-01-31#15:04:05:000",
			options: []option{group, topicNamed(), at, force, flag("", "cplus", "for clients in C++; taken and not used"), may("b", "broker", "address of the broker of one queue"),
				may("q", "queue", "number of one queue"), may("o", "offset", "offset in that queue to go to"), parentTopic()}},
		{name: "resetOffsetByTimeOld", about: "Have a group go on from a time", example: " -g billing -t Orders -s now",
			options: []option{group, topicNamed(), at, force, parentTopic()}},
		{name: "skipAccumulatedMessage", about: "Have a group skip what it has not consumed", example: " -g billing -t Orders",
			options: []option{group, topicNamed(), force, parentTopic()}},
		{name: "cloneGroupOffset", about: "Copy a group's offsets in a topic to another group", example: " -s billing -d billing2 -t Orders",
			options: []option{need("s", "srcGroup", "group to copy from"), need("d", "destGroup", "group to copy to"), topicNamed(), may("o", "offline", "taken and not used")}},
		{name: "getConsumerStatus", about: "Ask the members of a group how far they are", example: " -g billing -t Orders",
			options: []option{group, topicNamed(), may("i", "originClientId", "only this member")}},
	}
}

func nameServerCommands() []command {
	broker := need("b", "brokerName", "name of the broker")
	space, key := need("s", "namespace", "the namespace"), need("k", "key", "the key")
	return []command{
		{name: "getNamesrvConfig", about: "Show the configuration of the NameServers"},
		{name: "updateNamesrvConfig", about: "Change a setting of the NameServers", example: " -k orderMessageEnable -v true",
			options: []option{need("k", "key", "name of the setting"), need("v", "value", "its value")}},
		{name: "updateKvConfig", about: "Set a key of the NameServers", example: " -s ORDER_TOPIC_CONFIG -k Orders -v broker-a:4",
			options: []option{space, key, need("v", "value", "the value")}},
		{name: "deleteKvConfig", about: "Delete a key of the NameServers", example: " -s ORDER_TOPIC_CONFIG -k Orders", options: []option{space, key}},
		{name: "wipeWritePerm", about: "Have all NameServers route no more sends to a broker", example: " -b broker-a", options: []option{broker}},
		{name: "addWritePerm", about: "Have all NameServers route sends to a broker again", example: " -b broker-a", options: []option{broker}},
	}
}

func statsCommands() []command {
	interval := may("i", "interval", "again every so many seconds")
	return []command{
		{name: "statsAll", about: "Show what passes through topics and groups", example: " -t Orders",
			options: []option{flag("a", "activeTopic", "only what something passed through"), may("t", "topic", "only this topic")}},
		{name: "brokerConsumeStats", about: "Show how far all groups of a broker are", example: " -b 127.0.0.1:10911",
			options: []option{need("b", "brokerAddr", "address of the broker"), may("t", "timeoutMillis", "taken and not used: --timeout is"),
				may("l", "level", "only queues with at least so many messages left"), may("o", "order", "ordered topics alone: true or false")}},
		{name: "haStatus", about: "Show the replicas of brokers", example: " -b 127.0.0.1:10911",
			options: []option{may("c", "clusterName", "name of a cluster, for all of its masters"), brokerAddr(), interval}},
		{name: "getColdDataFlowCtrInfo", about: "Show which groups read old messages", example: " -b 127.0.0.1:10911",
			options: []option{brokerAddr(), clusterName()}},
		{name: "updateColdDataFlowCtrGroupConfig", about: "Bound what a group may read of old messages",
			example: " -b 127.0.0.1:10911 -g billing -v 1048576",
			options: []option{brokerAddr(), clusterName(), need("g", "consumerGroup", "name of the group"), need("v", "threshold", "bytes")}},
		{name: "removeColdDataFlowCtrGroupConfig", about: "Let a group read old messages without bound",
			example: " -b 127.0.0.1:10911 -g billing",
			options: []option{brokerAddr(), clusterName(), need("g", "consumerGroup", "name of the group")}},
		{name: "setCommitLogReadAheadMode", about: "Say whether brokers read ahead in their logs", example: " -b 127.0.0.1:10911 -m 1",
			options: []option{brokerAddr(), clusterName(), need("m", "commitLogReadAheadMode", "0 to read ahead, 1 not to")}},
	}
}

func exportCommands() []command {
	cluster := need("c", "clusterName", "name of the cluster")
	file := may("f", "filePath", "directory for the file, rocketmq/export below the system's one for temporary files if not given")
	return []command{
		{name: "exportConfigs", about: "Write the configuration of a cluster to configs.json", example: " -c DefaultCluster -f .",
			options: []option{cluster, file}},
		{name: "exportMetrics", about: "Write what the brokers of a cluster carry to metrics.json", example: " -c DefaultCluster -f .",
			options: []option{cluster, file}},
		{name: "exportMetadata", about: "Write topics and groups to metadata.json", example: " -c DefaultCluster -f .",
			options: []option{clusterName(), brokerAddr(), file, flag("t", "topic", "topics alone"), flag("g", "subscriptionGroup", "groups alone"),
				flag("s", "specialTopic", "retry and dead letter topics too")}},
	}
}
