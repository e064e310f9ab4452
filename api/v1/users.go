package v1

// Users is who may use the brokers.
type Users struct {
	Users []User `json:"users"`
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
