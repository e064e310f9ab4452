package light

// wildSeparator stands between the parent and the group in the name of [Wild]: no topic's name holds it.
const wildSeparator = "@"

// Wild is what a subscription of a group to all lite topics of a parent is known by, in the place of their queues: "parent@group". It is
// the name of no queue. Source: LiteSubscriptionRegistryImpl of RocketMQ 5.5, whose tools show it.
func Wild(parent, group string) string { return parent + wildSeparator + group }
