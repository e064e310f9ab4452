package certified_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/auth/certified"
)

// attribute is a part of a subject, by the last number of its type.
func attribute(kind int, value string) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, kind}, Value: value}
}

// certificate is one as it is read from a connection, with a subject of these attributes.
func certificate(t *testing.T, subject ...pkix.AttributeTypeAndValue) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var sequence pkix.RDNSequence
	for _, a := range subject {
		sequence = append(sequence, pkix.RelativeDistinguishedNameSET{a})
	}
	raw, err := asn1.Marshal(sequence)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: raw, NotBefore: time.Unix(1000, 0), NotAfter: time.Unix(2000, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWhose: a subject names one user, or nobody.
func TestWhose(t *testing.T) {
	const country, organization, commonName, serialNumber = 6, 10, 3, 5
	f := func(wantCommonName, wantName string, subject ...pkix.AttributeTypeAndValue) {
		t.Helper()
		c := certificate(t, subject...)
		if got := certified.CommonName(c); got != wantCommonName {
			t.Errorf("%v: common name %q, want %q", c.Subject, got, wantCommonName)
		}
		if got := certified.Name(c); got != wantName {
			t.Errorf("%v: name %q, want %q", c.Subject, got, wantName)
		}
	}
	f("", "")
	f("orders", "CN=orders", attribute(commonName, "orders"))
	f("orders", "CN=orders,O=Shop,C=DE", attribute(country, "DE"), attribute(organization, "Shop"), attribute(commonName, "orders"))
	f("", "O=Shop", attribute(organization, "Shop"))
	f("a,O=Shop", `CN=a\,O=Shop`, attribute(commonName, "a,O=Shop")) // is not the name CN=a,O=Shop
	f("", "", attribute(commonName, "guest"), attribute(commonName, "admin"))
	f("", "", attribute(commonName, "admin"), attribute(commonName, "admin"))
	f("", "", attribute(commonName, "a"), attribute(serialNumber, "1"), attribute(serialNumber, "2"))
	f("a", "SERIALNUMBER=1,CN=a", attribute(commonName, "a"), attribute(serialNumber, "1"))
}
