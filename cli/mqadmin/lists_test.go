package mqadmin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee"
)

func TestQueuesAndProducers(t *testing.T) {
	l := newLab(t)
	l.run("updateTopic -b ADDR -t Orders -r 1 -w 1")
	l.run("sendMessage -t Orders -p hello -b broker-a -i 0")
	l.run("queryCq -t Orders -q 0 -i 0", "Queue data: \nmax: 1, min: 0\n======================================\nidx: 0\nConsumeQueueData{physicOffset=", "eval=", "msg='null'}\n======================================\n")
	l.run("producer -b ADDR")
}

func TestLists(t *testing.T) {
	l := newLab(t)
	topics, groups := filepath.Join(t.TempDir(), "topics.json"), filepath.Join(t.TempDir(), "groups.json")
	for file, text := range map[string]string{topics: `[{"topicName":"A","readQueueNums":1,"writeQueueNums":1,"perm":6},{topicName:"B"}]`, groups: `[{"groupName":"g1"},{"groupName":"g2","retryMaxTimes":3}]`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.run("updateTopicList -b ADDR -f "+topics, "submit batch of topic config to "+l.addr+" success, please check the result later.\n")
	l.run("topicList", "A\n", "B\n")
	l.run("updateSubGroupList -c DefaultCluster -f "+groups, "submit batch of subscription group config to "+l.addr+" success")
	l.run("getConsumerConfig -g g2", "retryMaxTimes                           =  3\n")
}

// broker adds a broker of the name to the cluster.
func (l *lab) broker(name string) {
	l.t.Helper()
	server, err := aerobee.Start(aerobee.Config{Memory: true, Settings: map[string]string{"brokerName": name, "roles": "broker", "namesrvAddr": l.addr, "brokerIP1": "127.0.0.1"}})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := server.Close(); err != nil {
			l.t.Error(err)
		}
	})
}

func TestUsersAndLists(t *testing.T) {
	l := newLab(t)
	l.run("createUser -c DefaultCluster -u alice -p secret", "create user to "+l.addr+" success.\n")
	l.run("getUser -b ADDR -u alice", "#UserName", "#Password", "#UserType", "#UserStatus", "alice", "Normal", "enable")
	l.run("updateUser -b ADDR -u alice -s disable", "update user to "+l.addr+" success.\n")
	l.run("listUser -c DefaultCluster", "alice", "disable", "get user from "+l.addr+" success.\n")
	l.run("createAcl -b ADDR -s User:alice -r Topic:orders,Group:billing -a Pub,Sub -d Allow -i 10.0.0.0/8", "create acl to "+l.addr+" success.\n")
	l.run("getAcl -b ADDR -s User:alice", "#Subject", "#PolicyType", "#Resource", "#Actions", "#SourceIp", "#Decision", "User:alice", "Topic:orders", "[Pub, Sub]", "[10.0.0.0/8]", "Allow")
	l.run("updateAcl -b ADDR -s User:alice -r Topic:orders -a Sub -d Deny", "update acl to "+l.addr+" success.\n")
	l.run("listAcl -b ADDR", "User:alice", "Deny")
	fail := func(line, want string) {
		t.Helper()
		if _, err := l.try(t.Context(), line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
	fail("copyUser -f ADDR -t ADDR -u alice,alise", "has no user alise")
	l.run("createUser -b ADDR -u bob -p secret", "create user to "+l.addr+" success.\n")
	fail("copyAcl -f ADDR -t ADDR -s User:alice,User:bob", "has no list of User:bob")
	fail("getAcl -c DefaultCluster -s User:bob", "has no list of User:bob")
	l.broker("a-broker")
	l.run("getUser -c DefaultCluster -u alice", "alice", "Normal")
	l.run("getAcl -c DefaultCluster -s User:alice", "User:alice", "Deny")
	fail("getUser -c DefaultCluster -u alise", "has no user alise")
	l.run("deleteAcl -b ADDR -s User:alice", "delete acl to "+l.addr+" success.\n")
	l.run("deleteUser -c DefaultCluster -u alice", "delete user to "+l.addr+" success.\n")
	if _, err := l.try(t.Context(), "getUser -b ADDR -u alice"); err == nil {
		t.Error("a user that was deleted is there")
	}
}
