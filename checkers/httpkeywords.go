package checkers

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"holdfast/kconf"
)

const httpDelayBeforeRetry = 3 * time.Second

var httpKind = &Kind{
	Keyword:          "HTTP_GET",
	Since:            "0.5.3",
	Doc:              "Up if every url answers with an accepted status, digest and pattern.",
	Rows:             httpKeywords,
	Decode:           func(x *kconf.Ctx, s *kconf.Stmt) Config { return decodeHTTP(x, s, httpKeywords, false) },
	Finish:           finishHTTP,
	New:              newHTTP,
	Texts:            httpTexts,
	Retry:            1,
	DelayBeforeRetry: httpDelayBeforeRetry,
	Pacing:           Pacing{Sequence: true, LogUntilRun: true},
	Total:            httpTotal(2), // connect, first octet
}

// decodeHTTP reads an HTTP_GET or SSL_GET block; without a usable url there is
// nothing to ask and the checker is dropped.
func decodeHTTP(x *kconf.Ctx, s *kconf.Stmt, rows kconf.Vocabulary[HTTPConfig], overTLS bool) Config {
	c := &HTTPConfig{TLS: overTLS}
	rows.Decode(x, c, s.Block)
	if len(c.URLs) == 0 {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "no-url", "%s: no usable url; checker is not used", s.Keyword())
		return nil
	}
	return c
}

// httpHistory is that of HTTP_GET and SSL_GET, which have always been one.
var httpHistory = history{"1", "3",
	"1.2.13 0.5.8 1.1.2 1.2.13 1.3.7 0.5.3 1.2.13 1.3.7 0.5.3 1.2.13 1.3.7 1.3.7 2.0.11"}

var httpKeywords = append(connectRows((*HTTPConfig).common, httpHistory), httpRows(urlKeywords)...)

// httpRows are the keywords that HTTP_GET and SSL_GET share; url is what may stand
// in their url blocks.
func httpRows(url kconf.Vocabulary[URL]) kconf.Vocabulary[HTTPConfig] {
	return kconf.Vocabulary[HTTPConfig]{
		{
			Name: "nb_get_retry", Args: "N", Default: "as retry", Since: "0.5.3",
			Doc: "Old name of retry.", Deprecated: "write retry instead", DeprecatedAs: kconf.ClassGeneral,
			Set: kconf.OptUint(func(c *HTTPConfig) **uint32 { return &c.Retry }, 0, maxRetry),
		},
		{
			Name: "virtualhost", Args: "NAME", Default: "real_server, then virtual_server", Since: "1.3.6",
			Doc: "Host header, verbatim, for urls without one of their own; if nobody names one, address and port.",
			Set: kconf.String(func(c *HTTPConfig) *string { return &c.VirtualHost }).MissingIs(kconf.ClassGeneral),
		},
		{
			Name: "http_protocol", Args: "VERSION", Default: "1.0", Since: "2.0.17",
			Doc: "Version of the request; C and 1.1 add Connection: close.",
			Set: kconf.Enum(func(c *HTTPConfig) *string { return &c.Protocol }, "1.0", "1.0C", "1.0c", "1.1").Says("ENUM", "1.0 1.0C 1.0c 1.1").MissingIs(kconf.ClassGeneral),
		},
		{
			Name: "enable_sni", Args: "[BOOL]", Default: "false", Since: "1.4.3",
			Doc: "Send a virtualhost as server name (SNI); only SSL_GET does.",
			Set: kconf.Bool(func(c *HTTPConfig) *bool { return &c.EnableSNI }),
		},
		{
			Name: "sni_name", Args: "[NAME]", Default: "virtual host name", Since: "2.4.3+git",
			Doc: "Server name to send, without port; turns enable_sni on.",
			Set: kconf.Custom("STR", "", func(_ *kconf.Ctx, c *HTTPConfig, s *kconf.Stmt) {
				c.EnableSNI = true
				if args := s.Args(); len(args) > 0 {
					c.SNIName = args[0].Text
				}
			}),
		},
		{
			Name: "fast_recovery", Args: "[BOOL]", Default: "false", Since: "2.0.17",
			Doc: "Check all urls without delay at start and when a failed one is good again.",
			Set: kconf.Bool(func(c *HTTPConfig) *bool { return &c.FastRecovery }),
		},
		{
			Name: "url", Args: "{ ... }", Since: "0.5.3",
			Doc: "One url to fetch; at least one is needed.",
			Set: kconf.BlockEnd(url, func(*kconf.Ctx, *HTTPConfig, *kconf.Stmt) *URL { return new(URL) }, urlEnd).Says("block", "at least one"),
		},
	}
}

