package protocol

// Version numbers as they travel in a frame's version field: the ordinal of the release in RocketMQ's list. Only those are
// named here that change how a peer behaves.
const (
	Version3_0_7  = 29  // relays 220 and 221 from its snapshot (28) on
	Version3_0_11 = 37  // brokers before it register without filter servers
	Version3_1_8  = 63  // relays 307 and 309 from its snapshot (62) on
	Version3_4_9  = 121 // maxReconsumeTimes counts from here on
	Version4_1_0  = 233 // SQL92 filters from its snapshot (232) on
	Version4_9_3  = 399
	Version4_9_4  = 401 // reads route bodies in standard JSON
	Version5_0_0  = 413
	Version5_3_1  = 475 // understands GO_AWAY
	Version5_5_0  = 513
)
