package kconf_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast/kconf"
)

// valueTest is one word, what it is read as ("" when refused), and what is said.
type valueTest struct{ word, want, says string }

// runValues reads words with parse; it prints what it read, or answers false.
func runValues(t *testing.T, tests map[string]valueTest, parse func(x *kconf.Ctx, w kconf.Word) (string, bool)) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var ds kconf.Diagnostics
			got, ok := parse(&kconf.Ctx{Diags: &ds}, kconf.Word{Text: tt.word, Pos: kconf.At("k.conf", 1, 1)})
			if !ok {
				got = ""
			}
			if said := messages(&ds); got != tt.want || said != tt.says {
				t.Errorf("read %q, said %q\nwant %q, %q", got, said, tt.want, tt.says)
			}
			if ok == ds.HasErrors() {
				t.Errorf("accepted %t, although it said %q", ok, messages(&ds))
			}
		})
	}
}

func TestUnsignedNumbers(t *testing.T) {
	const says = ": must be 1-255"
	runValues(t, map[string]valueTest{
		"lowest":                   {"1", "1", ""},
		"highest":                  {"255", "255", ""},
		"plus sign":                {"+7", "7", ""},
		"zeros in front":           {"007", "7", ""}, // not octal
		"blanks in front":          {" \t7", "7", ""},
		"blank behind":             {"7 ", "", `1:1: n "7 "` + says},
		"below":                    {"0", "", "1:1: n 0" + says},
		"above":                    {"256", "", "1:1: n 256" + says},
		"negative":                 {"-1", "", "1:1: n -1" + says},
		"garbage behind":           {"3x", "", "1:1: n 3x" + says},
		"hexadecimal":              {"0x10", "", "1:1: n 0x10" + says},
		"fraction":                 {"1.0", "", "1:1: n 1.0" + says},
		"exponent":                 {"1e1", "", "1:1: n 1e1" + says},
		"two signs":                {"++7", "", "1:1: n ++7" + says},
		"sign alone":               {"+", "", "1:1: n +" + says},
		"empty":                    {"", "", `1:1: n ""` + says},
		"Go's digit separators":    {"1_0", "", "1:1: n 1_0" + says},
		"digits of another script": {"\u0667", "", "1:1: n \u0667" + says},
		"beyond 64 bits":           {"18446744073709551617", "", "1:1: n 18446744073709551617" + says}, // 2^64+1 is not 1
	}, func(x *kconf.Ctx, w kconf.Word) (string, bool) {
		n, ok := kconf.ParseUint(x, w, "n", 1, 255)
		return fmt.Sprint(n), ok
	})
}

func TestNumbersAsInC(t *testing.T) {
	const says = ": must be 0-511"
	runValues(t, map[string]valueTest{
		"decimal":            {"511", "511", ""},
		"octal":              {"0777", "511", ""},
		"hexadecimal":        {"0x1fF", "511", ""},
		"upper-case X":       {"0X1f", "31", ""},
		"zero":               {"0", "0", ""},
		"plus sign":          {"+0x1f", "31", ""},
		"no octal digit":     {"08", "", "1:1: n 08" + says},
		"prefix alone":       {"0x", "", "1:1: n 0x" + says},
		"Go's octal prefix":  {"0o17", "", "1:1: n 0o17" + says},
		"Go's binary prefix": {"0b1", "", "1:1: n 0b1" + says},
		"digit separators":   {"0x1_f", "", "1:1: n 0x1_f" + says},
		"above":              {"0x200", "", "1:1: n 0x200" + says},
	}, func(x *kconf.Ctx, w kconf.Word) (string, bool) {
		n, ok := kconf.ParseUintC(x, w, "n", 0, 511)
		return fmt.Sprint(n), ok
	})
}

