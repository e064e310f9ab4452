package broker

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// TestAsApacheManaged compares what is answered to administrators' lists, tables, users and access control lists, see apache_test.go. Record it from
// a broker with
//
//	authenticationMetadataProvider=org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider
//	authorizationMetadataProvider=org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider
//	enableLmq=true
//	enableMultiDispatch=true
//	autoCreateSubscriptionGroup=false
//
// The bodies of these answers are compared too.
func TestAsApacheManaged(t *testing.T) {
	compareWithApache(t, "testdata/apache_manage.txt", (*replay).managed, func(o *Options, _ *store.Options) { o.DenyGroupCreation = true })
}

// exactly notes an answer with its body, but for times and versions.
func (r *replay) exactly(name string, code int32, fs fields, body string) *protocol.Frame {
	r.t.Helper()
	f := r.call("main", code, fs, body)
	text := ""
	if len(f.Body) > 0 && f.Code == protocol.ResSuccess {
		var v any
		if err := protocol.UnmarshalBody(f.Body, &v); err != nil {
			r.t.Fatal(err)
		}
		text = string(protocol.MarshalBody(v)) // RocketMQ's maps have no order
	}
	for pattern, to := range map[string]string{
		`"(timestamp|lastUpdateTimestamp|lastTimestamp|lastAccessTime|earliestUnconsumedTimestamp|subVersion)":[1-9][0-9]+`: `"$1":time`,
		`"dataVersion":\{[^}]*\},?`: ``, `"(remoteIP|brokerAddr)":"[^"]*"`: `"$1":address`, `"(physicOffset|physicSize)":[0-9]+`: `"$1":number`,
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, to)
	}
	r.keep(name, observe(r.t, f)+"body "+strings.ReplaceAll(text, "\n", " ")+"\n")
	return f
}

func (r *replay) managed() {
	r.lists()
	r.tables()
	r.withoutRocksDB()
	r.users()
	r.accessControl()
	r.liteTopics()
}

func (r *replay) lists() {
	r.do("18", 18, nil, `{"topicConfigList":[{"topicName":"Ta","readQueueNums":2,"writeQueueNums":2,"perm":6,"topicFilterType":"SINGLE_TAG","attributes":{"+message.type":"NORMAL"}},{"topicName":"Tb","readQueueNums":1,"writeQueueNums":1,"perm":6}]}`)
	r.do("18 made first", protocol.ReqGetTopicConfig, fields{"topic": "Ta"}, "")
	r.do("18 made second", protocol.ReqGetTopicConfig, fields{"topic": "Tb"}, "")
	r.do("18 little", 18, nil, `{"topicConfigList":[{"topicName":"Tlittle"}]}`)
	r.exactly("18 made with little", protocol.ReqGetTopicConfig, fields{"topic": "Tlittle"}, "")
	r.do("18 bad name", 18, nil, `{"topicConfigList":[{"topicName":"Tc"},{"topicName":"a b"}]}`)
	r.do("18 made before a bad name", protocol.ReqGetTopicConfig, fields{"topic": "Tc"}, "")
	r.do("18 system", 18, nil, `{"topicConfigList":[{"topicName":"TBW102"}]}`)
	r.do("18 attribute", 18, nil, `{"topicConfigList":[{"topicName":"Td","attributes":{"+a.b":"c"}}]}`)
	r.do("18 attribute without sign", 18, nil, `{"topicConfigList":[{"topicName":"Td","attributes":{"message.type":"FIFO"}}]}`)
	r.do("18 mixed", 18, nil, `{"topicConfigList":[{"topicName":"Td","attributes":{"+message.type":"MIXED"}}]}`)
	r.do("18 empty", 18, nil, `{"topicConfigList":[]}`)
	r.do("18 bad body", 18, nil, `{`)
	r.do("18 no change first", 18, nil, `{"topicConfigList":[{"topicName":"Tb","readQueueNums":1,"writeQueueNums":1,"perm":6},{"topicName":"Tbehind","readQueueNums":1,"writeQueueNums":1,"perm":6}]}`)
	r.do("18 made behind one without change", protocol.ReqGetTopicConfig, fields{"topic": "Tbehind"}, "")
	r.do("225", 225, nil, `{"groupConfigList":[`+groupBody("G", nil)+`,`+groupBody("H", map[string]any{"retryMaxTimes": 3})+`]}`)
	r.do("225 made", protocol.ReqGetSubscriptionGroupConfig, fields{"group": "H"}, "")
	r.do("225 bad name", 225, nil, `{"groupConfigList":[`+groupBody("I", nil)+`,`+groupBody("a b", nil)+`]}`)
	r.do("225 attribute", 225, nil, `{"groupConfigList":[`+groupBody("I", map[string]any{"attributes": map[string]string{"+a.b": "c"}})+`]}`)
	r.do("225 empty", 225, nil, `{"groupConfigList":[]}`)
	r.do("5002", 5002, nil, `{"topicList":["Tc"]}`)
	r.do("5003", 5003, nil, `{"groupNameList":["I"]}`)
}

