package v1

import _ "embed"

//go:embed openapi.json
var document string

// Document is the text of openapi.json, the description of [Operations] in OpenAPI 3.1.
func Document() string { return document }
