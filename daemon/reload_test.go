package daemon

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
)

// TestAReloadIsRefusedWhenItWouldMakeThingsWorse compares a running file with
// the one that is to replace it.
func TestAReloadIsRefusedWhenItWouldMakeThingsWorse(t *testing.T) {
	tests := map[string]struct {
		running, next string
		want          []string
	}{
		"nothing changed":    {configtest.Router(), configtest.Router(), nil},
		"a changed priority": {configtest.Router(), configtest.With("    priority 120"), nil},
		"a router more":      {configtest.Router(), configtest.Router() + configtest.Second(), nil},
		"a router less":      {configtest.Router() + configtest.Second(), configtest.Router(), nil},
		"only globals left":  {configtest.Router(), "global_defs {\n}\n", nil},
		"nothing left, as while somebody writes the file": {configtest.Router(), "# to be written\n", []string{"the configuration is empty; to end the daemon, stop it"}},
		"nothing, as before":                              {"", "", nil},
		"a warning is no reason":                          {configtest.Router(), configtest.With("    advert_int 0.5"), nil},
		"a mistake that was there":                        {configtest.Router("router_id", "router_id 51\n    prioritty 1\n    virtual_router_id"), configtest.Router("router_id", "router_id 51\n    prioritty 1\n    virtual_router_id"), nil},
		"it moved to another line":                        {configtest.With("    prioritty 1"), "\n\n" + configtest.With("    prioritty 1"), nil},
		"it was corrected":                                {configtest.With("    prioritty 1"), configtest.With("    priority 1"), nil},
		"a new mistake":                                   {configtest.Router(), configtest.With("    prioritty 1"), []string{"k.conf:2:5: unknown keyword prioritty; did you mean priority?"}},
		"the same mistake a second time":                  {configtest.With("    prioritty 1"), configtest.With("    prioritty 1\n    prioritty 1"), []string{"k.conf:3:5: unknown keyword prioritty; did you mean priority?"}},
		"another mistake in its place":                    {configtest.With("    prioritty 1"), configtest.With("    interfce eth0"), []string{"k.conf:2:5: unknown keyword interfce; did you mean interface?"}},
		"what cannot run": {configtest.Router(), configtest.Router() + configtest.Second("id 52", "id 51"), []string{
			"k.conf:10:23: vrrp_instance VI_2: virtual_router_id 51 on eth0 is that of VI_1 too (see k.conf:3:23)",
			"vrrp_instance VI_2: virtual_router_id 51 on eth0 is that of VI_1 too"}},
		"a brace too few": {configtest.Router(), configtest.Router() + "vrrp_instance VI_2 {\n", []string{
			"k.conf:8:20: { has no }: the file ends before it is closed",
			"k.conf:8:1: vrrp_instance VI_2: virtual_router_id is missing",
			"k.conf:8:1: vrrp_instance VI_2: interface is missing",
			"vrrp_instance VI_2: virtual_router_id is missing"}},
		"another network namespace":  {configtest.Router(), "net_namespace blue\n" + configtest.Router(), []string{"Cannot change net_namespace at a reload - please restart keepalived"}},
		"no network namespace":       {"net_namespace blue\n" + configtest.Router(), configtest.Router(), []string{"Cannot change net_namespace at a reload - please restart keepalived"}},
		"another nftables table":     {"global_defs {\nnftables a\n}\n" + configtest.Router(), "global_defs {\nnftables b\n}\n" + configtest.Router(), []string{"Cannot change nftables table name at a reload - please restart keepalived"}},
		"the table that was used":    {configtest.With("no_accept"), "global_defs {\nnftables\n}\n" + configtest.With("no_accept"), nil},
		"IGMP reports that stop":     {configtest.Router(), "global_defs {\ndisable_local_igmp\n}\n" + configtest.Router(), []string{"Cannot change disable_local_igmp at a reload - please restart keepalived"}},
		"another place for IPVS":     {configtest.Router(), "net_namespace_ipvs blue\n" + configtest.Router(), []string{"Cannot change net_namespace_ipvs at a reload - please restart keepalived"}},
		"another table for IPVS":     {"global_defs {\nnftables_ipvs a\n}\n" + configtest.Router(), "global_defs {\nnftables_ipvs b\n}\n" + configtest.Router(), []string{"Cannot change nftables_ipvs table name at a reload - please restart keepalived"}},
		"another name of the daemon": {"instance a\n" + configtest.Router(), "instance b\n" + configtest.Router(), []string{"Cannot change instance at a reload - please restart keepalived"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := whyNot(configtest.Understood(t, tt.running), configtest.Understood(t, tt.next))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	}
}
