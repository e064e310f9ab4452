package v1

import "net/http"

// Problem is the body of every answer that is not a success, application/problem+json as RFC 9457 has it.
type Problem struct {
	Type   string `json:"type"`   // "urn:aerobee:problem:" and the name of the kind, which does not change
	Title  string `json:"title"`  // the kind in words
	Status int    `json:"status"` // the HTTP status
	Detail string `json:"detail"` // what is wrong with this request, with the number
	Error  string `json:"error"`  // the same as detail, for who knew answers before they were problems
}

// Failure is the part of a [Problem] that answers have always had.
type Failure struct {
	Error string `json:"error"`
}

// Kind is a kind of problem.
type Kind struct {
	Name   string
	Title  string
	Status int
}

const problemPrefix = "urn:aerobee:problem:"

// Kinds are all kinds of problems. The first one of a status stands for it where nothing more is known.
func Kinds() []Kind {
	return []Kind{
		{"bad-request", "The request is not valid", http.StatusBadRequest},
		{"needs-login", "Somebody has to sign in for it", http.StatusUnauthorized},
		{"wrong-password", "There is no such user and password", http.StatusUnauthorized},
		{"not-here", "Administrators alone may ask for it, and this address is none of theirs", http.StatusForbidden},
		{"not-super", "Super users alone may ask for it", http.StatusForbidden},
		{"csrf", "A browser's request lacks the token of its session", http.StatusForbidden},
		{"other-origin", "A page of another origin may not make changes", http.StatusForbidden},
		{"not-found", "There is no such thing", http.StatusNotFound},
		{"no-such-method", "The path does not have the method", http.StatusMethodNotAllowed},
		{"refused", "The broker refuses it", http.StatusConflict},
		{"too-large", "The body is too large", http.StatusRequestEntityTooLarge},
		{"not-json", "The body is not application/json", http.StatusUnsupportedMediaType},
		{"too-many", "Too many of these are under way", http.StatusTooManyRequests},
		{"unavailable", "The node cannot serve it now", http.StatusServiceUnavailable},
		{"no-answer", "The broker did not answer in time", http.StatusGatewayTimeout},
	}
}

// NewProblem is a problem of the kind with this name; a name that is not in the table is "unavailable".
func NewProblem(name, detail string) Problem {
	kinds := Kinds()
	var found Kind
	for _, k := range kinds {
		if k.Name == name || found.Name == "" && k.Name == "unavailable" {
			found = k
		}
		if k.Name == name {
			break
		}
	}
	return Problem{Type: problemPrefix + found.Name, Title: found.Title, Status: found.Status, Detail: detail, Error: detail}
}

// OfStatus is the name of the first kind that has a status, "unavailable" for others.
func OfStatus(status int) string {
	for _, k := range Kinds() {
		if k.Status == status {
			return k.Name
		}
	}
	return "unavailable"
}
