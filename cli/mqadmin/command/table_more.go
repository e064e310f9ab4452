package command

func listCommands() []command {
	file := func(what string) option { return need("f", "filename", "file with a list of "+what+" in JSON") }
	return []command{
		{name: "updateTopicList", about: "Make or change topics of a file", example: " -c DefaultCluster -f topics.json", choices: place(),
			options: []option{brokerAddr(), clusterName(), file("topics")}},
		{name: "updateSubGroupList", about: "Make or change consumer groups of a file", example: " -c DefaultCluster -f groups.json", choices: place(),
			options: []option{brokerAddr(), clusterName(), file("groups")}},
		{name: "producer", about: "Show all clients that produce at a broker", example: " -b 127.0.0.1:10911",
			options: []option{need("b", "broker", "address of the broker")}},
		{name: "queryCq", about: "Show entries of a queue", example: " -t Orders -q 0 -i 0",
			options: []option{topicNamed(), need("q", "queue", "number of the queue"), need("i", "index", "offset to begin at"), may("c", "count", "how many, 10 if not given"),
				may("b", "broker", "address of the broker"), may("g", "consumer", "group whose subscription is tried")}},
	}
}

func authCommands() []command {
	user := need("u", "username", "name of the user")
	subject, kind := need("s", "subject", "whose list: User:alice"), may("t", "userType", "Super or Normal")
	from, to := need("f", "fromBroker", "address of the broker to copy from"), need("t", "toBroker", "address of the broker to copy to")
	entry := []option{clusterName(), brokerAddr(), subject, need("r", "resources", "what of: Topic:orders,Group:g*"), need("a", "actions", "what: Pub,Sub"),
		need("d", "decision", "Allow or Deny"), may("i", "sourceIp", "from where: addresses with commas between them")}
	return []command{
		{name: "createUser", about: "Make a user", example: " -c DefaultCluster -u alice -p secret", choices: place(),
			options: []option{clusterName(), brokerAddr(), user, need("p", "password", "its password"), kind}},
		{name: "updateUser", about: "Change a user", example: " -c DefaultCluster -u alice -s disable",
			choices: [][]string{{"clusterName", "brokerAddr"}, {"password", "userType", "userStatus"}},
			options: []option{clusterName(), brokerAddr(), user, may("p", "password", "its password"), kind, may("s", "userStatus", "enable or disable")}},
		{name: "deleteUser", about: "Delete a user", example: " -c DefaultCluster -u alice", choices: place(),
			options: []option{clusterName(), brokerAddr(), user}},
		{name: "getUser", about: "Show a user", example: " -c DefaultCluster -u alice", choices: place(),
			options: []option{brokerAddr(), clusterName(), may("u", "username", "name of the user")}},
		{name: "listUser", about: "List users", example: " -c DefaultCluster", choices: place(),
			options: []option{brokerAddr(), clusterName(), may("f", "filter", "only names that hold this")}},
		{name: "copyUser", about: "Copy users from broker to broker", example: " -f 10.0.0.1:10911 -t 10.0.0.2:10911",
			options: []option{from, to, may("u", "usernames", "only these, with commas between them")}},
		{name: "createAcl", about: "Make an access control list", example: " -c DefaultCluster -s User:alice -r Topic:orders -a Pub,Sub -d Allow", choices: place(), options: entry},
		{name: "updateAcl", about: "Change an access control list", example: " -c DefaultCluster -s User:alice -r Topic:orders -a Sub -d Deny", choices: place(), options: entry},
		{name: "deleteAcl", about: "Delete an access control list", example: " -c DefaultCluster -s User:alice", choices: place(),
			options: []option{clusterName(), brokerAddr(), subject, may("r", "resources", "only what is said of this resource")}},
		{name: "getAcl", about: "Show an access control list", example: " -c DefaultCluster -s User:alice", choices: place(),
			options: []option{brokerAddr(), clusterName(), may("s", "subject", "whose list: User:alice")}},
		{name: "listAcl", about: "List access control lists", example: " -c DefaultCluster", choices: place(),
			options: []option{brokerAddr(), clusterName(), may("s", "subject", "only subjects that hold this"), may("r", "resource", "only resources that hold this")}},
		{name: "copyAcl", about: "Copy access control lists from broker to broker", example: " -f 10.0.0.1:10911 -t 10.0.0.2:10911",
			options: []option{from, to, may("s", "subjects", "only these, with commas between them")}},
	}
}

func liteCommands() []command {
	parent, group := need("p", "parentTopic", "name of the parent topic"), need("g", "group", "name of the consumer group")
	return []command{
		{name: "getBrokerLiteInfo", about: "Show how many lite topics brokers have", example: " -b 127.0.0.1:10911 -d",
			choices: [][]string{{"brokerAddr", "cluster"}},
			options: []option{brokerAddr(), may("c", "cluster", "name of a cluster"), flag("d", "showDetail", "with parent topics and groups")}},
		{name: "getParentTopicInfo", about: "Show how many lite topics a parent topic has", example: " -p Chats", options: []option{parent}},
		{name: "getLiteTopicInfo", about: "Show a lite topic", example: " -p Chats -l room-17",
			options: []option{parent, need("l", "liteTopic", "name of the lite topic"), flag("s", "showClientId", "with the clients that subscribe to it")}},
		{name: "getLiteClientInfo", about: "Show the lite topics of a client", example: " -p Chats -g readers -c client-1",
			options: []option{parent, group, need("c", "clientId", "id of the client"), flag("s", "showDetail", "with their names")}},
		{name: "getLiteGroupInfo", about: "Show how far a group is in its lite topics", example: " -p Chats -g readers",
			options: []option{parent, group, may("l", "liteTopic", "only this lite topic"), may("k", "topK", "how many of those most behind, 20 if not given")}},
		{name: "triggerLiteDispatch", about: "Have brokers look again for messages of lite topics", example: " -p Chats -g readers",
			options: []option{parent, group, may("c", "clientId", "only this client"), may("b", "brokerName", "only this broker")}},
	}
}
