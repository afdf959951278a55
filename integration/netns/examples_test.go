package netns

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const examples = "../../examples"

// example reads a file of the published clusters.
func example(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// install puts the scripts of an example into /etc/keepalived of a host.
func install(h *Host, folder string) {
	h.lab.t.Helper()
	files, err := filepath.Glob(filepath.Join(examples, folder, "*"))
	if err != nil {
		h.lab.t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			h.lab.t.Fatal(err)
		}
		if strings.HasPrefix(string(text), "#!") {
			h.Etc("keepalived", filepath.Base(f), string(text), 0o755)
		}
	}
}

// TestExamplesAreAcceptedAsKeepalivedAcceptsThem asks both daemons on a host
// that has the interfaces and the hooks.
func TestExamplesAreAcceptedAsKeepalivedAcceptsThem(t *testing.T) {
	Require(t)
	const sigterm = -1 // keepalived 2.2.7 ends itself so when the file tracks a script
	tests := map[string]struct {
		keepalived, holdfast int      // exit status of -t
		says                 []string // what holdfast says, as little as that
	}{
		"two-routers/keepalived.conf":     {0, 0, nil},
		"dns-1-failover/keepalived.conf":  {sigterm, 0, nil},
		"dns-2-balanced/keepalived.conf":  {0, 0, nil},
		"dns-3-client-ip/keepalived.conf": {0, 0, nil},
		// Hooks without script security: the file is good, the habit is not.
		"mail-relay/keepalived.conf": {6, 6, nil},
		// keepalived does not know the keyword ' '; holdfast reads a blank.
		"mail-relay/as-copied-from-the-web.conf": {5, 6, []string{"no-break"}},
		"web-fwmark/lb1.conf":                    {5, 5, []string{"route_id", "nopreempt", "auth_pass"}},
		"web-fwmark/lb2.conf":                    {5, 5, []string{"route_id", "Backup", "auth_pass"}},
	}
	lab := NewLab(t)
	h := lab.Host("a", 1)
	h.Plug("eth1", "02:00:00:00:01:01")
	for file, tt := range tests {
		t.Run(file, func(t *testing.T) {
			lab.t = t
			install(h, filepath.Dir(file))
			path := h.File("example.conf", example(t, file), 0o644)
			if got, out := h.ConfigTest(Keepalived, path); got != tt.keepalived {
				t.Errorf("keepalived -t ended with %d, want %d; it said:\n%s", got, tt.keepalived, out)
			}
			got, out := h.ConfigTest(Holdfast, path)
			if got != tt.holdfast {
				t.Errorf("holdfast -t ended with %d, want %d; it said:\n%s", got, tt.holdfast, out)
			}
			for _, s := range tt.says {
				if !strings.Contains(out, s) {
					t.Errorf("holdfast -t says nothing about %s:\n%s", s, out)
				}
			}
		})
	}
}

// namedConf is a name server that serves one zone and nothing else.
const namedConf = `options {
	directory "@dir@";
	pid-file none;
	session-keyfile "@dir@/session.key";
	listen-on { any; };
	listen-on-v6 { none; };
	recursion no;
	dnssec-validation no;
};
controls { };
zone "load.balance" { type master; file "@dir@/zone"; };
`

// startNamed runs a name server that answers with its host's name.
func startNamed(h *Host) *Process {
	h.lab.t.Helper()
	zone := h.Run("sh", filepath.Join("/etc/keepalived", "zone.sh"), h.Name)
	h.File("zone", zone, 0o644)
	conf := h.File("named.conf", strings.ReplaceAll(namedConf, "@dir@", h.Dir), 0o644)
	named := h.StartProcess("named", "-g", "-n", "1", "-c", conf)
	named.WaitOutput(10*time.Second, "running")
	return named
}

// asks is what a client hears from the address, "" for nothing.
func (h *Host) asks(server string) string {
	out, _ := h.Try("dig", "+short", "+time=1", "+tries=1", "@"+server, "health.load.balance.", "TXT")
	return strings.Trim(strings.TrimSpace(out), `"`)
}

