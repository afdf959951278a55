package lsp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

var update = flag.Bool("update", false, "write the answers into testdata/*.session")

// client is an editor on the other end of two pipes.
type client struct {
	t    *testing.T
	in   *io.PipeWriter
	out  *bufio.Reader
	done chan error
}

func connect(t *testing.T, opt Options) *client {
	t.Helper()
	serverIn, in := io.Pipe()
	out, serverOut := io.Pipe()
	c := &client{t: t, in: in, out: bufio.NewReader(out), done: make(chan error, 1)}
	go func() {
		err := Serve(t.Context(), serverIn, serverOut, opt)
		serverOut.Close()
		serverIn.Close()
		c.done <- err
	}()
	t.Cleanup(func() { in.Close() })
	return c
}

// send writes frames; it does not wait for anything.
func (c *client) send(frames string) {
	go io.WriteString(c.in, frames) // the server may be gone, or busy writing to us
}

func frame(body string) string {
	return "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// receive reads one message; false: the server has closed its end.
func (c *client) receive() (string, bool) {
	length := 0
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			return "", false
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if _, err := fmt.Sscanf(line, "Content-Length: %d", &length); err != nil {
			c.t.Fatalf("header line %q", line)
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(c.out, body); err != nil {
		c.t.Fatalf("body: %v", err)
	}
	return string(body), true
}

// sync is a request whose answer says that all before it has been dealt with.
const syncRequest = `{"jsonrpc":"2.0","id":"sync","method":"textDocument/references","params":{}}`

// exchange sends text and returns what comes back because of it.
func (c *client) exchange(text string) (answers []string) {
	c.send(text + frame(syncRequest))
	for {
		m, ok := c.receive()
		if !ok || strings.Contains(m, `"id":"sync"`) {
			return answers
		}
		answers = append(answers, m)
	}
}

// Each session is what an editor sends (-->) and what it gets back (<--), one
// message a line; a message in Go's quotes is sent as it is, without a frame.
// What the answers should be was worked out by hand from the protocol's
// specification, for the first time each.
func TestSessions(t *testing.T) {
	names, err := filepath.Glob("testdata/*.session")
	if err != nil || len(names) == 0 {
		t.Fatalf("no sessions: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".session"), func(t *testing.T) {
			script, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(script))
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(script), got); d != "" && !*update {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// onDisk are the files below the editor's texts.
var onDisk = kconf.Memory{
	"/etc/k/scripts.conf": "vrrp_script chk_disk {\n    script /bin/disk\n    interval 99\n}\n",
	"/etc/k/part.conf":    "interface eth0\nstat MASTER\n",
	"/etc/k/more.conf":    "$FROM_MORE=192.0.2.9\n",
}

// play sends what a script sends and returns the script with the answers.
func play(t *testing.T, script string) string {
	c := connect(t, Options{Vocab: rootRows, Check: check, Name: "holdfast", Version: "1", FS: onDisk, MaxMessage: 1500})
	var got strings.Builder
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "<-- ") || strings.HasPrefix(line, "end: ") {
			continue
		}
		got.WriteString(line)
		body, sent := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "--> ")
		if !sent {
			continue
		}
		text := frame(body)
		if strings.HasPrefix(body, `"`) {
			raw, err := strconv.Unquote(body)
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			text = raw
		}
		for _, answer := range c.exchange(text) {
			got.WriteString("<-- " + answer + "\n")
		}
		select {
		case err := <-c.done:
			fmt.Fprintf(&got, "end: %v\n", err)
			return got.String()
		default:
		}
	}
	c.in.Close()
	fmt.Fprintf(&got, "end: %v\n", <-c.done)
	return got.String()
}

func TestCancelledWhileItWaits(t *testing.T) {
	var out bytes.Buffer
	s := newServer(&out, Options{Vocab: rootRows, Check: check})
	s.initialized = true
	request := incoming{message: parseMessage([]byte(`{"id":7,"method":"textDocument/hover","params":{}}`))}
	cancel := incoming{message: parseMessage([]byte(`{"method":"$/cancelRequest","params":{"id":7}}`))}
	other := incoming{message: parseMessage([]byte(`{"method":"$/cancelRequest","params":{"id":8}}`))}
	if done, err := s.take(request, []incoming{other, cancel}); done || err != nil {
		t.Fatalf("ended: %v", err)
	}
	want := `{"jsonrpc":"2.0","id":7,"error":{"code":-32800,"message":"textDocument/hover: cancelled"}}`
	if got := out.String(); !strings.HasSuffix(got, "\r\n\r\n"+want) {
		t.Errorf("answered %s\nwant %s", got, want)
	}
	out.Reset()
	s.take(request, []incoming{other})
	if got := out.String(); strings.Contains(got, "cancelled") {
		t.Errorf("another request was cancelled, this one got %s", got)
	}
}

// brokenVocab is a mistake of ours.
type brokenVocab struct{}

func (brokenVocab) Docs() []kconf.KeywordDoc { panic("out of order") }

func TestAPanicCostsOneAnswer(t *testing.T) {
	s := newServer(io.Discard, Options{Vocab: brokenVocab{}})
	s.initialized = true
	s.files.texts["/a"] = &document{path: "/a", uri: "file:///a"}
	_, err := s.request(parseMessage([]byte(`{"id":1,"method":"textDocument/hover","params":{"textDocument":{"uri":"file:///a"}}}`)))
	if want := (&rpcError{codeInternalError, "textDocument/hover: out of order"}); err == nil || *err != *want {
		t.Errorf("answered %v, want %v", err, want)
	}
}

func TestAPanicOfTheCheckIsShown(t *testing.T) {
	broken := func(string, kconf.FS) (*kconf.Diagnostics, *kconf.File) { panic("out of order") }
	s := newServer(io.Discard, Options{Vocab: rootRows, Check: broken})
	s.files.texts["/a"] = &document{path: "/a", uri: "file:///a", text: "x"}
	s.dirty["/a"] = true
	s.checkDirty()
	if got := s.published["file:///a"]; len(got) != 1 || got[0].Message != "can not be checked: out of order" || got[0].Severity != 1 {
		t.Errorf("published %+v", got)
	}
}

func TestServeEndsWithItsContextAndItsPipes(t *testing.T) {
	c := connect(t, Options{Vocab: rootRows, Check: check})
	c.in.Close()
	if err := <-c.done; !errors.Is(err, ErrNoShutdown) {
		t.Errorf("ended with %v, want %v", err, ErrNoShutdown)
	}
	c = connect(t, Options{Vocab: rootRows, Check: check})
	io.WriteString(c.in, "Content-Length: 5\r\n\r\n{")
	c.in.Close()
	if err := <-c.done; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ended with %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestEditsCountUTF16Units(t *testing.T) {
	tests := map[string]struct {
		text string
		edit change
		want string
	}{
		"behind two octets":             {"één x", change{&textRange{position{0, 2}, position{0, 3}}, "N"}, "ééN x"},
		"behind a pair":                 {"a😀b", change{&textRange{position{0, 3}, position{0, 4}}, "c"}, "a😀c"},
		"within a pair is before it":    {"a😀b", change{&textRange{position{0, 2}, position{0, 3}}, ""}, "ab"},
		"to the end of a line":          {"ab\r\ncd", change{&textRange{position{0, 1}, position{0, 99}}, "x"}, "ax\r\ncd"},
		"behind the last line":          {"ab\n", change{&textRange{position{9, 0}, position{9, 0}}, "c"}, "ab\nc"},
		"a lone return ends a line":     {"a\rb", change{&textRange{position{1, 0}, position{1, 1}}, "c"}, "a\rc"},
		"a range that is upside down":   {"abc", change{&textRange{position{0, 2}, position{0, 1}}, ""}, "ac"},
		"negative places":               {"abc", change{&textRange{position{-1, -1}, position{0, -5}}, "x"}, "xabc"},
		"over several lines":            {"a\nb\nc", change{&textRange{position{0, 1}, position{2, 0}}, "-"}, "a-c"},
		"the whole text":                {"a", change{nil, "b"}, "b"},
		"octets that are not UTF-8":     {"a\xffb", change{&textRange{position{0, 2}, position{0, 3}}, "c"}, "a\xffc"},
		"a byte order mark is one unit": {"\ufeffab", change{&textRange{position{0, 1}, position{0, 2}}, "c"}, "\ufeffcb"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := &document{text: tt.text}
			if d.apply(tt.edit); d.text != tt.want {
				t.Errorf("made %q, want %q", d.text, tt.want)
			}
		})
	}
}

func FuzzFraming(f *testing.F) {
	for _, seed := range []string{
		frame(`{"id":1,"method":"initialize","params":{}}`), "Content-Length: 99999999999999999999\r\n\r\n", "Content-Length: 1000000000\r\n\r\n{}",
		"content-length:2\n\n[]", "X: y\r\nContent-Length: 2\r\n\r\n{}Content-Length: 4\r\n\r\nnull", "\r\n\r\n", frame(`{"id":{},"method":3}`),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bufio.NewReader(bytes.NewReader(in))
		for n := 0; ; n++ {
			m, err := readMessage(r, 1000)
			if err != nil {
				return
			}
			if n > len(in) {
				t.Fatal("more messages than octets")
			}
			if m.wrong == nil && m.isRequest() && (!json.Valid(m.ID) || m.Params != nil && !json.Valid(m.Params)) {
				t.Errorf("request %s with parameters %s", m.ID, m.Params)
			}
		}
	})
}