func TestSignedNumbers(t *testing.T) {
	const says = ": must be -253 to 253"
	runValues(t, map[string]valueTest{
		"lowest":          {"-253", "-253", ""},
		"highest":         {"253", "253", ""},
		"plus sign":       {"+5", "5", ""},
		"minus zero":      {"-0", "0", ""},
		"blanks in front": {"  -5", "-5", ""},
		"below":           {"-254", "", "1:1: n -254" + says},
		"above":           {"254", "", "1:1: n 254" + says},
		"blank inside":    {"- 5", "", `1:1: n "- 5"` + says},
		"garbage behind":  {"5x", "", "1:1: n 5x" + says},
		"sign alone":      {"-", "", "1:1: n -" + says},
		"beyond 64 bits":  {"-9223372036854775809", "", "1:1: n -9223372036854775809" + says},
	}, func(x *kconf.Ctx, w kconf.Word) (string, bool) {
		n, ok := kconf.ParseInt(x, w, "n", -253, 253)
		return fmt.Sprint(n), ok
	})
}

func TestDecimalSeconds(t *testing.T) {
	const says = ": must be 0.01-40.95 seconds"
	runValues(t, map[string]valueTest{
		"whole":                         {"2", "2s", ""},
		"lowest":                        {"0.01", "10ms", ""},
		"highest":                       {"40.95", "40.95s", ""},
		"nothing before the point":      {".5", "500ms", ""},
		"nothing behind the point":      {"1.", "1s", ""},
		"plus sign":                     {"+1.5", "1.5s", ""},
		"blanks in front":               {"  1.5", "1.5s", ""},
		"six places":                    {"1.000001", "1.000001s", ""},
		"a seventh place, down":         {"1.0000004", "1s", "1:1: warning: s 1.0000004: at most 6 digits after the point; 1 is used"},
		"a seventh place, up":           {"1.0000005", "1.000001s", "1:1: warning: s 1.0000005: at most 6 digits after the point; 1.000001 is used"},
		"rounding carries":              {"1.9999995", "2s", "1:1: warning: s 1.9999995: at most 6 digits after the point; 2 is used"},
		"a seventh place of zero":       {"1.5000000", "1.5s", "1:1: warning: s 1.5000000: at most 6 digits after the point; 1.5 is used"},
		"below":                         {"0.009", "", "1:1: s 0.009" + says},
		"above":                         {"40.951", "", "1:1: s 40.951" + says},
		"rounded below is below":        {"0.0099994", "", "1:1: s 0.0099994" + says},
		"negative":                      {"-1", "", "1:1: s -1" + says},
		"a unit":                        {"2s", "", "1:1: s 2s" + says},
		"an exponent":                   {"1e1", "", "1:1: s 1e1" + says},
		"two points":                    {"1.2.3", "", "1:1: s 1.2.3" + says},
		"a point alone":                 {".", "", "1:1: s ." + says},
		"a comma":                       {"1,5", "", "1:1: s 1,5" + says},
		"empty":                         {"", "", `1:1: s ""` + says},
		"more than time can hold":       {"99999999999", "", "1:1: s 99999999999" + says},
		"more than a number can":        {"99999999999999999999", "", "1:1: s 99999999999999999999" + says},
		"words that float parsers take": {"inf", "", "1:1: s inf" + says},
	}, func(x *kconf.Ctx, w kconf.Word) (string, bool) {
		d, ok := kconf.ParseSeconds(x, w, "s", 10*time.Millisecond, 40950*time.Millisecond, 6)
		return d.String(), ok
	})
}

func TestDecimalMilliseconds(t *testing.T) {
	const says = ": must be 1 or more milliseconds"
	runValues(t, map[string]valueTest{
		"whole":         {"250", "250ms", ""},
		"three places":  {"1.001", "1.001ms", ""},
		"a fourth, up":  {"1.0005", "1.001ms", "1:1: warning: ms 1.0005: at most 3 digits after the point; 1.001 is used"},
		"without limit": {"9223372036853", "2562047h47m16.853s", ""}, // 2^63 ns less a millisecond
		"too small":     {"0.999", "", "1:1: ms 0.999" + says},
		"too large":     {"9223372036854776", "", "1:1: ms 9223372036854776" + says},
	}, func(x *kconf.Ctx, w kconf.Word) (string, bool) {
		d, ok := kconf.ParseMillis(x, w, "ms", time.Millisecond, kconf.NoLimit, 3)
		return d.String(), ok
	})
}

