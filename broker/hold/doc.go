// Package hold keeps the pulls that wait for a message: long polling. It owns one pure machine, [Table]; the broker puts pulls
// in, and runs those that come out because a message arrived, their time is up, or their connection ended.
//
// A Table is not safe to use at once: the broker guards it, together with the owners.
package hold