// FuzzSession sends one document, an edit, and every request about one place.
func FuzzSession(f *testing.F) {
	f.Add("vrrp_instance A {\n state MASTER\n track_script { a\n", "{", 1, 3)
	f.Add("$A=b \\\nc\n~SEQ(N,2) x $A\ninclude /etc/k/*.conf\n}", "\"", 2, 13)
	f.Add("a \"b\n@lb1 vrrp_script x {", "é😀\r", 0, 3)
	f.Fuzz(func(t *testing.T, text, edit string, line, character int) {
		s := newServer(io.Discard, Options{Vocab: rootRows, Check: check, FS: onDisk})
		s.initialized = true
		d := &document{uri: "file:///etc/k/main.conf", path: "/etc/k/main.conf", text: text, open: true}
		s.files.texts[d.path] = d
		at := position{line, character}
		for range 2 {
			s.dirty[d.path] = true
			s.checkDirty()
			for method, handle := range handlers {
				result, _ := handle(s, d, documentParams{Position: at})
				if _, err := json.Marshal(result); err != nil {
					t.Errorf("%s: %v", method, err)
				}
			}
			if p := d.position(d.offset(at)); d.offset(p) != d.offset(at) {
				t.Errorf("%v is byte %d, which is %v", at, d.offset(at), p)
			}
			d.apply(change{&textRange{at, at}, edit})
		}
	})
}
