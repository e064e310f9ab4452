// Package rights is what /api/v1 says of what users may do, and of what clients were refused: the bodies of the operations that package api/v1 lists under the
// tag acls, and of refusals. Their tags are checked there. Package api fills them in; they are data, safe to read at once.
package rights

import "time"

// ACLs is a page of access control lists, by user.
type ACLs struct {
	ACLs       []ACL             `json:"acls"`
	Next       string            `json:"next"`       // after of the next page, "" behind the last one
	Unanswered map[string]string `json:"unanswered"` // why some of the brokers did not answer, by name
}

// ACL is what a user who is not a super user may do, as each broker keeps it. Of the entries that fit a request, Custom goes before Default, then a
// name before a prefix before all of the kind, and a longer prefix before a shorter one; where none fits the answer is no.
type ACL struct {
	User       string            `json:"user"`
	Entries    []ACLEntry        `json:"entries"`
	Unanswered map[string]string `json:"unanswered"` // why some of the brokers did not answer, by name; empty in lists, which have their own
}

// ACLEntry says what may be done with a resource, or may not.
type ACLEntry struct {
	Policy   string   `json:"policy"`   // Custom or Default
	Decision string   `json:"decision"` // Allow or Deny
	Actions  []string `json:"actions"`
	Resource string   `json:"resource"` // Topic:Orders, Group:billing*, Cluster:*, *
	From     []string `json:"from"`     // addresses and prefixes, none for everywhere
	Brokers  []string `json:"brokers"`  // by name: those whose lists have it so
}

// ACLChange adds entries to a user's list, and replaces those of the same policy and resource. The others stay.
type ACLChange struct {
	Entries []ACLGrant `json:"entries" minItems:"1" maxItems:"1000"`
}

// ACLGrant is an entry that is added to a list.
type ACLGrant struct {
	Policy   string   `json:"policy,omitempty" enum:"Custom,Default"` // Custom if it is left out
	Decision string   `json:"decision,omitempty" enum:"Allow,Deny"`   // Allow if it is left out
	Actions  []string `json:"actions" minItems:"1" maxItems:"8" enum:"Pub,Sub,Create,Update,Delete,Get,List,All"`
	Resource string   `json:"resource" maxLen:"512" pattern:"^([*]|(Topic|Group|Cluster|Namespace):([!-)+-~]+[*]?|[*]))$"` // a name that ends in * stands for all that begin so; a * elsewhere would not be read
	From     []string `json:"from,omitempty" maxItems:"100" minLen:"1" maxLen:"64"`                                        // addresses, and prefixes as 10.0.0.0/8
}

// Explanation is which rule decides what a user may do, at each broker.
type Explanation struct {
	User       string            `json:"user"`
	Action     string            `json:"action"`
	Resource   string            `json:"resource"`
	From       string            `json:"from"` // "" for nowhere: then no entry fits that is about addresses
	Rulings    []Ruling          `json:"rulings"`
	Unanswered map[string]string `json:"unanswered"` // why some of the brokers did not answer, by name
}

// Ruling is a broker's answer.
type Ruling struct {
	Broker  string `json:"broker"`
	Allowed bool   `json:"allowed"`
	Rule    string `json:"rule"` // which one decides, in words
}

// Refusals is what clients were told when they were refused.
type Refusals struct {
	Refusals []Refusal `json:"refusals"`
}

// Refusal is one text that clients were told, with the number and the rule that it names. Peer is who was told last.
type Refusal struct {
	Remark  string    `json:"remark"`
	Code    string    `json:"code"`    // of the answer: a number over remoting, a name over gRPC
	Request string    `json:"request"` // of gRPC, "" over remoting
	Peer    string    `json:"peer"`    // "" over gRPC
	Times   int64     `json:"times"`   // since the text is remembered
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}