func TestBooleans(t *testing.T) {
	const says = ": must be true, on, yes, false, off or no"
	runValues(t, map[string]valueTest{
		"true": {"true", "true", ""}, "on": {"on", "true", ""}, "yes": {"yes", "true", ""},
		"false": {"false", "false", ""}, "off": {"off", "false", ""}, "no": {"no", "false", ""},
		"upper case": {"TRUE", "", "1:1: b TRUE" + says},
		"a number":   {"1", "", "1:1: b 1" + says},
		"cut short":  {"y", "", "1:1: b y" + says},
	}, func(x *kconf.Ctx, w kconf.Word) (string, bool) {
		b, ok := kconf.ParseBool(x, w, "b")
		return fmt.Sprint(b), ok
	})
}

func TestAddresses(t *testing.T) {
	runValues(t, map[string]valueTest{
		"IPv4":                      {"192.0.2.1", "192.0.2.1", ""},
		"IPv6":                      {"2001:DB8::1", "2001:db8::1", ""},
		"a length is cut off":       {"192.0.2.1/24", "192.0.2.1", "1:1: note: ip 192.0.2.1/24: /24 is ignored here"},
		"a range is cut off":        {"192.0.2.1-9", "192.0.2.1", "1:1: note: ip 192.0.2.1-9: -9 is ignored here"},
		"a zone":                    {"fe80::1%eth0", "", "1:1: ip fe80::1%eth0: not an IP address"},
		"a name":                    {"localhost", "", "1:1: ip localhost: not an IP address"},
		"three parts":               {"192.0.2", "", "1:1: ip 192.0.2: not an IP address"},
		"a part with zero in front": {"192.0.2.010", "", "1:1: ip 192.0.2.010: not an IP address"}, // octal to some, decimal to others
		"a slash alone":             {"/24", "", "1:1: ip /24: not an IP address"},
		"a port behind":             {"192.0.2.1:80", "", "1:1: ip 192.0.2.1:80: not an IP address"},
	}, func(x *kconf.Ctx, w kconf.Word) (string, bool) {
		a, ok := kconf.ParseAddr(x, w, "ip")
		if !ok && a != (netip.Addr{}) {
			return "refused and yet " + a.String(), true
		}
		return a.String(), ok
	})
}

func TestInterfaceNames(t *testing.T) {
	const says = ": an interface name has 1 to 15 characters, no slash, no blank"
	runValues(t, map[string]valueTest{
		"one character":       {"e", "e", ""},
		"fifteen":             {"abcdefghij12345", "abcdefghij12345", ""},
		"a VLAN":              {"eth0.100", "eth0.100", ""},
		"an alias's colon":    {"eth0:1", "eth0:1", ""}, // whether it exists is not known here
		"sixteen":             {"abcdefghij123456", "", "1:1: dev abcdefghij123456" + says},
		"none":                {"", "", `1:1: dev ""` + says},
		"a slash":             {"eth/0", "", "1:1: dev eth/0" + says},
		"a blank in quotes":   {"eth 0", "", `1:1: dev "eth 0"` + says},
		"octets, not letters": {"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", "", "1:1: dev \u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9" + says}, // 8 letters of 2
	}, func(x *kconf.Ctx, w kconf.Word) (string, bool) { return kconf.ParseIface(x, w, "dev") })
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"1", "+1.5", "0x10", ".5", "99999999999999999999", "1.0000005", "-253", " 7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var ds kconf.Diagnostics
		x, w := &kconf.Ctx{Diags: &ds}, kconf.Word{Text: s}
		if n, ok := kconf.ParseUint(x, w, "n", 3, 99); ok && (n < 3 || n > 99) {
			t.Errorf("%q read as %d", s, n)
		}
		if n, ok := kconf.ParseUintC(x, w, "n", 3, 99); ok && (n < 3 || n > 99) {
			t.Errorf("%q read as %d", s, n)
		}
		if n, ok := kconf.ParseInt(x, w, "n", -3, 3); ok && (n < -3 || n > 3) {
			t.Errorf("%q read as %d", s, n)
		}
		if d, ok := kconf.ParseSeconds(x, w, "n", time.Second, time.Minute, 3); ok && (d < time.Second || d > time.Minute || d%time.Millisecond != 0) {
			t.Errorf("%q read as %v", s, d)
		}
	})
}
