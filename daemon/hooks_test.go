package daemon

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/checkers"
	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/internal/event"
	"holdfast/ipvs"
	"holdfast/notify"
)

// secured are global_defs under which scripts of root may run.
const secured = "global_defs {\n    enable_script_security\n    script_user root\n}\n"

// TestWhoIsMailedAbout: an object's own smtp_alert goes before the kind's, the
// kind's before the global one; without any only real servers are mailed about.
func TestWhoIsMailedAbout(t *testing.T) {
	tests := map[string]struct {
		global, router, group, service, server string
		want                                   [4]bool // instance, group, virtual server, real server
	}{
		"nothing said":                    {"", "", "", "", "", [4]bool{false, false, false, true}},
		"the global switch on":            {"smtp_alert on", "", "", "", "", [4]bool{true, true, true, true}},
		"the global switch off":           {"smtp_alert off", "", "", "", "", [4]bool{false, false, false, false}},
		"only VRRP":                       {"smtp_alert off\nsmtp_alert_vrrp on", "", "", "", "", [4]bool{true, true, false, false}},
		"only servers":                    {"smtp_alert_checker on", "", "", "", "", [4]bool{false, false, true, true}},
		"the kind before the global one":  {"smtp_alert on\nsmtp_alert_vrrp off\nsmtp_alert_checker off", "", "", "", "", [4]bool{false, false, false, false}},
		"an instance for itself":          {"smtp_alert off", "smtp_alert", "", "", "", [4]bool{true, false, false, false}},
		"an instance without":             {"smtp_alert_vrrp on", "smtp_alert off", "", "", "", [4]bool{false, true, false, true}},
		"a group for itself":              {"", "", "smtp_alert on", "", "", [4]bool{false, true, false, true}},
		"a virtual server for its quorum": {"smtp_alert off", "", "", "smtp_alert on", "", [4]bool{false, false, true, false}},
		"a real server without":           {"smtp_alert on", "", "", "", "smtp_alert off", [4]bool{true, true, true, false}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := "global_defs {\n" + tt.global + "\n}\n" + configtest.With(tt.router) + configtest.Second() +
				"vrrp_sync_group G {\n" + tt.group + "\n    group {\n        VI_1\n        VI_2\n    }\n}\n" +
				configtest.Balancer("protocol TCP", "protocol TCP\n"+tt.service, "8080 {", "8080 {\n"+tt.server)
			l := configtest.Understood(t, text)
			if len(configtest.Lines(l)) > 0 {
				t.Fatalf("the file is not what it should be: %q", configtest.Lines(l))
			}
			all := alerts(l.Config)
			got := [4]bool{
				all[notify.Object{Kind: event.Instance, Name: "VI_1"}],
				all[notify.Object{Kind: event.Group, Name: "G"}],
				all[notify.Object{Kind: event.VirtualServer, Name: "[10.9.0.100]:tcp:80"}],
				all[notify.Object{Kind: event.RealServer, Name: "[10.9.1.1]:tcp:8080 of [10.9.0.100]:tcp:80"}],
			}
			if got != tt.want {
				t.Errorf("instance, group, virtual server, real server: %v, want %v", got, tt.want)
			}
			hooks := hooksOf(l.Config)
			if o := (notify.Object{Kind: event.Instance, Name: "VI_1"}); hooks[o].alert != tt.want[0] {
				t.Errorf("hooks of VI_1 say alert %v", hooks[o].alert)
			}
		})
	}
}

func TestEveryObjectGetsItsScripts(t *testing.T) {
	text := secured + configtest.With(`    notify_master "/bin/true m"
    notify_backup "/bin/true b"
    notify_fault "/bin/true f"
    notify_stop "/bin/true s"
    notify_deleted "/bin/true d"
    notify_master_rx_lower_pri "/bin/true l"
    notify "/bin/true any"`) + configtest.Second() +
		"vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n    notify_master \"/bin/true gm\"\n    notify \"/bin/true gany\"\n}\n" +
		configtest.Balancer("protocol TCP", "protocol TCP\n    quorum_up \"/bin/true qu\"\n    quorum_down \"/bin/true qd\"",
			"8080 {", "8080 {\n        notify_up \"/bin/true up\"\n        notify_down \"/bin/true down\"")
	l := configtest.Understood(t, text)
	if len(configtest.Lines(l)) > 0 {
		t.Fatalf("the file is not what it should be: %q", configtest.Lines(l))
	}
	got := map[string]string{} // "kind name state" → last word of the command
	for o, oh := range hooksOf(l.Config) {
		for state, h := range oh.hooks.States {
			got[string(o.Kind)+" "+o.Name+" "+state] = h.Command.Argv[len(h.Command.Argv)-1]
		}
		if g := oh.hooks.Generic; g != nil {
			got[string(o.Kind)+" "+o.Name] = g.Command.Argv[len(g.Command.Argv)-1]
		}
	}
	want := map[string]string{
		"instance VI_1 MASTER": "m", "instance VI_1 BACKUP": "b", "instance VI_1 FAULT": "f", "instance VI_1 STOP": "s",
		"instance VI_1 DELETED": "d", "instance VI_1 MASTER_RX_LOWER_PRI": "l", "instance VI_1": "any",
		"group G MASTER": "gm", "group G": "gany",
		"virtual-server [10.9.0.100]:tcp:80 UP": "qu", "virtual-server [10.9.0.100]:tcp:80 DOWN": "qd",
		"real-server [10.9.1.1]:tcp:8080 of [10.9.0.100]:tcp:80 UP":   "up",
		"real-server [10.9.1.1]:tcp:8080 of [10.9.0.100]:tcp:80 DOWN": "down",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scripts (-want +got):\n%s", diff)
	}
}

