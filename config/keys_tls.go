package config

import "time"

// TLS modes, by Apache's names: none is served, plain text and TLS are, TLS alone is.
const (
	TLSDisabled   = "disabled"
	TLSPermissive = "permissive"
	TLSEnforcing  = "enforcing"
)

// Whose requests are that carry no signature and come with a client's certificate: the user's whom its common name names, the user's whom its whole
// subject names, nobody's.
const (
	UserFromCN = "CN"
	UserFromDN = "DN"
	UserOff    = "off"
)

// TLS says how connections are encrypted.
type TLS struct {
	Mode string
	// Cert and Key are PEM files; without them the node makes a certificate for development, if SelfSigned.
	Cert, Key  string
	SelfSigned bool
	// ClientAuth is none, optional or require; Trust is the PEM file with who may issue clients' certificates.
	ClientAuth, Trust string
	// UserFrom says which user a client's certificate stands for: [UserFromCN], [UserFromDN] or [UserOff].
	UserFrom string
	// Watch is the time between two looks whether the files have changed.
	Watch time.Duration
	// Out is how a proxy connects to the brokers and NameServers behind it.
	Out TLSOut
}

// TLSOut says how connections to others are encrypted.
type TLSOut struct {
	On        bool
	Verify    bool   // the other side's certificate has to hold
	Trust     string // PEM file with who may have issued it; "" for the system's list
	Cert, Key string // PEM files with the certificate that is shown there
}

func defaultTLS() TLS {
	return TLS{Mode: TLSPermissive, SelfSigned: true, ClientAuth: "none", UserFrom: UserOff, Watch: 10 * time.Second, Out: TLSOut{Verify: true}}
}

func tlsKeys() []Key {
	cert := text(func(c *Config) *string { return &c.TLS.Cert })
	key := text(func(c *Config) *string { return &c.TLS.Key })
	made := boolean(func(c *Config) *bool { return &c.TLS.SelfSigned })
	return []Key{
		apache("tls.server.mode", "disabled, permissive (plain text and TLS on the same ports) or enforcing (TLS alone)", oneOf(func(c *Config) *string { return &c.TLS.Mode }, TLSDisabled, TLSPermissive, TLSEnforcing)),
		apache("tls.server.certPath", "PEM file with the certificate, and behind it those that issued it; read again when it changes", cert),
		apache("tls.server.keyPath", "PEM file with the certificate's key", key),
		apache("tls.test.mode.enable", "without tls.server.certPath, make a certificate for development at the first start", made),
		apache("tls.server.need.client.auth", "none, optional or require: whether clients are to show a certificate", oneOf(func(c *Config) *string { return &c.TLS.ClientAuth }, "none", "optional", "require")),
		apache("tls.server.trustCertPath", "PEM file with the certificates that may have issued clients' certificates", text(func(c *Config) *string { return &c.TLS.Trust })),
		own("tlsUserFromSubject", "which user's requests are that carry no signature, by the certificate that the client has shown and that was verified: CN, of its common name; DN, of its whole subject, as in CN=orders,O=Shop; off, nobody's, since who issues certificates could name administrators. What is signed is judged by its signature",
			oneOf(func(c *Config) *string { return &c.TLS.UserFrom }, UserFromCN, UserFromDN, UserOff)),
		apache("tlsCertWatchIntervalMs", "ms between two looks whether these files have changed; RocketMQ's default is an hour", span(func(c *Config) *time.Duration { return &c.TLS.Watch }, time.Millisecond)),
		apache("tlsCertPath", "the same as tls.server.certPath", cert),
		apache("tlsKeyPath", "the same as tls.server.keyPath", key),
		apache("tlsTestModeEnable", "the same as tls.test.mode.enable", made),
		without("tls.server.authClient", "a client's certificate, if asked for, is always verified by tls.server.trustCertPath"),
		secret(without("tls.server.keyPassword", "keys with a password are not read: write the key without, in a file that only this user can read")),
		without("tls.config.file", "give the keys of that file among the other settings"),
		apache("tls.enable", "encrypt the connections of a proxy to the brokers and NameServers behind it", boolean(func(c *Config) *bool { return &c.TLS.Out.On })),
		apache("tls.client.trustCertPath", "PEM file with the certificates that may have issued theirs, or with those themselves; without it the system's list", text(func(c *Config) *string { return &c.TLS.Out.Trust })),
		apache("tls.client.authServer", "whether their certificates have to hold; RocketMQ's default is false", boolean(func(c *Config) *bool { return &c.TLS.Out.Verify })),
		apache("tls.client.certPath", "PEM file with the certificate that a proxy shows them; read again when it changes", text(func(c *Config) *string { return &c.TLS.Out.Cert })),
		apache("tls.client.keyPath", "PEM file with that certificate's key", text(func(c *Config) *string { return &c.TLS.Out.Key })),
		secret(without("tls.client.keyPassword", "keys with a password are not read: write the key without, in a file that only this user can read")),
	}
}

// validate names what does not fit together.
func (t *TLSOut) validate(fail func(format string, args ...any)) {
	switch {
	case !t.On && (t.Trust != "" || t.Cert != "" || t.Key != ""):
		fail("tls.client.trustCertPath, tls.client.certPath and tls.client.keyPath are about connections that tls.enable=true encrypts")
	case t.Cert == "" && t.Key != "":
		fail("tls.client.keyPath=%s is the key of no certificate: set tls.client.certPath as well", t.Key)
	case t.Cert != "" && t.Key == "":
		fail("tls.client.certPath=%s has no key: set tls.client.keyPath as well", t.Cert)
	}
}

// validate names what does not fit together.
func (t *TLS) validate(fail func(format string, args ...any)) {
	t.Out.validate(fail)
	if t.UserFrom != UserOff && (t.Mode == TLSDisabled || t.ClientAuth == "none") {
		fail("tlsUserFromSubject=%s needs certificates of clients: set tls.server.need.client.auth=optional or require, and tls.server.mode to permissive or enforcing", t.UserFrom)
	}
	if t.Mode == TLSDisabled {
		return
	}
	switch {
	case t.Cert == "" && t.Key != "":
		fail("tls.server.keyPath=%s is the key of no certificate: set tls.server.certPath as well", t.Key)
	case t.Cert != "" && t.Key == "":
		fail("tls.server.certPath=%s has no key: set tls.server.keyPath as well", t.Cert)
	case t.Cert == "" && !t.SelfSigned:
		fail("tls.test.mode.enable=false needs a certificate: set tls.server.certPath and tls.server.keyPath, or tls.server.mode=disabled")
	}
	if t.ClientAuth != "none" && t.Trust == "" {
		fail("tls.server.need.client.auth=%s needs tls.server.trustCertPath: it says whose certificates are accepted", t.ClientAuth)
	}
	if t.Watch <= 0 {
		fail("tlsCertWatchIntervalMs must be 1 or more")
	}
}
