package v1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxBody bounds the body of a request, in bytes: room for as many ids as one resend may name.
const MaxBody = 1 << 20

// maxDepth bounds how deep the values of a body lie in each other.
const maxDepth = 8

// Decode reads a request's body into what out points to, and holds it against the tags of its type: min and max of numbers, minLen and
// maxLen of texts in letters, enum, pattern, minItems and maxItems of lists and maps, and null where null may stand for a member that is left out.
// What is said of texts is so of each text in a list and of each value in a map, whose names maxName bounds. Members without
// omitempty must be there; members that the type does not have, and a second member of a name, may not. The error names the member, the rule and the number.
func Decode(body []byte, out any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	value, err := read(d, 0)
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("something follows behind the object")
		}
	}
	if err != nil {
		return fmt.Errorf("the body is no JSON object as it should be: %w", err)
	}
	if err := conform(value, reflect.TypeOf(out).Elem(), "", "the body"); err != nil {
		return err
	}
	text, err := json.Marshal(value) // with whole numbers as Go reads them
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	return nil
}

// whole writes 297.0 and 1e3 as 297 and 1000, which JSON takes for the same.
func whole(n json.Number) json.Number {
	const exact = 1 << 53
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact || !strings.ContainsAny(n.String(), ".eE") {
		return n
	}
	return json.Number(strconv.FormatInt(int64(f), 10))
}

// read reads one value: map[string]any, []any, json.Number, string, bool or nil.
func read(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("values lie more than %d deep in each other", maxDepth)
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, _ := name.(string) // a decoder gives nothing else here
			if _, twice := object[key]; twice {
				return nil, fmt.Errorf("%.60q stands in it twice", key)
			}
			if object[key], err = read(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := read(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err = d.Token()
		return list, err
	}
	if n, ok := token.(json.Number); ok {
		return whole(n), nil
	}
	return token, nil
}

// conform holds a value against a type and the tags of the member that it is.
func conform(value any, t reflect.Type, tag reflect.StructTag, where string) error {
	if value == nil && tag.Get("null") == "yes" {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		object, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %s, it must be an object", where, named(value))
		}
		return conformMembers(object, t, where)
	case reflect.Slice:
		list, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s is %s, it must be a list", where, named(value))
		}
		return conformList(list, t.Elem(), tag, where)
	case reflect.Map:
		object, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %s, it must be an object", where, named(value))
		}
		return conformMap(object, tag, where)
	case reflect.Bool:
		if _, ok := value.(bool); !ok {
			return fmt.Errorf("%s is %s, it must be true or false", where, named(value))
		}
		return nil
	case reflect.String:
		return conformText(value, tag, where)
	case reflect.Int32, reflect.Int64:
		return conformNumber(value, t, tag, where)
	}
	return fmt.Errorf("BUG: %s has a type that no request has: %s", where, t)
}

func conformList(list []any, of reflect.Type, tag reflect.StructTag, where string) error {
	if err := conformCount(len(list), tag, where); err != nil {
		return err
	}
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", where, i)
		err := error(nil)
		if of.Kind() == reflect.String {
			err = conformText(item, tag, at)
		} else {
			err = conform(item, of, "", at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// conformMap holds a map of texts against the tags.
func conformMap(object map[string]any, tag reflect.StructTag, where string) error {
	if err := conformCount(len(object), tag, where); err != nil {
		return err
	}
	most, bounded := number(tag, "maxName")
	for name, value := range object {
		if n := int64(utf8.RuneCountInString(name)); n == 0 || bounded && n > most {
			return fmt.Errorf("%s has a name of %d letters, %.60q, it must have 1 to %d", where, n, name, most)
		}
		if err := conformText(value, tag, fmt.Sprintf("%s.%.60s", where, name)); err != nil {
			return err
		}
	}
	return nil
}

func conformCount(n int, tag reflect.StructTag, where string) error {
	if least, ok := number(tag, "minItems"); ok && int64(n) < least {
		return fmt.Errorf("%s has %d items, it must have %d at least", where, n, least)
	}
	if most, ok := number(tag, "maxItems"); ok && int64(n) > most {
		return fmt.Errorf("%s has %d items, at most %d are allowed", where, n, most)
	}
	return nil
}

func conformMembers(object map[string]any, t reflect.Type, where string) error {
	known := map[string]bool{}
	for _, f := range members(t) {
		known[f.Name] = true
		value, given := object[f.Name]
		switch {
		case given:
			if err := conform(value, f.Type, f.Tag, f.Name); err != nil {
				return err
			}
		case !f.Optional:
			return fmt.Errorf("%s lacks %s", where, f.Name)
		}
	}
	for name := range object {
		if !known[name] {
			return fmt.Errorf("%s has a member %.60q, which it may not have", where, name)
		}
	}
	return nil
}

func conformText(value any, tag reflect.StructTag, where string) error {
	s, ok := value.(string)
	if !ok {
		return fmt.Errorf("%s is %s, it must be a text", where, named(value))
	}
	n := int64(utf8.RuneCountInString(s))
	if least, ok := number(tag, "minLen"); ok && n < least {
		return fmt.Errorf("%s has %d letters, it must have %d at least", where, n, least)
	}
	if most, ok := number(tag, "maxLen"); ok && n > most {
		return fmt.Errorf("%s has %d letters, at most %d are allowed", where, n, most)
	}
	if choices := tag.Get("enum"); choices != "" && !slices.Contains(strings.Split(choices, ","), s) {
		return fmt.Errorf("%s is %.60q, it must be one of %s", where, s, choices)
	}
	if pattern := tag.Get("pattern"); pattern != "" && !regexp.MustCompile(pattern).MatchString(s) {
		return fmt.Errorf("%s is %.60q, it must be as %s", where, s, pattern)
	}
	return nil
}

func conformNumber(value any, t reflect.Type, tag reflect.StructTag, where string) error {
	text, ok := value.(json.Number)
	if !ok {
		return fmt.Errorf("%s is %s, it must be a whole number", where, named(value))
	}
	n, err := strconv.ParseInt(text.String(), 10, t.Bits())
	if err != nil {
		return fmt.Errorf("%s is %.60s, it must be a whole number of %d bits", where, text, t.Bits())
	}
	if least, ok := number(tag, "min"); ok && n < least {
		return fmt.Errorf("%s is %d, it must be %d at least", where, n, least)
	}
	if most, ok := number(tag, "max"); ok && n > most {
		return fmt.Errorf("%s is %d, it must be %d at most", where, n, most)
	}
	return nil
}

// number is the value of a tag that is a number.
func number(tag reflect.StructTag, name string) (int64, bool) {
	n, err := strconv.ParseInt(tag.Get(name), 10, 64)
	return n, err == nil
}

// named says what a value is.
func named(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "a text"
	case json.Number:
		return "the number " + fmt.Sprintf("%.30s", v)
	case []any:
		return "a list"
	}
	return "an object"
}

// member is one member of a body.
type member struct {
	Name     string
	GoName   string
	Of       reflect.Type // the struct in which it stands
	Type     reflect.Type
	Tag      reflect.StructTag
	Optional bool
}

// members are a body's members, those of embedded structs among them.
func members(t reflect.Type) (out []member) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			out = append(out, members(f.Type)...)
		case name != "-" && name != "":
			out = append(out, member{name, f.Name, t, f.Type, f.Tag, options == "omitempty"})
		}
	}
	return out
}
