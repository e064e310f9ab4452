// Package pop is the simple consumer: it pops messages from brokers, which keep them from others for a time, and acknowledges them one by one. It
// owns the requests for that, the receipts, the waiting at several brokers at once, and [Consumer.Serve], which has messages handled as they come.
// Package client, which alone calls it, makes the group known to the brokers. All methods of a [Consumer] are safe to call at once; one delivery
// is for one caller at a time.
package pop