func TestMailsAreAboutWhatHappened(t *testing.T) {
	servers := map[string]string{valueServer: "[10.9.1.1]:tcp:80", valueService: "[10.9.0.100]:tcp:80"}
	tests := map[string]struct {
		fact    event.Fact
		subject string // "" for no mail
		body    string
	}{
		"an instance became master": {event.Fact{Kind: event.Instance, Name: "VI_1", To: "MASTER"},
			"[lb1] VRRP Instance VI_1 - Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="},
		"an instance was removed": {event.Fact{Kind: event.Instance, Name: "VI_1", To: "DELETED"},
			"[lb1] VRRP Instance VI_1 - Deleted", "=> VRRP Deleted at reload <="},
		"a group failed": {event.Fact{Kind: event.Group, Name: "G", To: "FAULT"},
			"[lb1] VRRP Group G - Entering FAULT state", "=> All VRRP group instances are now in FAULT state <="},
		"a real server failed its check": {event.Fact{Kind: event.RealServer, To: "DOWN", Detail: mailText("TCP_CHECK", "", false), Values: servers},
			"[lb1] Realserver [10.9.1.1]:tcp:80 of virtual server [10.9.0.100]:tcp:80 - DOWN", "=> TCP CHECK failed on service <="},
		"a quorum was lost": {event.Fact{Kind: event.VirtualServer, To: "DOWN", Detail: "Lost quorum 1-0=1 > 0", Values: servers},
			"[lb1] Virtualserver [10.9.0.100]:tcp:80 - DOWN", "=> Lost quorum 1-0=1 > 0 <="},
		"a real server without a cause": {event.Fact{Kind: event.RealServer, To: "UP", Values: servers}, "", ""},
		"a script":                      {event.Fact{Kind: event.Script, Name: "chk", To: "DOWN"}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, ok := alertMail("lb1", notify.Object{Kind: tt.fact.Kind, Name: tt.fact.Name}, tt.fact)
			if !ok {
				m = notify.Mail{}
			}
			if m.Subject != tt.subject || m.Body != tt.body {
				t.Errorf("mail %q, %q\nwant %q, %q", m.Subject, m.Body, tt.subject, tt.body)
			}
		})
	}
}

// TestMailTextsAreThoseOfKeepalived: as the mails of 2.2.7 show them.
func TestMailTextsAreThoseOfKeepalived(t *testing.T) {
	tests := []struct{ check, up, down string }{
		{"TCP_CHECK", "TCP CHECK succeed on service", "TCP CHECK failed on service"},
		{"UDP_CHECK", "UDP CHECK succeed on service", "UDP CHECK failed on service"},
		{"HTTP_GET", "CHECK succeed on service", "CHECK failed on service : HTTP request failed"},
		{"SSL_GET", "CHECK succeed on service", "CHECK failed on service : HTTP request failed"},
		{"SMTP_CHECK", "CHECK succeed on service", "CHECK failed on service : why not"},
		{"DNS_CHECK", "DNS_CHECK: succeed on service", "DNS_CHECK: failed on service"},
		{"PING_CHECK", "ICMP CHECK succeed on service", "ICMP CHECK failed on service"},
		{"MISC_CHECK", "MISC CHECK succeeded on service", "MISC CHECK failed on service"},
		{"FILE_CHECK", "FILE_CHECK succeed on service", "FILE_CHECK failed on service"},
	}
	for _, tt := range tests {
		if got := mailText(tt.check, "why not", true); got != tt.up {
			t.Errorf("%s up: %q, want %q", tt.check, got, tt.up)
		}
		if got := mailText(tt.check, "why not", false); got != tt.down {
			t.Errorf("%s down: %q, want %q", tt.check, got, tt.down)
		}
	}
}