// TestTheDNSPairFailsOverAsPublished runs dns-1-failover: the file as it is on
// both hosts, real name servers, and the hook that writes a state file.
func TestTheDNSPairFailsOverAsPublished(t *testing.T) {
	Require(t)
	const vip = "10.2.1.5"
	for _, kinds := range pairings[:3] {
		t.Run(kinds.String(), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			conf := example(t, "dns-1-failover/keepalived.conf")
			type node struct {
				*Host
				named  *Process
				daemon *Daemon
			}
			nodes := [2]*node{}
			for i, name := range []string{"ns1", "ns2"} {
				h := lab.HostAt(name, 2+i, "10.2.1."+string(rune('2'+i))+"/24")
				install(h, "dns-1-failover")
				h.File("state.log", "", 0o644)
				h.Env = []string{"KEEPALIVED_STATE_FILE=" + h.Dir + "/state.log"}
				nodes[i] = &node{Host: h, named: startNamed(h)}
			}
			one, two := nodes[0], nodes[1]
			client := lab.HostAt("client", 9, "10.2.1.9/24")
			// states are the words after the time: script INSTANCE VI_1 STATE PRIORITY.
			states := func(n *node) string {
				var words []string
				for line := range strings.Lines(n.readFile("state.log")) {
					f := strings.Fields(line)
					if len(f) == 7 && f[2] == "/etc/keepalived/keepalived-notify.sh" && f[3] == "INSTANCE" && f[4] == "VI_1" && f[6] == "100" {
						words = append(words, f[5])
					} else {
						words = append(words, "?"+strings.TrimSpace(line))
					}
				}
				return strings.Join(words, " ")
			}
			expect := func(t *testing.T, limit time.Duration, n *node, want string) {
				t.Helper()
				defer func() {
					if t.Failed() {
						t.Logf("%s has written %s", n.Name, states(n))
					}
				}()
				Eventually(t, limit, n.Name+" has written "+want, func() bool { return states(n) == want })
			}
			one.daemon = one.Start(kinds.a, conf)
			lab.Step("the first node takes the address and answers", func(t *testing.T) {
				expect(t, 8*time.Second, one, "BACKUP MASTER")
				if got := client.asks(vip); got != "ns1" {
					t.Errorf("%s answered %q, want ns1", vip, got)
				}
			})
			lab.Step("the second stays backup", func(t *testing.T) {
				two.daemon = two.Start(kinds.b, conf)
				expect(t, 5*time.Second, two, "BACKUP")
			})
			lab.Step("a restart of the first moves the address", func(t *testing.T) {
				one.daemon.Stop()
				expect(t, 3*time.Second, two, "BACKUP MASTER")
				one.daemon = one.Start(kinds.a, conf)
				expect(t, 5*time.Second, one, "BACKUP MASTER STOP BACKUP")
				if got := client.asks(vip); got != "ns2" {
					t.Errorf("%s answered %q, want ns2", vip, got)
				}
			})
			lab.Step("the owner's name server dies, and the address moves back", func(t *testing.T) {
				two.named.Kill()
				expect(t, 13*time.Second, two, "BACKUP MASTER FAULT") // every 10 s, and nc waits 2
				expect(t, 3*time.Second, one, "BACKUP MASTER STOP BACKUP MASTER")
				if got := client.asks(vip); got != "ns1" {
					t.Errorf("%s answered %q, want ns1", vip, got)
				}
			})
			lab.Step("it returns, and the address stays", func(t *testing.T) {
				two.named = startNamed(two.Host)
				expect(t, 13*time.Second, two, "BACKUP MASTER FAULT BACKUP")
				lab.WaitHolders(time.Second, vip, "ns1")
			})
		})
	}
}

// TestScriptsOfTheExamplesDoAndUndo runs them on a host of their own and looks
// at what is left in the kernel.
func TestScriptsOfTheExamplesDoAndUndo(t *testing.T) {
	Require(t)
	mangle, nat := []string{"iptables", "-t", "mangle", "-S", "PREROUTING"}, []string{"iptables", "-t", "nat", "-S", "PREROUTING"}
	rules := []string{"ip", "rule", "show"}
	const redirect = "-A PREROUTING -d 192.168.3.100/32 -p tcp -j REDIRECT"
	tests := map[string][]struct {
		run  string
		show []string
		want []string // lines that have to be there; none: nothing of the script's
		gone string   // what no line may contain
	}{
		"web-fwmark/marks.sh": {
			{"start 02:00:00:00:00:99", mangle, []string{
				"-A PREROUTING -d 10.4.1.190/32 -m mac --mac-source 02:00:00:00:00:99 -j RETURN",
				"-A PREROUTING -d 10.4.1.190/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff",
				"-A PREROUTING -d 10.4.1.190/32 -p tcp -m tcp --dport 443 -j MARK --set-xmark 0x2/0xffffffff"}, ""},
			{"stop", mangle, nil, "10.4.1.190"},
		},
		"web-fwmark/web-server.sh": {
			{"start", nat, []string{
				"-A PREROUTING -d 10.4.1.190/32 -p tcp -m tcp --dport 80 -j REDIRECT",
				"-A PREROUTING -d 10.4.1.190/32 -p tcp -m tcp --dport 443 -j REDIRECT"}, ""},
			{"stop", nat, nil, "10.4.1.190"},
		},
		"mail-relay/bypass_ipvs.py": {
			{"-r 192.168.3.100", nat, nil, "192.168.3.100"}, // the first role of a master: nothing to remove
			{"-a 192.168.3.100", nat, []string{redirect}, ""},
			{"-a 192.168.3.100", nat, []string{redirect}, ""}, // roles repeat; the rule does not
			{"-r 192.168.3.100", nat, nil, "192.168.3.100"},
		},
		"dns-3-client-ip/replies.sh": {
			{"start", rules, []string{"32765:\tfrom 10.2.1.6 lookup 53"}, ""},
			{"stop", rules, nil, "10.2.1.6"},
		},
	}
	for file, steps := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.HostAt("a", 2, "10.2.1.2/24")
			h.Plug("eth1", "02:00:00:00:01:01", "10.2.1.6/24")
			script, err := filepath.Abs(filepath.Join(examples, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range steps {
				h.Run(append([]string{script}, strings.Fields(s.run)...)...)
				out := h.Run(s.show...)
				for _, line := range s.want {
					if strings.Count(out, line) != 1 {
						t.Errorf("after %s: want one line %q in\n%s", s.run, line, out)
					}
				}
				if s.gone != "" && strings.Contains(out, s.gone) {
					t.Errorf("after %s: %s is still in\n%s", s.run, s.gone, out)
				}
			}
		})
	}
}
