package netns

import (
	"fmt"
	"strings"
	"time"
)

// Router is a small keepalived.conf: one vrrp_instance VI_1 with VRID 51.
// The zero value of a field leaves its keyword out, but for Interval (1 s),
// Interface (eth0) and VIPs (10.9.0.100).
type Router struct {
	Global    string // lines inside global_defs
	Before    string // blocks before the instance
	Extra     string // lines inside the instance
	After     string // blocks after the instance
	State     string
	Interface string
	Version   int
	Priority  int
	Interval  time.Duration
	AuthType  string // with Password; PASS unless given
	Password  string
	NoPreempt bool
	VIPs      []string
}

// vrid is the number of the virtual router.
const vrid = 51

// Conf is the configuration as text.
func (r Router) Conf() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("global_defs {\n    script_user root\n%s\n}\n%s", r.Global, r.Before)
	line("vrrp_instance VI_1 {")
	line("    interface %s", or(r.Interface, "eth0"))
	line("    virtual_router_id %d", vrid)
	line("    advert_int %g", or(r.Interval, time.Second).Seconds())
	if r.Version != 0 {
		line("    version %d", r.Version)
	}
	if r.State != "" {
		line("    state %s", r.State)
	}
	if r.Priority != 0 {
		line("    priority %d", r.Priority)
	}
	if r.NoPreempt {
		line("    nopreempt")
	}
	if r.Password != "" {
		line("    authentication {\n        auth_type %s\n        auth_pass %s\n    }", or(r.AuthType, "PASS"), r.Password)
	}
	line("%s", r.Extra)
	vips := r.VIPs
	if vips == nil {
		vips = []string{"10.9.0.100"}
	}
	line("    virtual_ipaddress {\n        %s\n    }\n}\n%s", strings.Join(vips, "\n        "), r.After)
	return b.String()
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
