// Package v1 is what /api/v1 says: the bodies of its requests and answers, and the table of its operations, [Operations]. Package api
// serves that table and nothing else; commands and consoles read answers into the bodies.
//
// The table is the one source of truth. Names and bounds of parameters stand in it, bounds of members of a request's body in the tags of
// its type, and both are checked by the server before anything is done ([Operation.Query], [Decode]). openapi.json, which [Document]
// returns, is made of the same table and of the comments in this package: `go test ./api/v1 -update` writes it, and the test fails where
// it is not what the table says.
//
// All bodies are JSON objects. Times are RFC 3339 in UTC, sizes bytes, durations seconds where the name does not say otherwise; lists and
// strings that are empty are there all the same, so that a script need not ask. What is not 2xx is a [Problem].
// Members and operations are added; what there is keeps its name and meaning.
//
// All of it is data and pure functions, safe to use at once.
package v1