func (r *replay) tables() {
	r.exactly("402 none", 402, nil, "")
	r.do("401", 401, nil, `{"topic":"Ta","consumerGroup":"G","mode":"POP","popShareQueueNum":1}`)
	r.exactly("402", 402, nil, "")
	for range 3 {
		r.call("main", 310, sendFields("Ta", 0, "TAGS=a"), "x")
	}
	r.filled("Ta", "0", "3")
	r.do("15 G", 15, fields{"consumerGroup": "G", "topic": "Ta", "queueId": "0", "commitOffset": "1"}, "")
	r.do("15 H", 15, fields{"consumerGroup": "H", "topic": "Ta", "queueId": "0", "commitOffset": "2"}, "")
	r.exactly("43", 43, nil, "")
	r.exactly("45", 45, nil, "")
	r.exactly("343", 343, fields{"group": "G"}, "")
	r.exactly("343 unknown", 343, fields{"group": "none"}, "")
	r.do("343 no group", 343, nil, "")
	r.exactly("345 not online", 345, fields{"group": "G", "topic": "Ta"}, "")
	r.exactly("308", 308, fields{"topic": "Ta", "compareGroup": "none"}, "")
	r.exactly("308 compared", 308, fields{"topic": "Ta", "compareGroup": "G"}, "")
	r.exactly("308 behind", 308, fields{"topic": "Ta", "compareGroup": "H"}, "")
	r.exactly("353 ask", 353, fields{"group": "G", "topic": "Ta"}, "")
	r.exactly("353 forbid", 353, fields{"group": "G", "topic": "Ta", "readable": "false"}, "")
	r.exactly("353 forbidden", 353, fields{"group": "G", "topic": "Ta"}, "")
	r.exactly("353 allow", 353, fields{"group": "G", "topic": "Ta", "readable": "true"}, "")
	r.do("353 no group", 353, fields{"topic": "Ta"}, "")
	cq := fields{"topic": "Ta", "queueId": "0", "index": "0", "count": "10"}
	r.exactly("321", 321, cq, "")
	r.exactly("321 part", 321, cq.with(fields{"index": "1", "count": "1"}), "")
	r.exactly("321 group", 321, cq.with(fields{"consumerGroup": "G"}), "")
	r.do("321 behind", 321, cq.with(fields{"index": "9"}), "")
	r.do("321 no queue", 321, cq.with(fields{"queueId": "7"}), "")
	r.do("321 no topic", 321, cq.with(fields{"topic": "none"}), "")
	r.exactly("328 none", 328, nil, "")
	r.do("34", 34, nil, `{"clientID":"c1","producerDataSet":[{"groupName":"pg"}],"consumerDataSet":[{"groupName":"G","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{"topic":"Ta","subString":"a","tagsSet":["a"],"codeSet":[97],"subVersion":1,"expressionType":"TAG"}]}]}`)
	r.exactly("328", 328, nil, "")
	r.exactly("345", 345, fields{"group": "G", "topic": "Ta"}, "")
	r.exactly("321 online", 321, cq.with(fields{"consumerGroup": "G", "count": "1"}), "")
}

