package ipvs_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/ipvs"
)

var (
	web  = ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort("10.9.0.100:80"))
	web6 = ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort("[fd09::100]:80"))
	mark = ipvs.FWMarkKey(ipvs.IPv4, 7)
)

func TestServiceValidateRefusesWhatTheKernelAcceptsAlthoughWrong(t *testing.T) {
	tests := map[string]struct {
		change func(*ipvs.Service)
		want   string // "" for accepted
	}{
		"plain":                     {func(s *ipvs.Service) {}, ""},
		"protocol 99":               {func(s *ipvs.Service) { s.Key.Protocol = 99 }, "protocol 99 is none of tcp, udp, sctp"},
		"port 0 alone":              {func(s *ipvs.Service) { s.Key.Addr = netip.MustParseAddrPort("10.9.0.100:0") }, "port 0 needs persistence"},
		"port 0 with persistence":   {func(s *ipvs.Service) { s.Key.Addr = netip.MustParseAddrPort("10.9.0.100:0"); persist(s) }, ""},
		"ops on tcp":                {func(s *ipvs.Service) { s.Flags = ipvs.FlagOnePacket }, "one-packet scheduling is for udp"},
		"31 days":                   {func(s *ipvs.Service) { persist(s); s.PersistenceTimeout = 2678400 * time.Second }, ""},
		"31 days and a second":      {func(s *ipvs.Service) { persist(s); s.PersistenceTimeout = 2678401 * time.Second }, "wants whole seconds up to 31 days"},
		"half a second":             {func(s *ipvs.Service) { persist(s); s.PersistenceTimeout = time.Second / 2 }, "wants whole seconds"},
		"timeout without flag":      {func(s *ipvs.Service) { s.PersistenceTimeout = time.Second }, "come together"},
		"engine alone":              {func(s *ipvs.Service) { s.Engine = "sip" }, "engine sip without persistence"},
		"no scheduler":              {func(s *ipvs.Service) { s.Scheduler = "" }, `scheduler ""`},
		"unknown flag":              {func(s *ipvs.Service) { s.Flags = 0x40 }, "unknown flags 0x40"},
		"zone":                      {func(s *ipvs.Service) { s.Key = zoned() }, "address with a zone"},
		"mapped address":            {func(s *ipvs.Service) { s.Key = mapped() }, "IPv4 address written as IPv6"},
		"family of another address": {func(s *ipvs.Service) { s.Key.Family = ipvs.IPv6 }, "address and family inet6 contradict"},
		"mark with protocol":        {func(s *ipvs.Service) { s.Key.FWMark = 1 }, "has no protocol, address and port"},
		"mark":                      {func(s *ipvs.Service) { s.Key = mark }, ""},
		"prefix 129":                {func(s *ipvs.Service) { s.Key = web6; persist(s); s.Netmask = 129 }, "IPv6 has 128 bits"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := ipvs.Service{Key: web, Scheduler: "rr"}
			tt.change(&s)
			checkInvalid(t, s.Validate(), tt.want)
		})
	}
}

func persist(s *ipvs.Service) { s.Flags |= ipvs.FlagPersistent; s.PersistenceTimeout = time.Minute }

func zoned() ipvs.ServiceKey {
	return ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort("[fe80::1%eth0]:80"))
}

func mapped() ipvs.ServiceKey {
	return ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort("[::ffff:10.0.0.1]:80"))
}

func checkInvalid(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	var invalid *ipvs.InvalidError
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want an *InvalidError with %q", err, want)
	}
}

