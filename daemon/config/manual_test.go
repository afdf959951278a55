package config_test

import (
	"strings"
	"testing"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/internal/golden"
	"holdfast/kconf/manual"
)

// TestTheManualIsThatOfTheTables: docs/keywords.md and the manual page are made
// from the rows; go test ./daemon/config -update writes them anew.
func TestTheManualIsThatOfTheTables(t *testing.T) {
	root := config.RootVocabulary()
	golden.Equal(t, "../../docs/keywords.md", manual.Markdown(root))
	golden.Equal(t, "../../docs/holdfast.conf.5", manual.Man(root, manual.Page{
		Name: "holdfast.conf", Section: 5, Source: "holdfast",
		Summary: "configuration of holdfast, in the language of keepalived.conf",
		SeeAlso: []string{"keepalived.conf(5)", "keepalived(8)", "ipvsadm(8)"},
	}))
}

// TestDumpShowsWhatIsInForce: defaults are filled in, scripts cut into words,
// nobody sees a password.
func TestDumpShowsWhatIsInForce(t *testing.T) {
	text := configtest.With("authentication {\nauth_type PASS\nauth_pass s3cr3t\n}\nnotify_master \"/etc/holdfast/up 'a b'\" root\ntrack_interface {\neth1 weight -20\n}") +
		configtest.Balancer() + "global_defs {\n    router_id node-1\n    vrrp_garp_master_repeat 2\n}\n"
	got, err := configtest.Understood(t, text).Config.Dump()
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "testdata/dump.json", got)
	if strings.Contains(string(got), "s3cr3t") {
		t.Error("the password is in the dump")
	}
}
