package config

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"holdfast/checkers"
	"holdfast/kconf"
)

// Dump is the configuration as it is in force, defaults included, as indented
// JSON: durations in seconds, scripts as lists of words, passwords hidden. What
// was not written and has no value of its own is left out. The names are those of
// the fields, in lower case with underscores; they follow the program, so a
// version of it may rename them.
func (c *Config) Dump() ([]byte, error) {
	var b bytes.Buffer
	if err := dumpValue(&b, reflect.ValueOf(c), "", 0); err != nil {
		return nil, fmt.Errorf("dump configuration: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("dump configuration: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// maxDumpDepth is more than any configuration has; a structure that refers to
// itself ends there.
const maxDumpDepth = 40

const hidden = "(hidden)"

// secret names the fields that nobody must see.
func secret(field string) bool {
	switch field {
	case "Pass", "Password", "Key", "Keys", "Secret":
		return true
	}
	return false
}

var (
	posType    = reflect.TypeFor[kconf.Pos]()
	writtenSet = reflect.TypeFor[kconf.Written]()
	stmtType   = reflect.TypeFor[*kconf.Stmt]()
	wordType   = reflect.TypeFor[kconf.Word]()
	scriptType = reflect.TypeFor[*kconf.Script]()
	kindType   = reflect.TypeFor[*checkers.Kind]()
	timeType   = reflect.TypeFor[time.Duration]()
	textType   = reflect.TypeFor[encoding.TextMarshaler]()
	stringType = reflect.TypeFor[fmt.Stringer]()
)

// shown reports whether a value is worth a line: places are not, nor is what was
// never written.
func shown(v reflect.Value) bool {
	switch v.Type() {
	case posType, writtenSet:
		return false
	}
	switch v.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	case reflect.Pointer, reflect.Interface, reflect.Map:
		return !v.IsNil()
	case reflect.Slice:
		return v.Len() > 0
	case reflect.Struct, reflect.Array:
		return !(v.Type().Implements(textType) && v.IsZero()) // no address
	}
	return true
}

// dumpValue writes one value. field is the name of the field that holds it.
func dumpValue(b *bytes.Buffer, v reflect.Value, field string, depth int) error {
	if depth > maxDumpDepth {
		return fmt.Errorf("%s: more than %d values inside each other", field, maxDumpDepth)
	}
	if done, err := dumpSpecial(b, v); done {
		return err
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return dumpValue(b, v.Elem(), field, depth+1)
	case reflect.Struct:
		return dumpStruct(b, v, depth)
	case reflect.Slice, reflect.Array:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := dumpValue(b, v.Index(i), field, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case reflect.Map:
		return dumpMap(b, v, field, depth)
	}
	return dumpJSON(b, v.Interface())
}

// dumpSpecial writes what has a form of its own.
func dumpSpecial(b *bytes.Buffer, v reflect.Value) (done bool, err error) {
	switch v.Type() {
	case timeType:
		return true, dumpJSON(b, time.Duration(v.Int()).Seconds())
	case stmtType:
		return true, dumpJSON(b, v.Interface().(*kconf.Stmt).Raw)
	case kindType:
		return true, dumpJSON(b, v.Interface().(*checkers.Kind).Keyword)
	case wordType:
		return true, dumpJSON(b, v.Interface().(kconf.Word).Text)
	case scriptType:
		s := v.Interface().(*kconf.Script)
		return true, dumpJSON(b, struct {
			Command []string `json:"command"`
			User    string   `json:"user,omitempty"`
			Group   string   `json:"group,omitempty"`
		}{s.Argv, s.User, s.Group})
	}
	if v.Type().Implements(textType) {
		return true, dumpJSON(b, v.Interface())
	}
	if v.Kind() >= reflect.Int && v.Kind() <= reflect.Uint64 && v.Type().Implements(stringType) {
		return true, dumpJSON(b, v.Interface().(fmt.Stringer).String())
	}
	return false, nil
}

func dumpStruct(b *bytes.Buffer, v reflect.Value, depth int) error {
	b.WriteByte('{')
	first := true
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		if !f.IsExported() || !shown(value) {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		fmt.Fprintf(b, "%q:", snake(f.Name))
		if secret(f.Name) && !isKeyOfTable(value) {
			if value.IsZero() {
				b.WriteString(`""`)
			} else {
				fmt.Fprintf(b, "%q", hidden)
			}
			continue
		}
		if err := dumpValue(b, value, f.Name, depth+1); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// isKeyOfTable tells the keys of services and servers from those of ciphers:
// addresses are no secret.
func isKeyOfTable(v reflect.Value) bool {
	if v.Kind() == reflect.Slice && v.Len() > 0 {
		v = v.Index(0)
	}
	return v.Kind() == reflect.Struct && v.Type().PkgPath() != "" && (v.Type().Implements(textType) || v.Type().Name() == "ServiceKey")
}

func dumpMap(b *bytes.Buffer, v reflect.Value, field string, depth int) error {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return cmp.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
	b.WriteByte('{')
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "%q:", fmt.Sprint(k))
		if err := dumpValue(b, v.MapIndex(k), field, depth+1); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func dumpJSON(b *bytes.Buffer, v any) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Write(bytes.TrimRight(out.Bytes(), "\n"))
	return nil
}

// snake writes a field's name as keywords are written: GARPInterval is
// garp_interval, SMTPServer smtp_server.
func snake(name string) string {
	runes := []rune(strings.NewReplacer("IPv6", "Ipv6", "IPv4", "Ipv4", "IPs", "Ips", "BFDs", "Bfds", "FIFO", "Fifo").Replace(name))
	var b strings.Builder
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) {
			afterLower := !unicode.IsUpper(runes[i-1])
			beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if afterLower || beforeLower {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
