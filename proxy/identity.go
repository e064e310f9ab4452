package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"google.golang.org/grpc/credentials"
)

// identity is what a connection's handshake has told of the client. It was done before gRPC got the connection.
type identity struct {
	credentials.CommonAuthInfo
	secure  bool
	subject string
	user    string     // see peerOf, as for the two before
	via     netip.Addr // see viaOf
}

// AuthType is gRPC's name for where this comes from.
func (*identity) AuthType() string { return "aerobee" }

// handed has gRPC take connections as they are.
type handed struct{}

// ServerHandshake tells what is known of the client.
func (handed) ServerHandshake(nc net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, subject, user := peerOf(nc)
	level, via := credentials.NoSecurity, viaOf(nc)
	if !secure && !via.IsValid() {
		return nc, nil, nil
	}
	if secure {
		level = credentials.PrivacyAndIntegrity
	}
	return nc, &identity{credentials.CommonAuthInfo{SecurityLevel: level}, secure, subject, user, via}, nil
}

// ClientHandshake is nobody's.
func (handed) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("a server does not dial")
}

// Info names it to gRPC.
func (handed) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "aerobee"}
}

// Clone returns it: it holds nothing.
func (h handed) Clone() credentials.TransportCredentials { return h }

// OverrideServerName is for clients.
func (handed) OverrideServerName(string) error {
	return errors.New("a server has no server name to override")
}

// peerOf tells whether a connection is inside TLS, whom the client's certificate names, which was verified, and which user's it is; "" without one.
func peerOf(nc net.Conn) (secure bool, subject, user string) {
	if c, ok := nc.(interface{ Peer() (bool, string, string) }); ok {
		return c.Peer()
	}
	return false, "", ""
}

// viaOf is who sent the PROXY header by which a connection's address is known; invalid without one.
func viaOf(nc net.Conn) netip.Addr {
	if c, ok := nc.(interface{ Via() netip.Addr }); ok {
		return c.Via()
	}
	return netip.Addr{}
}
