package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tool runs one command line with files in a directory of its own.
func tool(t *testing.T, files map[string]string, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out, errOut bytes.Buffer
	status = run(append([]string{"/usr/sbin/holdfast"}, args...), streams{strings.NewReader(stdin), &out, &errOut})
	return status, out.String(), errOut.String()
}

const (
	good  = "vrrp_instance VI_1 {\n    interface eth7\n    virtual_router_id 51\n    virtual_ipaddress {\n        10.9.0.100/24\n    }\n}\n"
	typo  = "vrrp_instance VI_1 {\n    interfase eth7\n    virtual_router_id 51\n}\n"
	loose = "vrrp_instance VI_1{\ninterface eth7 # link\n}\n"
)

func TestCheck(t *testing.T) {
	warned := strings.Replace(good, "10.9.0.100/24", "10.9.0.100/24\n    }\n    native_ipv6 1\n    virtual_routes {", 1)
	tests := map[string]struct {
		files  map[string]string
		stdin  string
		args   []string
		status int
		out    string // stdout contains it
		err    string // stderr
	}{
		"nothing wrong": {files: map[string]string{"k": good}, args: []string{"--elsewhere", "k"}},
		"a typo": {files: map[string]string{"k": typo}, args: []string{"--elsewhere", "k"}, status: 2,
			out: "k:2:5: error: unknown keyword interfase; did you mean interface? [unknown-keyword]\n    interfase eth7\n    ^~~~~~~~~\n"},
		"two files, one report": {files: map[string]string{"a": good, "b": typo}, args: []string{"--elsewhere", "a", "b"}, status: 2, out: "b:2:5:"},
		"standard input":        {stdin: typo, args: []string{"--elsewhere", "-"}, status: 2, out: "-:2:5: error: unknown keyword interfase; did you mean interface? [unknown-keyword]\n    interfase eth7\n"},
		"a missing file":        {args: []string{"nowhere"}, status: 2, out: "configuration file nowhere: no such file [file-missing]\n"},
		"an id that is ignored": {files: map[string]string{"k": typo}, args: []string{"--elsewhere", "--ignore", "unknown-keyword", "k"}, status: 2, out: "error: the configuration can not run: "},
		"strict, warnings":      {files: map[string]string{"k": warned}, args: []string{"--elsewhere", "--strict", "k"}, status: 2},
		"the config id": {files: map[string]string{"k": "@a " + strings.ReplaceAll(typo, "\n", "\n@a ")}, args: []string{"-i", "b", "k"},
			out: "k:1:1: warning: no vrrp_instance and no virtual_server; check the includes, and the conditions with @ [nothing-to-do]\n"},
		"what can not work": {files: map[string]string{"k": strings.Replace(good, "    interface", "    state MASTER\n    priority 255\n    track_script {\n        chk weight 20\n    }\n    interface", 1) +
			"vrrp_script chk {\n    script \"/bin/true\"\n}\n"}, args: []string{"--elsewhere", "k"}, status: 2, out: "[weight-of-owner]"},
		"the other node's file": {files: map[string]string{"k": good, "p": strings.Replace(good, "0.100", "0.101", 1)}, args: []string{"--elsewhere", "--peer", "p", "k"},
			out: "[peer-addresses-differ]\n"},
		"a peer for two files": {files: map[string]string{"k": good, "p": good}, args: []string{"--elsewhere", "--peer", "p", "k", "p"}, status: 2,
			err: "holdfast: --peer p: wants one file to compare with, not 2\n"},
		"a dump": {files: map[string]string{"k": good}, args: []string{"--elsewhere", "--dump", "json", "k"}, out: "\"vrid\": 51,\n"},
		"a dump of mistakes": {files: map[string]string{"k": good + "nonsense\n"}, args: []string{"--elsewhere", "--dump", "json", "k"}, status: 2, out: "\"vrid\": 51,\n",
			err: "k:8:1: error: unknown keyword nonsense [unknown-keyword]\nnonsense\n^~~~~~~~\n1 error\n"},
		"an unknown format": {files: map[string]string{"k": good}, args: []string{"--format", "xml", "k"}, status: 2, err: "holdfast: --format xml: must be one of text, json, sarif, github\n"},
		"an unknown colour": {files: map[string]string{"k": good}, args: []string{"--color", "blue", "k"}, status: 2, err: "holdfast: --color blue: must be auto, always or never\n"},
		"no file":           {status: 2, err: "holdfast: requires at least 1 arg(s), only received 0\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, out, errOut := tool(t, tt.files, tt.stdin, append([]string{"check"}, tt.args...)...)
			if status != tt.status {
				t.Errorf("exit status %d, want %d\n%s%s", status, tt.status, out, errOut)
			}
			if !strings.Contains(out, tt.out) || tt.out == "" && tt.status == 0 && out != "" {
				t.Errorf("stdout %q, want %q in it", out, tt.out)
			}
			if errOut != tt.err {
				t.Errorf("stderr %q, want %q", errOut, tt.err)
			}
		})
	}
}

