// Package account holds the headers and bodies of the requests about users and access control lists: AUTH_CREATE_USER (3001) to
// AUTH_LIST_ACL (3010). The names are those of RocketMQ 5.5. Everything here is safe to call at once.
package account

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// UserHeader is the request header of 3001 to 3004, which are about one user.
type UserHeader struct{ Name string }

// Decode reads the fields; there is none that must be there.
func (h *UserHeader) Decode(f *protocol.Frame) { h.Name = apart.Read(f).Text("username") }

// Append adds the fields.
func (h *UserHeader) Append(fs *protocol.Fields) { fs.Add("username", h.Name) }

// UsersHeader is the request header of AUTH_LIST_USER (3005): only users whose names hold the filter.
type UsersHeader struct{ Filter string }

// Decode reads the fields; there is none that must be there.
func (h *UsersHeader) Decode(f *protocol.Frame) { h.Filter = apart.Read(f).Text("filter") }

// Append adds the fields.
func (h *UsersHeader) Append(fs *protocol.Fields) { appendUnlessEmpty(fs, "filter", h.Filter) }

// ACLHeader is the request header of 3006 to 3009, which are about one subject. PolicyType and Resource are AUTH_DELETE_ACL's (3008)
// alone; without a resource all of the subject's list is meant.
type ACLHeader struct{ Subject, PolicyType, Resource string }

// Decode reads the fields; there is none that must be there.
func (h *ACLHeader) Decode(f *protocol.Frame) {
	r := apart.Read(f)
	*h = ACLHeader{Subject: r.Text("subject"), PolicyType: r.Text("policyType"), Resource: r.Text("resource")}
}

// Append adds the fields.
func (h *ACLHeader) Append(fs *protocol.Fields) {
	fs.Add("subject", h.Subject)
	appendUnlessEmpty(fs, "policyType", h.PolicyType)
	appendUnlessEmpty(fs, "resource", h.Resource)
}

// ACLsHeader is the request header of AUTH_LIST_ACL (3010): only what holds the filters.
type ACLsHeader struct{ SubjectFilter, ResourceFilter string }

// Decode reads the fields; there is none that must be there.
func (h *ACLsHeader) Decode(f *protocol.Frame) {
	r := apart.Read(f)
	*h = ACLsHeader{SubjectFilter: r.Text("subjectFilter"), ResourceFilter: r.Text("resourceFilter")}
}

// Append adds the fields.
func (h *ACLsHeader) Append(fs *protocol.Fields) {
	appendUnlessEmpty(fs, "subjectFilter", h.SubjectFilter)
	appendUnlessEmpty(fs, "resourceFilter", h.ResourceFilter)
}

func appendUnlessEmpty(fs *protocol.Fields, name, value string) {
	if value != "" {
		fs.Add(name, value)
	}
}

// User is the request body of 3001 and 3002 and the answer's of 3004; 3005 answers a list of them. What is empty is not said: an update
// leaves it as it is. RocketMQ's brokers tell passwords, and its tool that copies users from broker to broker needs them.
type User struct {
	Password string `json:"password,omitempty"`
	Status   string `json:"userStatus,omitempty"` // enable or disable
	Type     string `json:"userType,omitempty"`   // Super or Normal
	Name     string `json:"username,omitempty"`
}

// ACL is the request body of 3006 and 3007 and the answer's of 3009; 3010 answers a list of them.
type ACL struct {
	Policies []Policy `json:"policies,omitempty"`
	Subject  string   `json:"subject,omitempty"` // User:name
}

// Policy holds the entries of one type: Custom, which an empty one stands for, or Default.
type Policy struct {
	Entries []Entry `json:"entries,omitempty"`
	Type    string  `json:"policyType,omitempty"`
}

// Entry says what of a resource is allowed or denied, and from where: addresses and CIDR prefixes, none for everywhere.
type Entry struct {
	Actions   []string `json:"actions,omitempty"`
	Decision  string   `json:"decision,omitempty"` // Allow or Deny
	Resource  string   `json:"resource,omitempty"` // Topic:orders, Group:g*, Cluster:*, *
	SourceIPs []string `json:"sourceIps,omitempty"`
}
