// Package apache knows the files that Apache RocketMQ 5.5.0 keeps beside its commit log: the tables under config/, the
// consume queues, the timer's checkpoint, and what must be found in a log before it can be taken over. It reads and
// writes files and counts records; what they mean to a store is decided in package store, its only caller.
//
// Nothing here keeps state between calls. A [Survey] may be used by one goroutine at a time; everything else may be used
// at once, as far as the files allow it.
//
//	config/topics.json             {"dataVersion":V,"topicConfigTable":{topic:{…}}}
//	config/subscriptionGroup.json  {"dataVersion":V,"subscriptionGroupTable":{group:{…}},"forbiddenTable":{group:{topic:bits}}}
//	config/consumerOffset.json     {"dataVersion":V,"offsetTable":{"topic@group":{queue:offset}}}
//	config/delayOffset.json        {"dataVersion":V,"offsetTable":{level:offset}}
//	config/timercheck              int64 each: last read time (ms), flush position in timerlog, next offset in the wheel's
//	                               topic, the master's, and the version: state, timestamp, counter
//	consumequeue/T/Q/O             entries of 20 bytes: int64 log offset, int32 size, int64 tags code (due time in ms of a
//	                               delayed message); entry n of file O has the queue offset O/20 + n
//
// V is {"counter":n,"stateVersion":n,"timestamp":ms}. The JSON is fastjson's: keys that are numbers have no quotes. Each
// table has a file .bak with what was there before; Apache falls back to it when the file is missing, empty or damaged.
package apache
