package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon"
)

// The expected readings were seen with keepalived 2.2.7 on the same words.
func TestCommandLinesWrittenForKeepalivedAreReadAlike(t *testing.T) {
	tests := map[string]struct {
		args []string
		want func(*daemon.Options)
	}{
		"clustered letters":                 {[]string{"-lnD"}, func(o *daemon.Options) { o.LogConsole, o.Foreground, o.LogDetail = true, true, 1 }},
		"detail twice":                      {[]string{"-DD"}, func(o *daemon.Options) { o.LogDetail = 2 }},
		"value in the next word":            {[]string{"-f", "a.conf"}, func(o *daemon.Options) { o.ConfigFile = "a.conf" }},
		"value attached":                    {[]string{"-fa.conf"}, func(o *daemon.Options) { o.ConfigFile = "a.conf" }},
		"value attached at a cluster's end": {[]string{"-nfa.conf"}, func(o *daemon.Options) { o.Foreground, o.ConfigFile = true, "a.conf" }},
		"long option with equals":           {[]string{"--use-file=a.conf"}, func(o *daemon.Options) { o.ConfigFile = "a.conf" }},
		"long option with the next word":    {[]string{"--pid", "p"}, func(o *daemon.Options) { o.PIDFile = "p" }},
		"unambiguous prefix":                {[]string{"--config-te"}, func(o *daemon.Options) { o.Mode = daemon.ModeConfigTest }},
		"exact name that is also a prefix":  {[]string{"--vrrp"}, func(o *daemon.Options) { o.OnlyVRRP = true }},
		"optional value only when attached": {[]string{"-t", "x"}, func(o *daemon.Options) { o.Mode = daemon.ModeConfigTest }},
		"optional value attached":           {[]string{"-tx"}, func(o *daemon.Options) { o.Mode, o.TestLog = daemon.ModeConfigTest, "x" }},
		"optional value keeps its equals":   {[]string{"-t=x"}, func(o *daemon.Options) { o.Mode, o.TestLog = daemon.ModeConfigTest, "=x" }},
		"optional value of a long option":   {[]string{"--config-test=x"}, func(o *daemon.Options) { o.Mode, o.TestLog = daemon.ModeConfigTest, "x" }},
		"puppet's validation command":       {[]string{"-l", "-t", "-f", "a"}, func(o *daemon.Options) { o.LogConsole, o.Mode, o.ConfigFile = true, daemon.ModeConfigTest, "a" }},
		"end of options":                    {[]string{"-n", "--", "-D"}, func(o *daemon.Options) { o.Foreground = true }},
		"options after operands":            {[]string{"word", "-n"}, func(o *daemon.Options) { o.Foreground = true }},
		"log facility by digit":             {[]string{"-S", "3"}, func(o *daemon.Options) { o.LogFacility = "local3" }},
		"umask octal":                       {[]string{"-u", "027"}, func(o *daemon.Options) { o.Umask, o.UmaskGiven = 0o27, true }},
		"umask decimal":                     {[]string{"-u", "18"}, func(o *daemon.Options) { o.Umask, o.UmaskGiven = 18, true }},
		"neutron's line": {[]string{"-P", "-f", "c", "-p", "p", "-r", "v", "-D"}, func(o *daemon.Options) {
			o.OnlyVRRP, o.ConfigFile, o.PIDFile, o.VRRPPIDFile, o.LogDetail = true, "c", "p", "v", 1
		}},
		"octavia's line": {[]string{"--log-facility=2", "-f", "c", "-p", "p", "-c", "h"}, func(o *daemon.Options) {
			o.LogFacility, o.ConfigFile, o.PIDFile, o.CheckersPIDFile = "local2", "c", "p", "h"
		}},
		"an option without effect is named":  {[]string{"-x", "--core-dump"}, func(o *daemon.Options) { o.CoreDump, o.Later = true, []string{"-x", "--core-dump"} }},
		"redhat-cop's line with a config id": {[]string{"--dont-fork", "--config-id=pod-1"}, func(o *daemon.Options) { o.Foreground, o.ConfigID = true, "pod-1" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := settings{Options: daemon.DefaultOptions([]string{"/usr/sbin/keepalived"})}
			if _, mistakes := parseArgs(options, tt.args, &s); len(mistakes) > 0 {
				t.Fatalf("refused: %v", mistakes)
			}
			s.Options.Later = s.later
			want := daemon.DefaultOptions([]string{"/usr/sbin/keepalived"})
			tt.want(&want)
			if d := cmp.Diff(want, s.Options); d != "" {
				t.Errorf("options (-want +got):\n%s", d)
			}
		})
	}
}

