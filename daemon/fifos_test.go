package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/internal/event"
	"holdfast/notify"
)

func TestWhichPipesThereAreAndWhatTheyGet(t *testing.T) {
	const all, vrrp, lvs = "notify_fifo /run/a\n", "vrrp_notify_fifo /run/v\n", "lvs_notify_fifo /run/l\n"
	routers, servers := configtest.Router(), configtest.Balancer()
	tests := map[string]struct {
		text string
		want string // keyword, path, lines (1 routers, 2 servers), script
	}{
		"none":                            {routers + servers, ""},
		"all three":                       {global(all+vrrp+lvs) + routers + servers, "notify_fifo /run/a 3, vrrp_notify_fifo /run/v 1, lvs_notify_fifo /run/l 2"},
		"without servers":                 {global(all+vrrp+lvs) + routers, "notify_fifo /run/a 1, vrrp_notify_fifo /run/v 1"},
		"without routers":                 {global(all+vrrp+lvs) + servers, "notify_fifo /run/a 2, lvs_notify_fifo /run/l 2"},
		"nothing to tell of":              {global(all + vrrp + lvs), ""},
		"one that carries the other's":    {global(all+"vrrp_notify_fifo /run/a\n") + routers, "notify_fifo /run/a 1"},
		"one for both kinds":              {global("vrrp_notify_fifo /run/b\nlvs_notify_fifo /run/b\n") + routers + servers, "vrrp_notify_fifo /run/b 3"},
		"a reader gets the path":          {global(all+"notify_fifo_script \"/bin/true x\"\n") + routers, "notify_fifo /run/a 1 '/bin/true' 'x' '/run/a'"},
		"a reader that is not there":      {global(all+"notify_fifo_script /no/such\n") + routers, "notify_fifo /run/a 1"},
		"one for both with two readers":   {global("vrrp_notify_fifo /run/b\nvrrp_notify_fifo_script \"/bin/true v\"\nlvs_notify_fifo /run/b\nlvs_notify_fifo_script \"/bin/true l\"\n") + routers + servers, "vrrp_notify_fifo /run/b 3 '/bin/true' 'v' '/run/b'"},
		"one for both with one reader":    {global("vrrp_notify_fifo /run/b\nlvs_notify_fifo /run/b\nlvs_notify_fifo_script \"/bin/true l\"\n") + routers + servers, "vrrp_notify_fifo /run/b 3 '/bin/true' 'l' '/run/b'"},
		"owned by whom script_user names": {global("notify_fifo /run/a nobody\n") + routers, "notify_fifo /run/a 1 of 65534"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range fifos(configtest.Understood(t, tt.text).Config) {
				line := fmt.Sprintf("%s %s %d", f.Keyword, f.Path, f.Lines)
				if f.Script != nil {
					line += " " + f.Script.String()
				}
				if f.UID != uint32(os.Geteuid()) {
					line += fmt.Sprintf(" of %d", f.UID)
				}
				got = append(got, line)
			}
			if text := strings.Join(got, ", "); text != tt.want {
				t.Errorf("got  %s\nwant %s", text, tt.want)
			}
		})
	}
}

// global are global_defs under which scripts of root may run.
func global(lines string) string {
	return strings.Replace(secured, "}\n", lines+"}\n", 1)
}

// lines are what h tells of facts.
func lines(h *hooks, facts ...event.Fact) (text string) {
	for _, f := range facts {
		for _, l := range h.linesOf(f) {
			text += fmt.Sprint(l.sort, " ", l.text)
		}
	}
	return text
}

// quietHooks are hooks that know a configuration and open nothing.
func quietHooks(c *config.Config) *hooks {
	return &hooks{log: slog.New(slog.DiscardHandler), byName: map[notify.Object]objectHooks{}, states: map[notify.Object]routerState{},
		moves: priorityMoves(c), repeat: statesOnReload(c)}
}