func (r *replay) withoutRocksDB() {
	r.do("200056", 200056, nil, "")
	r.do("355", 355, fields{"configType": "topics"}, "")
	r.do("355 no type", 355, nil, "")
	r.do("354", 354, fields{"topic": "Ta"}, "")
	r.do("5001 F", 5001, fields{"E_T": "F"}, "")
	r.do("5001 R", 5001, fields{"E_T": "R"}, "")
	r.do("5001 X", 5001, fields{"E_T": "X"}, "")
	r.do("5001 none", 5001, nil, "")
}

func (r *replay) users() {
	user := func(name string, code int32, of, body string) { r.exactly(name, code, fields{"username": of}, body) }
	user("3005 none", 3005, "", "")
	user("3004 none", 3004, "alice", "")
	user("3001", 3001, "alice", `{"username":"alice","password":"secret","userType":"Normal"}`)
	user("3001 super", 3001, "root", `{"password":"secret","userType":"super","userStatus":"disable"}`)
	user("3001 twice", 3001, "alice", `{"password":"secret"}`)
	user("3001 no password", 3001, "bob", `{"username":"bob"}`)
	user("3001 blank password", 3001, "bob", `{"password":" "}`)
	user("3001 no name", 3001, "", `{"password":"x"}`)
	user("3001 blank name", 3001, " ", `{"password":"x"}`)
	user("3001 unknown type", 3001, "carol", `{"password":"x","userType":"none","userStatus":"none"}`)
	user("3001 no body", 3001, "bob", "")
	user("3001 bad body", 3001, "bob", "{")
	user("3004", 3004, "alice", "")
	user("3004 blank", 3004, " ", "")
	user("3005", 3005, "", "")
	r.exactly("3005 filter", 3005, fields{"filter": "li"}, "")
	r.exactly("3005 filter none", 3005, fields{"filter": "zz"}, "")
	user("3002", 3002, "alice", `{"password":"other","userStatus":"disable"}`)
	user("3002 read", 3004, "alice", "")
	user("3002 type", 3002, "alice", `{"userType":"Super"}`)
	user("3002 type read", 3004, "alice", "")
	user("3002 unknown", 3002, "nobody", `{"password":"x"}`)
	user("3002 no name", 3002, "", `{"password":"x"}`)
	user("3003", 3003, "carol", "")
	user("3003 again", 3003, "carol", "")
	user("3003 blank", 3003, "", "")
	user("3003 read", 3004, "carol", "")
}