func TestEveryMistakeOfACommandLineIsNamed(t *testing.T) {
	tests := map[string]struct {
		args []string
		want []string
	}{
		"unknown letter and word": {[]string{"-lZ", "--nonsense"}, []string{"unknown option -Z", "unknown option --nonsense"}},
		"value missing":           {[]string{"-f"}, []string{"option -f needs a value"}},
		"long value missing":      {[]string{"--pid"}, []string{"option --pid needs a value"}},
		"long value empty":        {[]string{"--pid="}, []string{"option --pid: missing parameter"}},
		"value not wanted":        {[]string{"--vrrp=x"}, []string{"option --vrrp takes no value"}},
		"ambiguous prefix":        {[]string{"--dont-release"}, []string{"option --dont-release is ambiguous: --dont-release-vrrp --dont-release-ipvs"}},
		"bad facility":            {[]string{"-S", "mail"}, []string{`-S: log facility "mail": must be 0-7, local0-local7, user or daemon`}},
		"bad umask":               {[]string{"-u", "0999"}, []string{`-u: umask "0999": must be a number from 0 to 0777`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var s settings
			_, mistakes := parseArgs(options, tt.args, &s)
			var got []string
			for _, m := range mistakes {
				got = append(got, m.Error())
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("mistakes (-want +got):\n%s", d)
			}
		})
	}
}

func TestHelpListsEveryOption(t *testing.T) {
	var help, out bytes.Buffer
	if status := run([]string{"holdfast", "--help"}, streams{out: &out, err: &help}); status != 0 {
		t.Fatalf("--help: exit status %d", status)
	}
	for _, o := range options {
		if !strings.Contains(help.String(), "--"+o.long) {
			t.Errorf("--%s is not in the help", o.long)
		}
		if o.help == "" || o.set == nil {
			t.Errorf("--%s has no help or no effect", o.long)
		}
	}
}

func TestToolsThatAskTheBinaryGetKeepalivedsAnswers(t *testing.T) {
	tests := map[string]struct {
		args        []string
		status      int
		out, errOut string // must begin with
	}{
		"signum stop":      {[]string{"--signum=STOP"}, 0, "15\n", ""},
		"signum reload":    {[]string{"--signum=RELOAD"}, 0, "1\n", ""},
		"signum data":      {[]string{"--signum=DATA"}, 0, "10\n", ""},
		"signum stats":     {[]string{"--signum=STATS"}, 0, "12\n", ""},
		"signum json":      {[]string{"--signum=JSON"}, 0, "36\n", ""},
		"signum clear":     {[]string{"--signum=STATS_CLEAR"}, 0, "63\n", ""},
		"unknown signum":   {[]string{"--signum=XYZ"}, 1, "", "holdfast: unknown sigfunc XYZ"},
		"version":          {[]string{"-v"}, 0, "", "Keepalived v2."},
		"unknown option":   {[]string{"-Z"}, 1, "", "holdfast: unknown option -Z"},
		"unknown command":  {[]string{"chekc", "a.conf"}, 1, "", "holdfast: there is no command \"chekc\""},
		"missing argument": {[]string{"--use-file"}, 1, "", "holdfast: option --use-file needs a value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			status := run(append([]string{"holdfast"}, tt.args...), streams{out: &out, err: &errOut})
			if status != tt.status {
				t.Errorf("exit status %d, want %d", status, tt.status)
			}
			if !strings.HasPrefix(out.String(), tt.out) || !strings.HasPrefix(errOut.String(), tt.errOut) {
				t.Errorf("stdout %q, stderr %q; want them to begin with %q and %q", &out, &errOut, tt.out, tt.errOut)
			}
		})
	}
}