func TestCheckForTools(t *testing.T) {
	for _, format := range []string{"json", "sarif"} {
		status, out, _ := tool(t, map[string]string{"k": typo}, "", "check", "--elsewhere", "--format", format, "k")
		if status != 2 || !json.Valid([]byte(out)) || !strings.Contains(out, "unknown-keyword") {
			t.Errorf("%s: status %d\n%s", format, status, out)
		}
	}
	if _, out, _ := tool(t, map[string]string{"k": typo}, "", "check", "--elsewhere", "--format=github", "k"); !strings.Contains(out, "::error file=k,line=2,col=5,title=unknown-keyword::unknown keyword interfase") {
		t.Errorf("github: %s", out)
	}
	if _, out, _ := tool(t, map[string]string{"k": typo}, "", "check", "--elsewhere", "--color=always", "k"); !strings.Contains(out, "\x1b[1;31merror:\x1b[0m") {
		t.Errorf("no colour: %q", out)
	}
}

func TestFmt(t *testing.T) {
	const laidOut = "vrrp_instance VI_1 {\n    interface eth7  # link\n}\n"
	t.Run("a file is written back, owner and mode kept", func(t *testing.T) {
		status, out, errOut := tool(t, map[string]string{"k": loose}, "", "fmt", "k")
		text, err := os.ReadFile("k")
		if status != 0 || out+errOut != "" || err != nil || string(text) != laidOut {
			t.Errorf("status %d, said %q, file %q, %v", status, out+errOut, text, err)
		}
		if left, _ := filepath.Glob(".k*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("a symbolic link stays one", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("real", []byte(loose), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("real", "k"); err != nil {
			t.Fatal(err)
		}
		if status := run([]string{"holdfast", "fmt", "k"}, streams{}); status != 0 {
			t.Fatalf("status %d", status)
		}
		info, err := os.Lstat("k")
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link has become %v, %v", info.Mode(), err)
		}
		info, err = os.Stat("real")
		if text, _ := os.ReadFile("real"); err != nil || string(text) != laidOut || info.Mode().Perm() != 0o600 {
			t.Errorf("file %q, mode %v, %v", text, info.Mode(), err)
		}
	})
	t.Run("check names what would change", func(t *testing.T) {
		status, out, _ := tool(t, map[string]string{"a": loose, "b": laidOut}, "", "fmt", "--check", "a", "b")
		if text, _ := os.ReadFile("a"); status != 1 || out != "a\n" || string(text) != loose {
			t.Errorf("status %d, stdout %q, file %q", status, out, text)
		}
	})
	t.Run("standard input", func(t *testing.T) {
		if status, out, _ := tool(t, nil, loose, "fmt", "-"); status != 0 || out != laidOut {
			t.Errorf("status %d, stdout %q", status, out)
		}
	})
	t.Run("what can not be formatted stays", func(t *testing.T) {
		status, _, errOut := tool(t, map[string]string{"k": "a {\n"}, "", "fmt", "k")
		if text, _ := os.ReadFile("k"); status != 2 || string(text) != "a {\n" || errOut != "holdfast: format: k:1:3: { has no }; close the block first\n" {
			t.Errorf("status %d, file %q, stderr %q", status, text, errOut)
		}
	})
}