func TestTheMailOfAQuorumIsItsLine(t *testing.T) {
	const gained = "Gained quorum 2+1=3 <= 3 for VS [10.9.0.100]:tcp:80"
	for name, tt := range map[string]struct {
		line   string
		starts bool
		up     bool
		want   string
	}{
		"gained":                 {gained, false, true, "Gained quorum 2+1=3 <= 3"},
		"there from the start":   {gained, true, true, "Starting with quorum up 2+1=3 <= 3"},
		"lost":                   {"Lost quorum 2-1=1 > 0 for VS [10.9.0.100]:tcp:80", false, false, "Lost quorum 2-1=1 > 0"},
		"removed with a service": {"", false, false, "Lost quorum 2-1=1 > 0"},
	} {
		s := &runningService{Service: &config.Service{Params: ipvs.Params{Quorum: 2, Hysteresis: 1}}, starts: tt.starts}
		s.last.quorum = tt.line
		if got := s.quorumMail(tt.up); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if s.last.quorum != "" {
			t.Errorf("%s: the next mail would be about the same", name)
		}
	}
}

func TestTheMailOfAnSMTPCheckSaysWhy(t *testing.T) {
	specs := configtest.Understood(t, configtest.Balancer("10.9.1.1 8080 {\n        TCP_CHECK {\n        }\n    }",
		"10.9.1.1 25 {\n        SMTP_CHECK {\n        }\n    }")).Config.Checks()
	if got, want := smtpCause(specs[0], checkers.Verdict{Reason: checkers.Connect}), "Could not connect to server [10.9.1.1]:25"; got != want {
		t.Errorf("cause %q, want %q", got, want)
	}
	if got := smtpCause(specs[0], checkers.Verdict{Up: true}); got != "" {
		t.Errorf("cause of a success: %q", got)
	}
}

func TestMailSettingsAreFilledInOnlyWithARelay(t *testing.T) {
	none := mailSettings(configtest.Understood(t, "global_defs {\n    notification_email {\n        a@example.org\n    }\n}\n").Config)
	if none.Server != "" {
		t.Errorf("a relay without smtp_server: %+v", none)
	}
	all := mailSettings(configtest.Understood(t, `global_defs {
    notification_email {
        a@example.org
        "B <b@example.org>"
    }
    notification_email_from lb@example.org
    smtp_server 192.0.2.25 2525
    smtp_helo_name lb.example.org
    smtp_connect_timeout 7
    no_email_faults
}
`).Config)
	want := notify.MailConfig{Server: "192.0.2.25:2525", To: []string{"a@example.org", "B <b@example.org>"},
		From: "lb@example.org", Helo: "lb.example.org", Timeout: 7 * time.Second, NoFaults: true}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if m := mailSettings(configtest.Understood(t, "global_defs {\n    smtp_server relay.example.org\n}\n").Config); m.Server != "relay.example.org:25" || m.From == "" || m.Helo == "" {
		t.Errorf("defaults are %+v, want port 25, a sender and a HELO name", m)
	}
}

// hookRig is a bus with its hooks; nothing runs before start.
func hookRig(t *testing.T, text string) (*hooks, *event.Bus, *[]string) {
	lines := &[]string{}
	bus := event.NewBus()
	h := newHooks(newLogger(LevelDetail, recorder{lines}), bus)
	h.configure(configtest.Understood(t, text).Config)
	return h, bus, lines
}

// TestARemovedObjectIsRememberedForOneReload: the fact that an instance is gone
// comes after the configuration that no longer has it.
func TestARemovedObjectIsRememberedForOneReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, bus, _ := hookRig(t, secured+configtest.With("    notify_fault /bin/true"))
		o := notify.Object{Kind: event.Instance, Name: "VI_1"}
		h.configure(configtest.Understood(t, secured+configtest.Second()).Config)
		if c, there := h.byName[o]; !there || !c.gone || c.hooks.States["FAULT"] == nil {
			t.Errorf("right after its removal the scripts of VI_1 are %+v", c)
		}
		h.configure(configtest.Understood(t, secured+configtest.Second()).Config)
		if _, there := h.byName[o]; there {
			t.Error("after a further reload VI_1 is still remembered")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := bus.Close(ctx); err != nil {
			t.Error(err)
		}
		h.close(ctx)
	})
}

func TestHowAHookEndedIsLoggedAtItsLevel(t *testing.T) {
	var lines []string
	h := &hooks{log: newLogger(slog.LevelInfo, recorder{&lines})}
	h.report(event.Fact{Text: "seen"})
	h.report(event.Fact{Text: "only with -D", Verbose: true})
	h.report(event.Fact{Type: event.HookRan})
	if diff := cmp.Diff([]string{"seen"}, lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
