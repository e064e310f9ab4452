package v1

// Diagnosis is what is wrong with something, in the order in which one would look.
type Diagnosis struct {
	Subject  string    `json:"subject"`  // "cluster", "topic Orders", "group billing"
	Problems int       `json:"problems"` // how many findings are problems
	Findings []Finding `json:"findings"`
}

// Finding is one thing that is wrong, or worth knowing.
type Finding struct {
	Rule    string `json:"rule"`    // "subscriptions-differ", ...: its name, which does not change
	Problem bool   `json:"problem"` // false for what may well be meant so
	Says    string `json:"says"`    // what it is, with the numbers
	Why     string `json:"why"`     // what it leads to
	Number  int64  `json:"number"`  // the number that it is about: messages, members, bytes, milliseconds
	Try     string `json:"try"`     // what to do next
}
