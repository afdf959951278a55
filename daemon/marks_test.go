package daemon

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/ipvs"
	"holdfast/nft"
)

// grouped is a configuration with nftables_ipvs: services as "GROUP PROTOCOL",
// and groups of two addresses each.
func grouped(globals string, services ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\nnftables_ipvs\n%s\n}\n", globals)
	for i, group := range []string{"A", "B", "C"} {
		fmt.Fprintf(&b, "virtual_server_group %s {\n10.9.%d.1 80\n10.9.%[2]d.2 81\n}\n", group, i+1)
	}
	b.WriteString("virtual_server_group both {\n10.9.4.1 80\nfd09::1 80\nfwmark 1001 inet\n}\n")
	for _, s := range services {
		if group, protocol, ok := strings.Cut(s, " "); ok {
			fmt.Fprintf(&b, "virtual_server group %s {\nlb_algo rr\nlb_kind TUN\nprotocol %s\nreal_server 10.9.0.11 80 {\n}\n}\n", group, protocol)
		} else {
			fmt.Fprintf(&b, "virtual_server fwmark %s {\nlb_algo rr\nlb_kind NAT\nreal_server 10.9.0.11 80 {\n}\n}\n", s)
		}
	}
	return b.String()
}

func given(m *marks) string {
	var all []string
	for owner, mark := range m.given {
		all = append(all, fmt.Sprintf("%s/%v %d", owner.group, owner.protocol, mark))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestGroupsGetMarksAndKeepThem(t *testing.T) {
	understood := func(globals string, services ...string) *config.Config {
		return configtest.Understood(t, grouped(globals, services...)).Config
	}
	first := newMarks(understood("", "A TCP", "B TCP"), nil)
	for name, tt := range map[string]struct {
		conf *config.Config
		old  *marks
		want string
	}{
		"in the order of services":            {understood("", "B TCP", "A TCP"), nil, "A/tcp 1001, B/tcp 1000"},
		"one for each protocol":               {understood("", "A TCP", "A UDP"), nil, "A/tcp 1000, A/udp 1001"},
		"two services of a group share one":   {understood("", "A TCP", "A TCP"), nil, "A/tcp 1000"},
		"from the first that is configured":   {understood("nftables_ipvs_start_fwmark 7", "A TCP"), nil, "A/tcp 7"},
		"none that a service has":             {understood("", "A TCP", "1000", "B TCP"), nil, "A/tcp 1001, B/tcp 1002"},
		"none that an entry of a group has":   {understood("", "A TCP", "both TCP"), nil, "A/tcp 1000, both/tcp 1002"},
		"the same after another one has come": {understood("", "C TCP", "A TCP", "B TCP"), first, "A/tcp 1000, B/tcp 1001, C/tcp 1002"},
		"one that is free again":              {understood("", "B TCP", "C TCP"), first, "B/tcp 1001, C/tcp 1000"},
		"another if a service took it":        {understood("", "A TCP", "B TCP", "1000"), first, "A/tcp 1002, B/tcp 1001"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := given(newMarks(tt.conf, tt.old.owners())); got != tt.want {
				t.Errorf("marks %s, want %s", got, tt.want)
			}
		})
	}
	if m := newMarks(configtest.Understood(t, configtest.Balancer()).Config, nil); m != nil {
		t.Errorf("without nftables_ipvs there are marks: %v", m)
	}
}

func TestAGroupIsOneServiceForEachFamilyBehindItsMark(t *testing.T) {
	conf := configtest.Understood(t, grouped("", "A UDP", "both TCP")).Config
	m := newMarks(conf, nil)
	var keys, marked []string
	for _, s := range conf.Services {
		for _, k := range m.settle(s) {
			keys = append(keys, k.String())
		}
	}
	for _, e := range m.Of {
		marked = append(marked, fmt.Sprintf("%d %v:%d %d", e.Protocol, e.Addr, e.Port, e.Mark))
	}
	if d := cmp.Diff([]string{"-f 1000", "-f 1002", "-f 1002 -6", "-f 1001"}, keys); d != "" {
		t.Errorf("services (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"17 10.9.1.1:80 1000", "17 10.9.1.2:81 1000", "6 10.9.4.1:80 1002", "6 fd09::1:80 1002"}, marked); d != "" {
		t.Errorf("marked (-want +got)\n%s", d)
	}
}

// TestPacketsHaveAMarkOnlyWhileThereIsAServiceBehindIt: one that has a mark and no
// service is this host's own, which resets the connection.
func TestPacketsHaveAMarkOnlyWhileThereIsAServiceBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conf := func(services ...string) reloadMessage {
			return reloadMessage{Config: configtest.Understood(t, grouped("", services...)).Encoded}
		}
		w := newWard(t, grouped("", "A TCP"))
		w.marking = &marking{log: slog.New(slog.DiscardHandler)}
		var told []string
		w.marking.tables = func(wish nft.Wish) {
			marked := 0
			for _, table := range wish.Tables {
				for _, s := range table.Sets {
					marked += len(s.Elements)
				}
			}
			table, err := w.plane.Read(t.Context())
			if err != nil {
				t.Error(err)
			}
			told = append(told, fmt.Sprintf("%d marked, services %s", marked, table.Keys()))
			go w.marking.tablesDone(nft.Reconciled{Seq: wish.Seq})
		}
		does := func(what string, m reloadMessage, want ...string) {
			t.Helper()
			told = nil
			w.reload(t.Context(), nil, m)
			w.heard()
			if d := cmp.Diff(want, told); d != "" {
				t.Errorf("%s (-want +got)\n%s", what, d)
			}
		}
		does("the first time", conf("A TCP"), "2 marked, services [-f 1000]")
		does("nothing new", conf("A TCP"))
		does("one more", conf("A TCP", "B TCP"), "4 marked, services [-f 1000 -f 1001]")
		does("one less", conf("B TCP"), "2 marked, services [-f 1000 -f 1001]")
		if got := fmt.Sprint(mustRead(t, w.plane).Keys()); got != "[-f 1001]" {
			t.Errorf("services %s", got)
		}
		told = nil
		w.release(w.conf)
		if d := cmp.Diff([]string{"0 marked, services [-f 1001]"}, told); d != "" {
			t.Errorf("at the end (-want +got)\n%s", d)
		}
	})
}

func mustRead(t *testing.T, p ipvs.Dataplane) ipvs.Table {
	t.Helper()
	table, err := p.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table
}
