package ipvs

import "holdfast/kconf"

var methodWords = map[string]ForwardingMethod{"NAT": Masq, "DR": DirectRoute, "TUN": Tunnel}

// methodArgs and methodRange are what lvs_method accepts, for manuals.
const (
	methodArgs  = "NAT|DR|TUN [type ipip|gue|gre] [port N] [nocsum|csum|remcsum]"
	methodRange = "upper case; port 1..65535 required with gue only"
)

// parseMethod reads the arguments of lvs_method from words. Any mistake
// refuses the whole line.
func parseMethod(x *kconf.Ctx, what string, words []kconf.Word) (*Method, bool) {
	names := []string{"NAT", "DR", "TUN"}
	if !x.OneOf(words[0], what, names) {
		return nil, false
	}
	m := &Method{Forward: methodWords[words[0].Text]}
	if !tunnelWords.Decode(x, what, m, words[1:]) || m.Tunnel.Type > GRE {
		return nil, false
	}
	if reason := m.Tunnel.bad(); reason != "" {
		x.Errorf(words[0].Pos, kconf.ClassGeneral, "bad-tunnel", "%s %s: %s", what, words[0].Text, reason)
		return nil, false
	}
	if m.Forward != Tunnel { // keepalived reads them with every method
		m.Tunnel = TunnelOptions{}
		if len(words) > 1 {
			x.Notef(words[1].Pos, "extra-arguments", "%s: %s and what follows is ignored without TUN", what, words[1].Text)
		}
	}
	return m, true
}

// badTunnel marks an option that was refused, so that the line is too.
const badTunnel = GRE + 1

var tunnelWords = kconf.InlineOptions[Method]{
	{Name: "type", Args: 1, Do: func(x *kconf.Ctx, m *Method, args []kconf.Word) {
		types := map[string]TunnelType{"ipip": IPIP, "gue": GUE, "gre": GRE}
		if x.OneOf(args[0], "type", []string{"ipip", "gue", "gre"}) {
			m.Tunnel.Type = types[args[0].Text]
		} else {
			m.Tunnel.Type = badTunnel
		}
	}},
	{Name: "port", Args: 1, Do: func(x *kconf.Ctx, m *Method, args []kconf.Word) {
		if n, ok := kconf.ParseUint(x, args[0], "port", 1, 65535); ok {
			m.Tunnel.Port = uint16(n)
		} else {
			m.Tunnel.Type = badTunnel
		}
	}},
	{Name: "nocsum", Do: checksum(TunnelNoChecksum)},
	{Name: "csum", Do: checksum(TunnelChecksum)},
	{Name: "remcsum", Do: checksum(TunnelRemoteChecksum)},
}

func checksum(f TunnelFlags) func(*kconf.Ctx, *Method, []kconf.Word) {
	return func(_ *kconf.Ctx, m *Method, _ []kconf.Word) { m.Tunnel.Flags = f }
}

func methodSetter[C any](store func(x *kconf.Ctx, c *C, s *kconf.Stmt, m *Method)) kconf.Setter[C] {
	return kconf.Custom("ENUM", methodRange, func(x *kconf.Ctx, c *C, s *kconf.Stmt) {
		args, ok := x.Args(s, 1)
		if !ok {
			return
		}
		if m, ok := parseMethod(x, s.Keyword(), args); ok {
			store(x, c, s, m)
		}
	})
}