// urlEnd checks a url block as a whole; one that cannot be asked is dropped.
func urlEnd(x *kconf.Ctx, c *HTTPConfig, u *URL, s *kconf.Stmt) {
	if u.Path == "" {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "no-path", "url: path is missing; url is not used")
		return
	}
	if n := len(u.Path); n > maxRequest/2 {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "too-long", "url: path has %d octets, a request may have %d; url is not used", n, maxRequest)
		return
	}
	if u.Regex != nil && !u.regexEnd(x, s) {
		u.Regex = nil
	}
	c.URLs = append(c.URLs, *u)
}

// regexEnd checks the pattern of a url as a whole; false: it cannot be searched
// for, the url is judged by the rest. keepalived only logs all of this.
func (u *URL) regexEnd(x *kconf.Ctx, s *kconf.Stmt) bool {
	r := u.Regex
	if r.Pattern == "" {
		x.Warnf(s.Pos(), kconf.ClassNone, "no-regex", "url: regex options without regex are ignored")
		return false
	}
	if r.MaxOffset != nil && r.MinOffset >= *r.MaxOffset {
		x.Warnf(s.Pos(), kconf.ClassNone, "bounds-reversed", "url: regex_min_offset %d is not below regex_max_offset %d; neither is used", r.MinOffset, *r.MaxOffset)
		r.MinOffset, r.MaxOffset = 0, nil
	}
	if _, err := r.compile(); err != nil {
		x.Errorf(s.Pos(), kconf.ClassNone, "bad-regex", "url: %v; the url is asked without it", err)
		return false
	}
	return true
}

// regexOptions are the words of regex_options, see RegexSpec.
const regexOptions = "allow_empty_class alt_bsux alt_circumflex alt_verbnames auto_callout caseless dollar_endonly dotall dupnames extended firstline " +
	"match_unset_backref multiline never_backslash_c never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize " +
	"ucp ungreedy use_offset_limit utf"

// quiet lets mistakes in the rows of a pattern change no exit status, as with
// keepalived.
func quiet(set kconf.Setter[URL]) kconf.Setter[URL] {
	do := set.Do
	set.Do = func(x *kconf.Ctx, u *URL, s *kconf.Stmt) {
		var diags kconf.Diagnostics
		do(&kconf.Ctx{Diags: &diags}, u, s)
		for _, d := range diags.All() {
			d.Class = kconf.ClassNone
			x.Diags.Add(d)
		}
	}
	return set
}