func TestDestinationValidate(t *testing.T) {
	tests := map[string]struct {
		key    ipvs.ServiceKey
		change func(*ipvs.Destination)
		want   string
	}{
		"plain":               {web, func(d *ipvs.Destination) {}, ""},
		"NAT to another port": {web, func(d *ipvs.Destination) { d.Addr = netip.MustParseAddrPort("10.9.0.11:8080") }, ""},
		"DR to another port": {web, func(d *ipvs.Destination) {
			d.Method = ipvs.DirectRoute
			d.Addr = netip.MustParseAddrPort("10.9.0.11:81")
		}, "port must be 80"},
		"DR behind a mark":         {mark, func(d *ipvs.Destination) { d.Method = ipvs.DirectRoute }, "port must be 0"},
		"other family by NAT":      {web6, func(d *ipvs.Destination) {}, "only TUN can do that"},
		"other family by tunnel":   {web6, func(d *ipvs.Destination) { d.Method = ipvs.Tunnel }, ""},
		"method of the kernel":     {web, func(d *ipvs.Destination) { d.Method = ipvs.Local }, "forwarding method 1 is none of NAT, TUN, DR"},
		"heaviest":                 {web, func(d *ipvs.Destination) { d.Weight = 2147483647 }, ""},
		"too heavy":                {web, func(d *ipvs.Destination) { d.Weight = 2147483648 }, "must be 0-2147483647"},
		"upper too high":           {web, func(d *ipvs.Destination) { d.UpperThreshold = 2147483648 }, "upper threshold 2147483648"},
		"lower without upper":      {web, func(d *ipvs.Destination) { d.LowerThreshold = 5 }, "lower threshold 5 is above the upper one, 0"},
		"gue without port":         {web, tunnel(ipvs.GUE, 0, 0), "gue needs a port"},
		"gre with port":            {web, tunnel(ipvs.GRE, 1, 0), "only gue has a port"},
		"ipip with checksum":       {web, tunnel(ipvs.IPIP, 0, ipvs.TunnelChecksum), "ipip carries no checksum"},
		"gre with remcsum":         {web, tunnel(ipvs.GRE, 0, ipvs.TunnelRemoteChecksum), "only gue has remcsum"},
		"unknown tunnel":           {web, tunnel(9, 0, 0), "tunnel type 9"},
		"unknown tunnel flags":     {web, tunnel(ipvs.GRE, 0, 4), "unknown tunnel flags 0x4"},
		"tunnel options beside DR": {web, func(d *ipvs.Destination) { d.Tunnel.Port = 5 }, ""}, // Normal drops them
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := ipvs.Destination{Addr: netip.MustParseAddrPort("10.9.0.11:80")}
			tt.change(&d)
			checkInvalid(t, d.Validate(tt.key), tt.want)
		})
	}
}

func tunnel(typ ipvs.TunnelType, port uint16, flags ipvs.TunnelFlags) func(*ipvs.Destination) {
	return func(d *ipvs.Destination) {
		d.Method, d.Tunnel = ipvs.Tunnel, ipvs.TunnelOptions{Type: typ, Port: port, Flags: flags}
	}
}

func TestSyncDaemonValidate(t *testing.T) {
	tests := map[string]struct {
		daemon ipvs.SyncDaemon
		want   string
	}{
		"least":        {ipvs.SyncDaemon{State: ipvs.SyncMaster, Interface: "eth0"}, ""},
		"no state":     {ipvs.SyncDaemon{Interface: "eth0"}, "neither master nor backup"},
		"no interface": {ipvs.SyncDaemon{State: ipvs.SyncBackup}, `interface ""`},
		"id 256":       {ipvs.SyncDaemon{State: ipvs.SyncBackup, Interface: "eth0", SyncID: 256}, "sync id 256: must be 0-255"},
		"maxlen":       {ipvs.SyncDaemon{State: ipvs.SyncBackup, Interface: "eth0", MaxLen: 65508}, "maxlen 65508"},
		"unicast":      {ipvs.SyncDaemon{State: ipvs.SyncBackup, Interface: "eth0", Group: netip.MustParseAddr("10.0.0.1")}, "not a multicast address"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { checkInvalid(t, tt.daemon.Validate(), tt.want) })
	}
}
