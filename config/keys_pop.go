package config

import "math"

// Pop says how consumers that pop are served.
type Pop struct {
	// PerQueue bounds how many messages of a group may be in flight in one queue, if Bounded; Total bounds all together.
	Bounded  bool
	PerQueue int
	Total    int
	// Waiting and WaitingPerQueue bound the pops that wait for messages.
	Waiting, WaitingPerQueue int
	// RetryV2 names retry topics %RETRY%group+topic; ReadRetryV1 reads those of the older name then as well.
	RetryV2, ReadRetryV1 bool
	// RetryFirst is how many of a hundred pops look into the retry topics first.
	RetryFirst int
	// ActualRetryTopic hands messages of retry topics out under those topics' names.
	ActualRetryTopic bool
	// Mode is PULL or POP: how groups read topics of which nobody has said. Share is the share number then.
	Mode  string
	Share int32
}

func defaultPop() Pop {
	return Pop{PerQueue: 10_000, Total: 300_000, Waiting: 100_000, WaitingPerQueue: 1024, ReadRetryV1: true, RetryFirst: 20, Mode: "PULL", Share: -1}
}

func popKeys() []Key {
	return []Key{
		own("popMaxInFlight", "most popped messages in flight, of all groups together; one group may have half of them", number(func(c *Config) *int { return &c.Pop.Total }, 1, math.MaxInt32)),
		apache("enablePopMessageThreshold", "bound popped messages in flight by popInflightMessageThreshold", boolean(func(c *Config) *bool { return &c.Pop.Bounded })),
		apache("popInflightMessageThreshold", "most popped messages of a group in flight in one queue", number(func(c *Config) *int { return &c.Pop.PerQueue }, 1, math.MaxInt32)),
		apache("popPollingMapSize", "most pops that wait for messages", number(func(c *Config) *int { return &c.Pop.Waiting }, 1, 10_000_000)),
		apache("popPollingSize", "most pops of a group that wait for one queue", number(func(c *Config) *int { return &c.Pop.WaitingPerQueue }, 1, 10_000_000)),
		apache("enableRetryTopicV2", "name the retry topics of popped messages %RETRY%group+topic", boolean(func(c *Config) *bool { return &c.Pop.RetryV2 })),
		apache("retrieveMessageFromPopRetryTopicV1", "with enableRetryTopicV2, read retry topics of the older name too", boolean(func(c *Config) *bool { return &c.Pop.ReadRetryV1 })),
		apache("popFromRetryProbability", "how many of a hundred pops look into the retry topics first", number(func(c *Config) *int { return &c.Pop.RetryFirst }, 0, 100)),
		apache("popResponseReturnActualRetryTopic", "name the retry topic in popped messages that come again", boolean(func(c *Config) *bool { return &c.Pop.ActualRetryTopic })),
		apache("defaultMessageRequestMode", "PULL or POP: how groups read topics of which nobody has said", oneOf(func(c *Config) *string { return &c.Pop.Mode }, "PULL", "POP")),
		apache("defaultPopShareQueueNum", "with how many other members a queue is shared that is popped by default; 0 or less is all", number(func(c *Config) *int32 { return &c.Pop.Share }, -1, math.MaxInt32)),
	}
}
