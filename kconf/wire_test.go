package kconf_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

func encode(t testing.TB, f *kconf.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wireSample has includes within includes, quotes, blocks and a missing brace.
func wireSample() *kconf.File {
	files := kconf.Memory{
		"/c/k":  "a \"b c\" \xff {\ninclude i1\n}\nempty {}\ne {\n",
		"/c/i1": "x\ninclude i2\n y z\n",
		"/c/i2": "deep { er }\n",
	}
	f, _ := kconf.ParseFile("/c/k", kconf.Options{FS: files})
	return f
}

func TestTreeSurvivesTheWire(t *testing.T) {
	want := wireSample()
	got, err := kconf.Decode(bytes.NewReader(encode(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("tree changed (-sent +received):\n%s", d)
	}
	if via := got.Stmts[0].Block[1].Pos().Via(); via == nil || via.String() != "/c/i1:2:1" || via.Via().String() != "/c/k:2:1" {
		t.Errorf("include chain of deep is %v, want /c/i1:2:1 included at /c/k:2:1", via)
	}
}

func TestDecodeLeavesWhatFollows(t *testing.T) {
	data := encode(t, wireSample())
	r := bufio.NewReader(io.MultiReader(bytes.NewReader(data), strings.NewReader("event 1\n"), bytes.NewReader(data)))
	if _, err := kconf.Decode(r); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadString('\n'); line != "event 1\n" {
		t.Errorf("read %q, %v behind the tree, want event 1", line, err)
	}
	if _, err := kconf.Decode(r); err != nil {
		t.Errorf("second tree: %v", err)
	}
}

func TestDecodeRefusesWhatIsNoTree(t *testing.T) {
	good := string(encode(t, wireSample()))
	const magic = "holdfast-tree/2\n"
	tests := map[string]string{
		"nothing":                           "",
		"another version":                   strings.Replace(good, "tree/2", "tree/9", 1),
		"cut off":                           good[:len(good)-1],
		"cut off in the middle":             good[:len(good)/2],
		"a text that claims a gigabyte":     magic + "\x00\x80\x80\x80\x80\x04",
		"a text nobody has sent":            magic + "\x05",
		"a number of twelve octets":         magic + strings.Repeat("\xff", 12),
		"a statement without words":         magic + "\x00\x01k\x01\x00",
		"two billion words":                 magic + "\x00\x01k\x01\xff\xff\xff\xff\x07",
		"two billion statements in a block": magic + "\x00\x01k\x01\x01\x00\x00\x00\x00\x01\x00\xff\xff\xff\xff\x07",
		"a source nobody has sent":          magic + "\x00\x01k\x01\x01\x00\x09\x01\x01\x00\x00\x00\x00\n",
		"an include chain that never ends":  magic + "\x00\x01k\x01\x01\x00\x01\x00\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\n",
		"an end that is not the end's sign": good[:len(good)-1] + "x",
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			if f, err := kconf.Decode(strings.NewReader(in)); err == nil {
				t.Errorf("accepted: %s", flat(f.Stmts))
			}
		})
	}
}

// A tree deeper than any that is read would cost the decoder its stack.
func TestDecodeRefusesTreesDeeperThanAnyFile(t *testing.T) {
	nested := func(depth int) *kconf.File {
		s := &kconf.Stmt{Words: []kconf.Word{{Text: "a"}}}
		for range depth {
			s = &kconf.Stmt{Words: []kconf.Word{{Text: "a"}}, HasBlock: true, Block: []*kconf.Stmt{s}}
		}
		return &kconf.File{Stmts: []*kconf.Stmt{s}}
	}
	if _, err := kconf.Decode(bytes.NewReader(encode(t, nested(64)))); err != nil {
		t.Errorf("64 blocks inside each other, as many as a file may have: %v", err)
	}
	if _, err := kconf.Decode(bytes.NewReader(encode(t, nested(100)))); err == nil {
		t.Error("100 blocks inside each other were accepted")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestEncodeReportsTheWriter(t *testing.T) {
	if err := wireSample().Encode(brokenPipe{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want closed pipe", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, wireSample()))
	f.Add([]byte("holdfast-tree/2\n\x00\x01k\x00\n"))
	f.Add([]byte("holdfast-tree/2\n\x00\x01k\x01\x01\x00\x01\x00\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\n"))
	f.Add([]byte("holdfast-tree/2\n\x00\x01k\x01\x01\x00\x01\x00\x00\x01\x01\x00\x00\x00\x00\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := kconf.Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := kconf.Decode(bytes.NewReader(encode(t, tree)))
		if err != nil {
			t.Fatalf("own encoding refused: %v", err)
		}
		if !reflect.DeepEqual(tree, again) {
			t.Errorf("tree changed:\n%s\n%s", flat(tree.Stmts), flat(again.Stmts))
		}
	})
}
