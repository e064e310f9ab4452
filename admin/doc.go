// Package admin makes the administrative calls of RocketMQ: topics, consumer groups, their progress, offsets, messages by
// id, key and time. It speaks remoting alone, so it works with Aerobee and with Apache RocketMQ 4.9 and 5 alike; what only
// Aerobee has is in package api. The command line is built on it, and so may be any Go program:
//
//	a, err := admin.New(admin.Options{NameServers: []string{"127.0.0.1:9876"}})
//	…
//	defer a.Close()
//	state, err := a.Group(ctx, "billing")
//
// One [Admin] serves any number of goroutines. A call asks the NameServer which brokers there are, then each broker that
// has a say, several at once. Refusals are [cluster.Error] with code and remark, found with errors.Is and errors.As.
//
// Where the answer is put together from several brokers and some of them do not answer, the result holds what the others
// said, and the error beside it names the rest: look at both.
//
// Names of brokers are theirs, not host names; queues are numbered within one topic on one broker. Times that a broker does not
// know are the zero time.
package admin
