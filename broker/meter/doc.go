// Package meter counts what passes through a broker, by topic and group, under the names that RocketMQ's metrics have. Package broker
// counts; a scrape asks [Meters.Emit]. Everything but a [Tally] is safe to call at once. Counting is atomic adds and, where the
// caller has not kept the counter from the time before, one look into a map.
//
// What is kept is bounded: of each family at most as many series as [New] was told. One that has not moved for a day is
// forgotten; so is one that has not moved for ten minutes when there is no room for a new one. What finds no room all the same counts
// in one series for all, whose label otel_metric_overflow is "true": so does the library that RocketMQ uses.
package meter
