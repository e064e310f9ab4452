// Package member knows who is connected to a broker: the members of its producer and consumer groups and what each consumer
// group subscribes to. It owns one pure machine, [Table]; the broker feeds it heartbeats, closed connections and the time,
// and tells the connections that it names.
//
// A Table is not safe to use at once: the broker guards it. The values that it hands out are not changed afterwards, but for
// a [Group], which belongs to the table.
package member
