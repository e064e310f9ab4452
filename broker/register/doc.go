// Package register keeps NameServers informed of a broker and its topics. The broker owns one [Registrar] and tells it of
// changes. It owns a goroutine and a connection for each remote NameServer, and waits for them in Stop.
//
// All methods of a Registrar are safe to call at once, between Start and Stop.
package register
