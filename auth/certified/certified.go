// Package certified reads from a client's certificate which user it is the certificate of. What it is given has been verified: it was issued by who may issue
// clients' certificates, and the client has shown that it has the key. Whether there is such a user is not asked here.
//
// The root package gives one of the two functions to package listen, which calls it once for each connection. Both are pure and safe to call at once.
package certified

import (
	"crypto/x509"
	"encoding/asn1"
)

// CommonName is the common name of the certificate's subject, "" if it has none, or several: then it could be taken for another's.
func CommonName(c *x509.Certificate) string {
	if !single(c) {
		return ""
	}
	return c.Subject.CommonName
}

// Name is the whole subject as the audit log has it, "CN=orders,O=Shop"; "" if that leaves out a part of it.
func Name(c *x509.Certificate) string {
	if !single(c) {
		return ""
	}
	return c.Subject.String()
}

// single tells whether the subject has one value at most of what package x509 keeps the last value of: a common name and a serial number.
func single(c *x509.Certificate) bool {
	commonName, serialNumber := asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.ObjectIdentifier{2, 5, 4, 5}
	names, numbers := 0, 0
	for _, a := range c.Subject.Names {
		switch {
		case a.Type.Equal(commonName):
			names++
		case a.Type.Equal(serialNumber):
			numbers++
		}
	}
	return names <= 1 && numbers <= 1
}
