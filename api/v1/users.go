package v1

// Users is a page of who may use the brokers, by name.
type Users struct {
	Users      []User            `json:"users"`
	Next       string            `json:"next"`       // after of the next page, "" behind the last one
	Unanswered map[string]string `json:"unanswered"` // why some of the brokers did not answer, by name
}

// User is somebody who may use the brokers. Passwords are never told.
type User struct {
	Name    string `json:"name"`
	Super   bool   `json:"super"` // everything is allowed
	Enabled bool   `json:"enabled"`
}

// UserChange makes a user or changes one: what is left out stays.
type UserChange struct {
	Password string `json:"password,omitempty" minLen:"1" maxLen:"255"`
	Super    *bool  `json:"super,omitempty"`
	Enabled  *bool  `json:"enabled,omitempty"`
}