func TestExplainAnswersFromTheTables(t *testing.T) {
	status, out, _ := tool(t, nil, "", "explain", "--block", "vrrp_instance", "advert_int")
	if status != 0 || !strings.HasPrefix(out, "advert_int SECS\n  in:       vrrp_instance\n") {
		t.Errorf("status %d, stdout %q", status, out)
	}
	if status, out, _ := tool(t, nil, "", "explain", "peer-addresses-differ"); status != 0 || !strings.HasPrefix(out, "# ") {
		t.Errorf("status %d, stdout %q", status, out)
	}
	status, _, errOut := tool(t, nil, "", "explain", "advert_itn")
	if status != 2 || errOut != "holdfast: explain advert_itn: unknown keyword; did you mean advert_int?\n" {
		t.Errorf("status %d, stderr %q", status, errOut)
	}
}

// TestCompletionKnows: what a shell asks for when somebody presses Tab.
func TestCompletionKnows(t *testing.T) {
	for name, tt := range map[string]struct {
		words []string
		want  string
	}{
		"commands":              {[]string{"ch"}, "check\t"},
		"options of the daemon": {[]string{"--use-f"}, "--use-file\t"},
		"short options":         {[]string{"-"}, "-f\t"},
		"keywords":              {[]string{"explain", "virtual_router"}, "virtual_router_id\n"},
		"blocks":                {[]string{"explain", "--block", "HTTP"}, "HTTP_GET\n"},
		"formats":               {[]string{"check", "--format", "s"}, "sarif\n"},
		"names of signals":      {[]string{"--signum", "REL"}, "RELOAD\n"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, _ := tool(t, nil, "", append([]string{"__complete"}, tt.words...)...)
			if status != 0 || !strings.Contains(out, tt.want) {
				t.Errorf("status %d, stdout %q, want %q in it", status, out, tt.want)
			}
		})
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if status, out, _ := tool(t, nil, "", "completion", shell); status != 0 || !strings.Contains(out, "__complete") {
			t.Errorf("%s: status %d, no script", shell, status)
		}
	}
}

// TestTheLanguageServerSpeaksOfTheRealKeywords: the protocol has tests of its own;
// this one is about what it is given.
func TestTheLanguageServerSpeaksOfTheRealKeywords(t *testing.T) {
	message := func(body string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body) }
	const text = `vrrp_script chk {\n    script \"/bin/true\"\n}\nvrrp_instance A {\n    interfase eth0\n    track_script {\n        chk\n    }\n}\n`
	at := func(id int, method string, line, character int) string {
		return message(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"textDocument/%s","params":{"textDocument":{"uri":"file:///k.conf"},"position":{"line":%d,"character":%d}}}`, id, method, line, character))
	}
	in := message(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}`) +
		message(`{"jsonrpc":"2.0","method":"initialized","params":{}}`) +
		message(`{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///k.conf","languageId":"keepalived","version":1,"text":"`+text+`"}}}`) +
		at(2, "hover", 5, 6) + at(3, "definition", 6, 9) +
		message(`{"jsonrpc":"2.0","id":4,"method":"shutdown"}`) + message(`{"jsonrpc":"2.0","method":"exit"}`)
	status, out, errOut := tool(t, nil, in, "lsp", "--elsewhere")
	if status != 0 || errOut != "" {
		t.Errorf("status %d, stderr %q", status, errOut)
	}
	for _, want := range []string{"unknown keyword interfase", "Scripts whose result moves state or priority", `"start":{"line":0,"character":12}`} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the answers:\n%s", want, out)
		}
	}
	if status, _, _ := tool(t, nil, "", "lsp"); status != 1 {
		t.Errorf("status %d when the editor leaves without a word, want 1", status)
	}
}