var urlKeywords = kconf.Vocabulary[URL]{
	{
		Name: "path", Args: "PATH", Default: "required", Since: "0.5.3",
		Doc: "Path with query to ask for, verbatim.",
		Set: kconf.String(func(u *URL) *string { return &u.Path }),
	},
	{
		Name: "digest", Args: "HEX", Default: "none", Since: "0.5.3",
		Doc: "MD5 that the body must have, as genhash prints it.",
		Set: kconf.Custom("32 hex digits", "once", setDigest),
	},
	{
		Name: "status_code", Args: "CODE|LO-HI ...", Default: "200-299", Since: "0.7.6",
		Doc: "Accepted status codes; may be repeated.",
		Set: kconf.Custom("list", "100..599", setStatus).MissingIs(kconf.ClassNone),
	},
	{
		Name: "virtualhost", Args: "NAME", Default: "checker virtualhost", Since: "1.3.6",
		Doc: "Host header, verbatim, for this url.",
		Set: kconf.String(func(u *URL) *string { return &u.VirtualHost }).MissingIs(kconf.ClassGeneral),
	},
	{
		Name: "regex", Args: "PATTERN", Default: "none", Since: "2.0.7",
		Doc: "Pattern that header and body, taken together, must match; never searched when there is no body.",
		Set: quiet(kconf.Custom("one word, shell-like quotes and escapes", "once", setRegex)).MissingIs(kconf.ClassNone),
	},
	{
		Name: "regex_no_match", Default: "off", Since: "2.0.7",
		Doc: "Turn the test round: a match is a failure.",
		Set: kconf.Flag(func(u *URL) *bool { return &u.regex().NoMatch }, true),
	},
	{
		Name: "regex_options", Args: "OPTION...", Default: "none", Since: "2.0.7",
		Doc: "Options of the pattern, by the names of PCRE2; unknown ones are ignored.",
		Set: quiet(kconf.Custom("ENUM list", regexOptions, func(x *kconf.Ctx, u *URL, s *kconf.Stmt) {
			args, ok := x.Args(s, 1)
			for i := 0; ok && i < len(args); i++ {
				u.regex().Options = append(u.regex().Options, args[i].Text)
			}
		})),
	},
	{
		Name: "regex_min_offset", Args: "N", Default: "0", Since: "2.0.7",
		Doc: "Octet, counted from the start of the header, at which the search begins.",
		Set: quiet(kconf.Uint(func(u *URL) *uint32 { return &u.regex().MinOffset }, 0, 1<<31-1)).Says("UINT", ""),
	},
	{
		Name: "regex_max_offset", Args: "N", Default: "unlimited", Since: "2.0.7",
		Doc: "Last octet, counted from the start of the header, at which a match may begin.",
		Set: quiet(kconf.OptUint(func(u *URL) **uint32 { return &u.regex().MaxOffset }, 0, 1<<31-1)).Says("UINT", ""),
	},
	{
		Name: "regex_stack", Args: "START MAX", Default: "PCRE default", Since: "2.0.7",
		Doc: "Stack sizes of PCRE2's compiler; there is no such stack here, nothing needs them.",
		Set: quiet(kconf.Custom("UINT UINT", "START <= MAX", func(x *kconf.Ctx, _ *URL, s *kconf.Stmt) {
			args, ok := x.Args(s, 2)
			if !ok {
				return
			}
			lo, ok1 := kconf.ParseUint(x, args[0], s.Keyword(), 0, 1<<32-1)
			hi, ok2 := kconf.ParseUint(x, args[1], s.Keyword(), 0, 1<<32-1)
			if ok1 && ok2 && lo > hi {
				x.Errorf(args[1].Pos, kconf.ClassGeneral, "bounds-reversed", "regex_stack %d %d: the first must not be above the second", lo, hi)
			}
		})),
	},
}

// setDigest takes 32 hexadecimal digits, in any case.
func setDigest(x *kconf.Ctx, u *URL, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	if u.Digest != "" {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "repeated", "digest: already given in this url")
		return
	}
	if b, err := hex.DecodeString(w.Text); err != nil || len(b) != 16 {
		x.Errorf(w.Pos, kconf.ClassGeneral, "bad-digest", "digest %s: must be 32 hexadecimal digits", w.Text)
		return
	}
	u.Digest = strings.ToLower(w.Text)
}

// setStatus adds to the codes of an earlier status_code line of the same url.
func setStatus(x *kconf.Ctx, u *URL, s *kconf.Stmt) {
	args, ok := x.Args(s, 1)
	if !ok {
		return
	}
	for _, w := range args {
		r, err := parseStatusRange(w.Text)
		if err != nil {
			x.Errorf(w.Pos, kconf.ClassGeneral, "bad-status", "status_code %s: %v", w.Text, err)
			continue
		}
		u.Status = append(u.Status, r)
	}
}

// parseStatusRange reads 200 or 200-299, between 100 and 599.
func parseStatusRange(word string) (StatusRange, error) {
	lo, hi, isRange := strings.Cut(word, "-")
	if !isRange {
		hi = lo
	}
	a, err1 := strconv.Atoi(lo)
	b, err2 := strconv.Atoi(hi)
	if err1 != nil || err2 != nil || a < 100 || b > 599 || a > b {
		return StatusRange{}, fmt.Errorf("must be a code or a range in 100..599")
	}
	return StatusRange{a, b}, nil
}

// setRegex re-reads the raw line: a pattern has the quoting of a command, and
// its escapes are decoded before PCRE2 would see it. Patterns in files made for
// keepalived write a digit as \\d.
func setRegex(x *kconf.Ctx, u *URL, s *kconf.Stmt) {
	if _, ok := x.Args(s, 1); !ok {
		return
	}
	words, err := kconf.SplitCommand(s.Raw)
	switch {
	case err != nil:
		x.Errorf(s.Pos(), kconf.ClassUnmatchedQuote, "unmatched-quote", "regex: %v", err)
	case len(words) != 2:
		x.Errorf(s.Pos(), kconf.ClassGeneral, "bad-regex", "regex: wants one word, put a pattern with blanks in quotes")
	case u.regex().Pattern != "":
		x.Errorf(s.Pos(), kconf.ClassGeneral, "repeated", "regex: already given in this url")
	default:
		u.regex().Pattern = words[1]
	}
}