func TestFactsBecomeLines(t *testing.T) {
	group := "vrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n}\n"
	c := configtest.Understood(t, global("fifo_write_vrrp_states_on_reload\n")+configtest.With("notify_priority_changes")+configtest.Second()+group).Config
	transition := func(kind event.Kind, name, to string, prio int) event.Fact {
		return event.Fact{Type: event.Transitioned, Kind: kind, Name: name, To: to, Priority: prio}
	}
	priority := func(name string, prio int) event.Fact {
		return event.Fact{Type: event.PriorityChanged, Kind: event.Instance, Name: name, Priority: prio}
	}
	h := quietHooks(c)
	for _, step := range []struct {
		what  string
		facts []event.Fact
		want  string
	}{
		{"a priority before any state", []event.Fact{priority("VI_1", 90)}, ""},
		{"a start", []event.Fact{transition(event.Group, "G", "BACKUP", 0), transition(event.Instance, "VI_1", "BACKUP", 90), transition(event.Instance, "VI_2", "BACKUP", 100)},
			"1 GROUP \"G\" BACKUP 0\n1 INSTANCE \"VI_1\" BACKUP 90\n1 INSTANCE \"VI_2\" BACKUP 100\n"},
		{"a priority of a backup", []event.Fact{priority("VI_1", 100)}, "1 INSTANCE \"VI_1\" BACKUP_PRIORITY 100\n"},
		{"of one that has not asked for it", []event.Fact{priority("VI_2", 50)}, ""},
		{"a master, and its priority", []event.Fact{transition(event.Instance, "VI_1", "MASTER", 100), priority("VI_1", 70)},
			"1 INSTANCE \"VI_1\" MASTER 100\n1 INSTANCE \"VI_1\" MASTER_PRIORITY 70\n"},
		{"a lower one is heard", []event.Fact{{Type: event.LowerPriority, Kind: event.Instance, Name: "VI_1", Priority: 70}}, "1 INSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 70\n"},
		{"a reload says everything again", []event.Fact{{Type: event.Reloaded, Kind: event.Daemon}},
			"1 GROUP \"G\" BACKUP 0\n1 INSTANCE \"VI_1\" MASTER 70\n1 INSTANCE \"VI_2\" BACKUP 50\n"},
		{"a fault, and a priority meanwhile", []event.Fact{transition(event.Instance, "VI_1", "FAULT", 70), priority("VI_1", 60)}, "1 INSTANCE \"VI_1\" FAULT 70\n"},
		{"servers", []event.Fact{
			{Type: event.Transitioned, Kind: event.RealServer, Name: "x of y", To: "DOWN", Values: map[string]string{valueServer: "[10.9.1.1]:tcp:8080", valueService: "[10.9.0.100]:tcp:80"}},
			{Type: event.Transitioned, Kind: event.VirtualServer, Name: "y", To: "UP", Values: map[string]string{valueService: "[10.9.0.100]:tcp:80"}},
		}, "2 RS [10.9.1.1]:tcp:8080 [10.9.0.100]:tcp:80 DOWN\n2 VS [10.9.0.100]:tcp:80 UP\n"},
		{"what is none of theirs", []event.Fact{{Type: event.TrackerChanged, Kind: event.Script, Name: "chk"}}, ""},
	} {
		if diff := cmp.Diff(step.want, lines(h, step.facts...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.what, diff)
		}
	}
}

func TestPrioritiesOfAllAreToldWhenThatIsTheDefault(t *testing.T) {
	c := configtest.Understood(t, global("vrrp_notify_priority_changes\n")+configtest.With("notify_priority_changes off")+configtest.Second()).Config
	h := quietHooks(c)
	got := lines(h, event.Fact{Type: event.Transitioned, Kind: event.Instance, Name: "VI_1", To: "MASTER", Priority: 100},
		event.Fact{Type: event.Transitioned, Kind: event.Instance, Name: "VI_2", To: "MASTER", Priority: 100},
		event.Fact{Type: event.PriorityChanged, Kind: event.Instance, Name: "VI_1", Priority: 90},
		event.Fact{Type: event.PriorityChanged, Kind: event.Instance, Name: "VI_2", Priority: 90},
		event.Fact{Type: event.Reloaded, Kind: event.Daemon})
	want := "1 INSTANCE \"VI_1\" MASTER 100\n1 INSTANCE \"VI_2\" MASTER 100\n1 INSTANCE \"VI_2\" MASTER_PRIORITY 90\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