func (r *replay) accessControl() {
	acl := func(name string, code int32, subject, body string) {
		r.exactly(name, code, fields{"subject": subject}, body)
	}
	acl("3009 none", 3009, "User:alice", "")
	acl("3010 none", 3010, "", "")
	acl("3006", 3006, "User:alice", `{`+aclPolicies(aclPub, aclSub)+`}`)
	acl("3006 read", 3009, "User:alice", "")
	acl("3006 unknown", 3006, "User:nobody", `{`+aclPolicies(aclPub)+`}`)
	acl("3006 no body", 3006, "User:alice", "")
	acl("3006 no policies", 3006, "User:alice", `{}`)
	acl("3006 empty policy", 3006, "User:alice", `{"policies":[{"policyType":"Custom"}]}`)
	bad := map[string]string{
		"resource": `{"actions":["Pub"],"decision":"Allow","resource":"a"}`, "resource kind": `{"actions":["Pub"],"decision":"Allow","resource":"Queue:a"}`,
		"no resource": `{"actions":["Pub"],"decision":"Allow"}`, "actions": `{"actions":["fly"],"decision":"Allow","resource":"Topic:a"}`,
		"any": `{"actions":["Any"],"decision":"Allow","resource":"Topic:a"}`, "decision": `{"actions":["Pub"],"decision":"Maybe","resource":"Topic:a"}`,
		"no decision": `{"actions":["Pub"],"resource":"Topic:a"}`, "source": `{"actions":["Pub"],"decision":"Allow","resource":"Topic:a","sourceIps":["host"]}`,
		"source blank": `{"actions":["Pub"],"decision":"Allow","resource":"Topic:a","sourceIps":[" "]}`,
		"source bits":  `{"actions":["Pub"],"decision":"Allow","resource":"Topic:a","sourceIps":["10.0.0.1/33"]}`,
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		acl("3006 bad "+name, 3006, "User:alice", `{`+aclPolicies(bad[name])+`}`)
	}
	acl("3006 no subject", 3006, "alice", `{`+aclPolicies(aclPub)+`}`)
	acl("3007", 3007, "User:alice", `{"subject":"user:alice",`+aclPolicies(aclDeny)+`}`)
	acl("3007 read", 3009, "User:alice", "")
	acl("3007 case", 3007, "User:root", `{"policies":[{"entries":[{"actions":["pub","SUB","all"],"decision":"DENY","resource":"TOPIC:b"},{"actions":["Get"],"decision":"Allow","resource":"*"},{"actions":["List"],"decision":"Allow","resource":"Group:*"},{"actions":["Create"],"decision":"Allow","resource":"Cluster:a*b*"}],"policyType":"default"}]}`)
	acl("3007 case read", 3009, "User:root", "")
	acl("3010", 3010, "", "")
	r.exactly("3010 subject", 3010, fields{"subjectFilter": "roo"}, "")
	r.exactly("3010 resource", 3010, fields{"resourceFilter": "Group"}, "")
	r.exactly("3010 resource in subject", 3010, fields{"resourceFilter": "alice"}, "")
	acl("3009 unknown", 3009, "User:nobody", "")
	acl("3009 no subject", 3009, "alice", "")
	r.exactly("3008 no subject", 3008, fields{"resource": "Topic:a"}, "")
	r.exactly("3008 unknown", 3008, fields{"subject": "User:nobody", "resource": "Topic:a"}, "")
	r.exactly("3008 not there", 3008, fields{"subject": "User:alice", "resource": "Topic:zz"}, "")
	r.exactly("3008", 3008, fields{"subject": "User:alice", "resource": "Topic:a"}, "")
	acl("3008 read", 3009, "User:alice", "")
	r.exactly("3008 bad resource", 3008, fields{"subject": "User:alice", "resource": "nonsense"}, "")
	acl("3008 bad resource read", 3009, "User:alice", "")
	r.exactly("3008 whole", 3008, fields{"subject": "User:root"}, "")
	acl("3008 whole read", 3009, "User:root", "")
	r.exactly("3008 whole again", 3008, fields{"subject": "User:root"}, "")
}

func (r *replay) liteTopics() {
	r.do("17 LITE", 17, makeFields("Tlite", 1, 6).with(fields{"attributes": "+message.type=LITE,+lite.topic.expiration=60"}), "")
	r.do("200 LITE", 200, nil, groupBody("Glite", map[string]any{"attributes": map[string]string{"+lite.bind.topic": "Tlite"}}))
	r.exactly("200075", 200075, fields{"topic": "Tlite"}, "")
	r.do("200075 unknown", 200075, fields{"topic": "none"}, "")
	r.do("200075 plain", 200075, fields{"topic": "Ta"}, "")
	r.do("200074", 200074, nil, "")
	r.exactly("200076", 200076, fields{"parentTopic": "Tlite", "liteTopic": "room"}, "")
	r.do("200076 unknown", 200076, fields{"parentTopic": "none", "liteTopic": "room"}, "")
	r.do("200076 plain", 200076, fields{"parentTopic": "Ta", "liteTopic": "room"}, "")
	r.exactly("200077", 200077, fields{"parentTopic": "Tlite", "group": "Glite", "clientId": "c", "maxCount": "10"}, "")
	r.do("200077 other group", 200077, fields{"parentTopic": "Tlite", "group": "G", "clientId": "c", "maxCount": "10"}, "")
	r.do("200077 unknown group", 200077, fields{"parentTopic": "Tlite", "group": "none", "clientId": "c", "maxCount": "10"}, "")
	r.exactly("200078", 200078, fields{"group": "Glite", "topK": "10"}, "")
	r.exactly("200078 lite topic", 200078, fields{"group": "Glite", "liteTopic": "room", "topK": "10"}, "")
	r.do("200078 other group", 200078, fields{"group": "G", "topK": "10"}, "")
	r.do("200078 unknown group", 200078, fields{"group": "none", "topK": "10"}, "")
	r.do("200079", 200079, fields{"group": "Glite"}, "")
	r.do("200079 other group", 200079, fields{"group": "G"}, "")
	r.do("200079 unknown group", 200079, fields{"group": "none"}, "")
}
