package daemon

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAReloadIsRefusedWhenItWouldMakeThingsWorse compares a running file with
// the one that is to replace it.
func TestAReloadIsRefusedWhenItWouldMakeThingsWorse(t *testing.T) {
	tests := map[string]struct {
		running, next string
		want          []string
	}{
		"nothing changed":    {router(), router(), nil},
		"a changed priority": {router(), with("    priority 120"), nil},
		"a router more":      {router(), router() + second(), nil},
		"a router less":      {router() + second(), router(), nil},
		"only globals left":  {router(), "global_defs {\n}\n", nil},
		"nothing left, as while somebody writes the file": {router(), "# to be written\n", []string{"the configuration is empty; to end the daemon, stop it"}},
		"nothing, as before":                              {"", "", nil},
		"a warning is no reason":                          {router(), with("    advert_int 0.5"), nil},
		"a mistake that was there":                        {router("router_id", "router_id 51\n    prioritty 1\n    virtual_router_id"), router("router_id", "router_id 51\n    prioritty 1\n    virtual_router_id"), nil},
		"it moved to another line":                        {with("    prioritty 1"), "\n\n" + with("    prioritty 1"), nil},
		"it was corrected":                                {with("    prioritty 1"), with("    priority 1"), nil},
		"a new mistake":                                   {router(), with("    prioritty 1"), []string{"k.conf:2:5: unknown keyword prioritty; did you mean priority?"}},
		"the same mistake a second time":                  {with("    prioritty 1"), with("    prioritty 1\n    prioritty 1"), []string{"k.conf:3:5: unknown keyword prioritty; did you mean priority?"}},
		"another mistake in its place":                    {with("    prioritty 1"), with("    interfce eth0"), []string{"k.conf:2:5: unknown keyword interfce; did you mean interface?"}},
		"what cannot run": {router(), router() + second("id 52", "id 51"), []string{
			"k.conf:8:1: vrrp_instance VI_2: virtual_router_id 51 on eth0 is that of VI_1 too, at k.conf:1:1",
			"vrrp_instance VI_2: virtual_router_id 51 on eth0 is that of VI_1 too, at k.conf:1:1"}},
		"a brace too few": {router(), router() + "vrrp_instance VI_2 {\n", []string{
			"k.conf:8:20: { has no }: the file ends before it is closed",
			"k.conf:8:1: vrrp_instance VI_2: virtual_router_id is missing",
			"k.conf:8:1: vrrp_instance VI_2: interface is missing",
			"vrrp_instance VI_2: virtual_router_id is missing"}},
		"another network namespace":  {router(), "net_namespace blue\n" + router(), []string{"Cannot change net_namespace at a reload - please restart keepalived"}},
		"no network namespace":       {"net_namespace blue\n" + router(), router(), []string{"Cannot change net_namespace at a reload - please restart keepalived"}},
		"another name of the daemon": {"instance a\n" + router(), "instance b\n" + router(), []string{"Cannot change instance at a reload - please restart keepalived"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := understood(t, tt.next).whyNot(understood(t, tt.running))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	}
}
