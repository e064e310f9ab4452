package v1

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/auth/access"
	"github.com/aerobee-mq/aerobee/config"
)

var update = flag.Bool("update", false, "write openapi.json")

type object = map[string]any

// TestDocument makes the document of the table and of the comments, and wants openapi.json to be that.
func TestDocument(t *testing.T) {
	text := makeDocument(t)
	if *update {
		if err := os.WriteFile("openapi.json", text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if *update || string(text) == Document() {
		return
	}
	have, want := strings.Split(Document(), "\n"), strings.Split(string(text), "\n")
	for i := range want {
		if i >= len(have) || have[i] != want[i] {
			t.Fatalf("openapi.json is not what the table says, from line %d on: %s; go test ./api/v1 -update writes it", i+1, want[i])
		}
	}
	t.Fatal("openapi.json is longer than what the table says; go test ./api/v1 -update writes it")
}

func makeDocument(t *testing.T) []byte {
	t.Helper()
	b := &builder{comments: comments(t), schemas: object{}}
	paths := object{}
	for _, o := range Operations() {
		if paths[o.Path] == nil {
			paths[o.Path] = object{}
		}
		paths[o.Path].(object)[strings.ToLower(o.Method)] = b.operation(&o)
	}
	b.schema(reflect.TypeFor[Rates]()) // of the live stream
	b.schema(reflect.TypeFor[Lag]())
	b.schema(reflect.TypeFor[Problem]())
	document := object{
		"openapi": "3.1.0",
		"info": object{"title": "Aerobee", "version": "1", "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "The management API of an Aerobee node. What changes something, what shows messages, and what shows the node's own state is for administrators: " +
				"until there is a super user, for whoever asks from the node's own machine, or from an address of --admin-from; from then on for super users, and all the rest for " +
				"whoever signs in. None of it is for pages of another origin. Errors are problems as RFC 9457 has them."},
		"servers":    []any{object{"url": "/"}},
		"security":   []any{object{}, object{"basic": []any{}}, object{"bearer": []any{}}, object{"cookie": []any{}}},
		"paths":      paths,
		"tags":       tags(),
		"components": object{"schemas": b.schemas, "responses": object{"Problem": problemResponse()}, "securitySchemes": securitySchemes()},
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(document); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func securitySchemes() object {
	return object{
		"basic":  object{"type": "http", "scheme": "basic"},
		"bearer": object{"type": "http", "scheme": "bearer", "description": "the token of POST /api/v1/session with bearer true"},
		"cookie": object{"type": "apiKey", "in": "cookie", "name": "aerobee_session", "description": "what POST /api/v1/session sets; changes need its csrfToken in the header X-CSRF-Token besides"},
	}
}

func tags() []any {
	var out []any
	seen := map[string]bool{}
	for _, o := range Operations() {
		if !seen[o.Tag] {
			out = append(out, object{"name": o.Tag})
		}
		seen[o.Tag] = true
	}
	return out
}

func problemResponse() object {
	var names []string
	for _, k := range Kinds() {
		names = append(names, fmt.Sprintf("%d %s", k.Status, k.Name))
	}
	return object{"description": "why not; the kinds are " + strings.Join(names, ", "),
		"content": object{"application/problem+json": object{"schema": object{"$ref": "#/components/schemas/Problem"}}}}
}

// builder makes schemas of types.
type builder struct {
	comments map[string]string // of "Type" and "Type.Field"
	schemas  object
}

func (b *builder) operation(o *Operation) object {
	about := o.About
	if o.Here {
		about += "; for administrators"
	}
	ok := object{"description": "done"}
	switch {
	case o.Media != "":
		ok["content"] = object{o.Media: object{"schema": object{}}}
	default:
		ok["content"] = object{"application/json": object{"schema": b.schema(reflect.TypeOf(o.Answer))}}
	}
	out := object{"operationId": o.ID, "summary": about, "tags": []any{o.Tag},
		"responses": object{"200": ok, "default": object{"$ref": "#/components/responses/Problem"}}}
	if access.OfCall(o.ID).Public() {
		out["security"] = []any{}
	}
	var params []any
	for i := range o.Params {
		params = append(params, parameter(&o.Params[i]))
	}
	if params != nil {
		out["parameters"] = params
	}
	if o.Body != nil {
		content := object{"schema": b.schema(reflect.TypeOf(o.Body))}
		if !reflect.ValueOf(o.Body).IsZero() {
			content["example"] = o.Body
		}
		out["requestBody"] = object{"required": true, "content": object{"application/json": content}}
	}
	return out
}

func parameter(p *Param) object {
	schema := object{"type": p.Kind}
	in := "query"
	if p.InPath {
		in = "path"
	}
	switch p.Kind {
	case integer:
		schema["minimum"], schema["maximum"], schema["format"] = p.Min, p.Max, "int64"
	case moment:
		schema = object{"type": "string", "format": "date-time"}
	case text:
		schema["maxLength"] = p.MaxLen
		if p.InPath {
			schema["minLength"] = 1
		}
		if p.Pattern != "" {
			schema["pattern"] = p.Pattern
		}
		if len(p.Choices) > 0 {
			schema = object{"type": "string", "enum": p.Choices}
		}
	}
	if p.Default != "" {
		schema["default"] = p.Default
		if n, err := strconv.ParseInt(p.Default, 10, 64); err == nil && p.Kind == integer {
			schema["default"] = n
		}
	}
	return object{"name": p.Name, "in": in, "description": p.About, "required": p.Required, "schema": schema}
}

// more is what tags of members cannot say.
var more = map[string]object{
	"Resend": {"oneOf": []any{
		object{"required": []any{"ids"}, "properties": object{"ids": object{"type": "array", "minItems": 1}, "all": object{"const": false}}},
		object{"required": []any{"all"}, "properties": object{"ids": object{"type": []any{"array", "null"}, "maxItems": 0}, "all": object{"const": true}}},
	}},
	"Reset":          {"oneOf": []any{object{"required": []any{"to"}}, object{"required": []any{"queue"}}}},
	"TestMessage":    {"oneOf": []any{object{"required": []any{"body"}}, object{"required": []any{"bodyBase64"}}}, "not": object{"required": []any{"orderKey", "queue"}}},
	"SettingsChange": {"properties": object{"settings": liveSettings()}},
}

// liveSettings is the schema of the settings that can be changed while a broker runs: there are no others.
func liveSettings() object {
	keys := object{}
	for _, name := range config.Live() {
		keys[name] = object{"type": "string", "maxLength": 255}
	}
	return object{"type": "object", "properties": keys, "additionalProperties": false, "minProperties": 1}
}

func (b *builder) schema(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[[]byte]():
		return object{"type": "string", "contentEncoding": "base64"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.schema(t.Elem())
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return object{"type": "integer", "format": fmt.Sprintf("int%d", t.Bits())}
	case reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Slice:
		return object{"type": "array", "items": b.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": b.schema(t.Elem())}
	case reflect.Struct:
		return b.body(t)
	}
	panic("BUG: no schema for " + t.String())
}

func (b *builder) body(t reflect.Type) object {
	if t.Name() == "" {
		return object{"type": "object"}
	}
	reference := object{"$ref": "#/components/schemas/" + t.Name()}
	if b.schemas[t.Name()] != nil {
		return reference
	}
	properties, required := object{}, []string{}
	out := object{"type": "object", "properties": properties}
	b.schemas[t.Name()] = out
	if c := b.comments[t.Name()]; c != "" {
		out["description"] = c
	}
	for _, m := range members(t) {
		s := b.schema(m.Type)
		restrict(s, &m)
		if c := b.comments[m.Of.Name()+"."+m.GoName]; c != "" {
			s["description"] = c
		}
		properties[m.Name] = s
		if !m.Optional {
			required = append(required, m.Name)
		}
	}
	if len(required) > 0 {
		out["required"] = required
	}
	if requested(t) {
		out["additionalProperties"] = false
	}
	for name, value := range more[t.Name()] {
		out[name] = value
	}
	return reference
}

// requested reports whether a type is one of requests: then it may have no other members.
func requested(t reflect.Type) bool {
	return slices.ContainsFunc(Operations(), func(o Operation) bool { return o.Body != nil && holds(reflect.TypeOf(o.Body), t) })
}

// holds reports whether a body is of a type, or some value in it.
func holds(body, t reflect.Type) bool {
	switch body.Kind() {
	case reflect.Pointer, reflect.Slice:
		return holds(body.Elem(), t)
	case reflect.Struct:
		return body == t || slices.ContainsFunc(members(body), func(m member) bool { return holds(m.Type, t) })
	}
	return false
}

// restrict adds what a member's tags say.
func restrict(s object, m *member) {
	texts, least, most := s, "minItems", "maxItems"
	switch {
	case m.Type.Kind() == reflect.Map:
		texts, least, most = s["additionalProperties"].(object), "minProperties", "maxProperties"
		if n, ok := number(m.Tag, "maxName"); ok {
			s["propertyNames"] = object{"minLength": 1, "maxLength": n}
		}
	case m.Type.Kind() == reflect.Slice && m.Type.Elem().Kind() == reflect.String:
		texts = s["items"].(object)
	}
	for tag, name := range map[string]string{"min": "minimum", "max": "maximum", "minLen": "minLength", "maxLen": "maxLength"} {
		if n, ok := number(m.Tag, tag); ok {
			texts[name] = n
		}
	}
	for tag, name := range map[string]string{"minItems": least, "maxItems": most} {
		if n, ok := number(m.Tag, tag); ok {
			s[name] = n
		}
	}
	if choices := m.Tag.Get("enum"); choices != "" {
		texts["enum"] = strings.Split(choices, ",")
	}
	if pattern := m.Tag.Get("pattern"); pattern != "" {
		texts["pattern"] = pattern
	}
	if null := m.Type.Kind() == reflect.Pointer && !m.Optional || m.Tag.Get("null") == "yes"; null {
		s["type"] = []any{s["type"], "null"}
	}
	if m.Of == reflect.TypeFor[Reset]() && m.Name == "to" {
		delete(s, "minLength")
		delete(s, "maxLength")
		s["anyOf"] = []any{object{"enum": []any{"earliest", "latest"}}, object{"format": "date-time"}}
	}
}

// comments are those of the types of this package and of their members.
func comments(t *testing.T) map[string]string {
	t.Helper()
	var files []string
	for _, of := range []string{"*.go", "rights/*.go", "operate/*.go", "../../auth/session/*.go", "../../auth/audit/*.go"} {
		some, err := filepath.Glob(of)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	out := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				if typ, ok := spec.(*ast.TypeSpec); ok {
					out[typ.Name.Name] = plain(g.Doc.Text())
					if s, ok := typ.Type.(*ast.StructType); ok {
						fieldComments(out, typ.Name.Name, s)
					}
				}
			}
		}
	}
	return out
}

func fieldComments(out map[string]string, typ string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		for _, name := range f.Names {
			out[typ+"."+name.Name] = plain(f.Doc.Text() + f.Comment.Text())
		}
	}
}

func plain(comment string) string {
	return strings.NewReplacer("[", "", "]", "", "\n", " ").Replace(strings.TrimSpace(comment))
}

// TestTable holds the table to what a table must be.
func TestTable(t *testing.T) {
	ids, routes, listed := map[string]bool{}, map[string]bool{}, map[string]bool{access.Profile: true}
	for _, o := range Operations() {
		if ids[o.ID] || routes[o.Method+o.Path] {
			t.Errorf("%s %s (%s) stands in it twice", o.Method, o.Path, o.ID)
		}
		ids[o.ID], routes[o.Method+o.Path] = true, true
		if o.About == "" || (o.Answer == nil) != (o.Media != "") {
			t.Errorf("%s: no words about it, or not one answer", o.ID)
		}
		listed[o.ID] = true
		if class := access.OfCall(o.ID); class == 0 {
			t.Errorf("%s stands in no row of auth/access: say who may ask for it", o.ID)
		} else if o.Method != "GET" && class != access.Changes && class != access.Entry {
			t.Errorf("%s changes something and is not for administrators alone", o.ID)
		}
		for _, s := range o.Segments() {
			name, named := strings.CutPrefix(s, "{")
			if named && !slices.ContainsFunc(o.Params, func(p Param) bool { return p.InPath && p.Name+"}" == name }) {
				t.Errorf("%s: path parameter %s stands nowhere", o.ID, s)
			}
		}
	}
	for _, c := range access.Calls() {
		if !listed[c.ID] {
			t.Errorf("auth/access lists %s, which is not served", c.ID)
		}
		delete(listed, c.ID) // so that a second row is found
	}
}

// TestExamples: what the document shows as a request's body is one that is taken.
func TestExamples(t *testing.T) {
	shown := 0
	for _, o := range Operations() {
		if o.Body == nil || reflect.ValueOf(o.Body).IsZero() {
			continue
		}
		shown++
		text, err := json.Marshal(o.Body)
		if err == nil {
			err = Decode(text, reflect.New(reflect.TypeOf(o.Body)).Interface())
		}
		if err != nil {
			t.Errorf("%s: %s: %v", o.ID, text, err)
		}
	}
	if shown < 10 {
		t.Errorf("%d operations have an example", shown)
	}
}
