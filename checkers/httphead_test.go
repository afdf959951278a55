package checkers

import (
	"crypto/md5"
	"encoding/hex"
	"testing"
)

func md5sum(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestResponseHeader(t *testing.T) {
	tests := map[string]struct {
		in   string
		want head
		ok   bool
	}{
		"smallest":                {"HTTP/1.0 200 OK\r\n\r\nrest", head{size: 19, status: 200, length: -1}, true},
		"no end":                  {"HTTP/1.0 200 OK\r\n", head{}, false},
		"length in any case":      {"X 200\r\ncOnTent-lenGth:  12 \r\n\r\n", head{size: 31, status: 200, length: 12}, true},
		"first of two lengths":    {"X 200\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", head{size: 47, status: 200, length: 1}, true},
		"length no number":        {"X 200\r\nContent-Length: abc\r\n\r\n", head{size: 30, status: 200, length: -1}, true},
		"length negative":         {"X 200\r\nContent-Length: -5\r\n\r\n", head{size: 29, status: 200, length: -1}, true},
		"length beyond 63 bits":   {"X 200\r\nContent-Length: 9223372036854775808\r\n\r\n", head{size: 46, status: 200, length: -1}, true},
		"chunked is the last one": {"X 200\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", head{size: 43, status: 200, length: -1, chunked: true}, true},
		"chunked is not the last": {"X 200\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", head{size: 43, status: 200, length: -1}, true},
		"field without colon":     {"X 200\r\nnonsense\r\n\r\n", head{size: 19, status: 200, length: -1}, true},
		"nothing before the end":  {"\r\n\r\n", head{size: 4, length: -1}, true},
		"status has a letter":     {"X 2x0\r\n\r\n", head{size: 9, length: -1}, true},
		"status too short":        {"X 20\r\n\r\n", head{size: 8, length: -1}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := parseHead([]byte(tt.in))
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %+v %v, want %+v %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestEndOfChunkedBodyIsFoundHoweverItIsCut(t *testing.T) {
	tests := map[string]struct {
		in   string
		used int // octets up to the end; -1: no end
	}{
		"two chunks":             {"3\r\nabc\r\n1\r\nx\r\n0\r\n\r\nmore", 19},
		"extension and trailer":  {"3;a=b\r\nabc\r\n0;c\r\nT: v\r\n\r\n", 25},
		"upper case hexadecimal": {"A\r\n0123456789\r\n0\r\n\r\n", 20},
		"line feeds alone":       {"1\nx\n0\n\n", 7},
		"no chunk at all":        {"hello", -1},
		"size too long":          {"fffffffffffffffff\r\n", -1},
		"data longer than said":  {"1\r\nxyz\r\n0\r\n\r\n", -1},
		"last chunk missing":     {"1\r\nx\r\n", -1},
		"trailer without end":    {"0\r\nT: v\r\n", -1},
	}
	for name, tt := range tests {
		for cut := 1; cut <= len(tt.in); cut++ {
			e := bodyEnd{h: head{chunked: true, length: -1}}
			used, done := 0, false
			for at := 0; at < len(tt.in) && !done; at += cut {
				var n int
				n, done = e.feed([]byte(tt.in[at:min(at+cut, len(tt.in))]))
				used += n
			}
			if !done {
				used = -1
			}
			if used != tt.used {
				t.Errorf("%s in pieces of %d: end at %d, want %d", name, cut, used, tt.used)
			}
		}
	}
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := parseHead(b)
		if !ok {
			return
		}
		if h.size < 4 || h.size > len(b) || h.status < 0 || h.status > 999 || h.length < -1 {
			t.Fatalf("impossible header %+v of %d octets", h, len(b))
		}
		rest := b[h.size:]
		whole := bodyEnd{h: h}
		n, done := whole.feed(rest)
		if n < 0 || n > len(rest) {
			t.Fatalf("body of %d octets in %d", n, len(rest))
		}
		pieces, total, end := bodyEnd{h: h}, 0, false
		for i := 0; i < len(rest) && !end; i++ {
			var k int
			k, end = pieces.feed(rest[i : i+1])
			total += k
		}
		if len(rest) > 0 && (total != n || end != done) {
			t.Fatalf("whole: %d %v, octet by octet: %d %v", n, done, total, end)
		}
	})
}
