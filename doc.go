// Package aerobee is a RocketMQ node inside a Go program: NameServer and broker over one store, behind listeners that are
// all equal. Every RocketMQ client, in any language, works with it.
//
//	s, err := aerobee.Start(aerobee.Config{Memory: true})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	// s.Addr() is the NameServer address for clients
//
// [Start] wires the parts, here and nowhere else, and [Server.Close] takes them down in the mirrored order. The command
// line stands on [StartSettings], with the same settings for everybody. Any number of nodes live in one process: they
// share no state, and all methods of a [Server] are safe to call at once. Tests have a shorter way in package aerobeetest.
package aerobee
