package netns

import (
	"strings"
	"testing"
	"time"
)

// authHeader is version 2 with the authentication header.
var authHeader = protocol{
	name:   "version 2 with AH",
	router: Router{Version: 2, Interval: time.Second, AuthType: "AH", Password: "s3cr3t", VIPs: []string{"10.9.0.100/24", "10.9.0.101/24"}},
	vip:    "10.9.0.100",
	skew:   609375 * time.Microsecond,  // 156/256 * 1s
	down:   3609375 * time.Microsecond, // 3*1s + 156/256*1s
	downA:  3414063 * time.Microsecond, // 3*1s + 106/256*1s
}

// TestRoutersWithAHLiveThroughEverythingTogether: whoever takes over goes on with
// the numbers where the other ended; a router that was killed and begins with 1
// again listens first.
func TestRoutersWithAHLiveThroughEverythingTogether(t *testing.T) {
	Require(t)
	for _, kinds := range pairings {
		t.Run(kinds.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, kinds, authHeader, nil)
			liveTogether(t, p)
			all := p.Capture.Adverts(time.Time{}, func(Advert) bool { return true })
			for i, a := range all {
				if a.Sequence == 0 {
					t.Fatalf("advert %d of %v has no authentication header", i, a.Src)
				}
				// Two adverts can have one number when both routers were
				// Active for a moment; no number may ever be far behind.
				if i > 0 && a.Sequence+1 < all[i-1].Sequence {
					t.Errorf("advert %d of %v has number %d after %d", i, a.Src, a.Sequence, all[i-1].Sequence)
				}
			}
		})
	}
}

// TestAHWithAnotherPasswordIsNotHeard: both are active, and both say why.
func TestAHWithAnotherPasswordIsNotHeard(t *testing.T) {
	Require(t)
	for _, kinds := range pairings[:3] {
		t.Run(kinds.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, kinds, authHeader, func(router string, r *Router) {
				if router == "b" {
					r.Password = "S3cr3t"
				}
			})
			a, b := p.start(p.confA)
			p.WaitHolders(8*time.Second, p.vip, "a", "b")
			for _, d := range []*Daemon{a, b} {
				d.WaitLog(time.Time{}, 2*time.Second, `IPSEC-AH : invalid IPSEC HMAC-MD5 value`)
			}
		})
	}
}

// TestARecordedAdvertWithAHDoesNotDeposeAnybody: what was right once is refused
// the second time.
func TestARecordedAdvertWithAHDoesNotDeposeAnybody(t *testing.T) {
	Require(t)
	for _, kinds := range pairings[:2] {
		t.Run(kinds.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, kinds, authHeader, nil)
			b := p.b.Start(kinds.b, p.confB)
			p.WaitHolders(6*time.Second, p.vip, "b")
			a := p.a.Start(kinds.a, p.confA)
			p.settle(a, b)
			a.Stop()
			p.WaitHolders(3*time.Second, p.vip, "b")
			recorded := p.Capture.Last(From(p.a)) // priority 150, which b would yield to
			began := time.Now()
			injector := p.Host("c", 3).Injector()
			for range 3 {
				injector.Replay(recorded)
			}
			b.WaitLog(began, 2*time.Second, `IPSEC-AH : sequence number \d+ .*already processed`)
			Throughout(t, 2*time.Second, "b keeps the address", func() bool { return p.b.Holds(p.vip) })
		})
	}
}

// hmac is auth_hmac with one key, as lines of an instance.
func hmac(key, mode string) string {
	return "auth_hmac {\n key 1 " + key + "\n active_key 1\n mode " + mode + "\n}"
}

const secret = "0123456789abcdef0123456789abcdef"

// trailers are three ways to speak VRRP without a password of version 2.
func trailers() []protocol {
	list := append([]protocol(nil), protocols...)
	list[0].name, list[0].router.Password = "version 2", ""
	return list
}

// TestRoutersWithTrailersLiveThroughEverythingTogether: keepalived 2.2.7 knows no
// auth_hmac, so both are holdfast.
func TestRoutersWithTrailersLiveThroughEverythingTogether(t *testing.T) {
	Require(t)
	for _, proto := range trailers() {
		t.Run(proto.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, pairing{Holdfast, Holdfast}, proto, func(_ string, r *Router) { r.Extra = hmac(secret, "enforce") })
			p.Capture.Signed()
			liveTogether(t, p)
			for _, a := range p.Capture.Adverts(time.Time{}, func(Advert) bool { return true }) {
				if n := len(a.Raw); n < 28 || a.Raw[n-28] != 1 || a.Raw[n-27] != 1 {
					t.Fatalf("an advert of %v ends without trailer: %x", a.Src, a.Raw)
				}
			}
		})
	}
}

// TestARouterWithoutTheRightTrailerIsNotHeard: the other one is keepalived without
// auth_hmac, or holdfast with another key.
func TestARouterWithoutTheRightTrailerIsNotHeard(t *testing.T) {
	Require(t)
	tests := map[string]struct {
		kind  Kind
		extra string
		log   string
	}{
		"no trailer":  {Keepalived, "", `missing authentication trailer from 10.9.0.2`},
		"another key": {Holdfast, hmac(strings.ToUpper(secret), "enforce"), `invalid authentication HMAC from 10.9.0.2`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, pairing{Holdfast, tt.kind}, trailers()[1], func(router string, r *Router) {
				if r.Extra = hmac(secret, "enforce"); router == "b" {
					r.Extra = tt.extra
				}
			})
			p.Capture.Signed()
			a, b := p.start(p.confA)
			p.WaitHolders(8*time.Second, p.vip, "a", "b")
			a.WaitLog(time.Time{}, 2*time.Second, tt.log)
			if tt.kind == Keepalived {
				b.WaitLog(time.Time{}, 2*time.Second, `vrrp packet too long`)
			}
		})
	}
}

// TestTrailersAreRolledOutWithoutASecondActiveRouter: receive-only everywhere
// first, and keepalived without auth_hmac is heard, and hears us.
func TestTrailersAreRolledOutWithoutASecondActiveRouter(t *testing.T) {
	Require(t)
	for _, kinds := range pairings[:2] {
		t.Run(kinds.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, kinds, trailers()[1], func(router string, r *Router) {
				if kind := map[string]Kind{"a": kinds.a, "b": kinds.b}[router]; kind == Holdfast {
					r.Extra = hmac(secret, "receive-only")
				}
			})
			began := time.Now()
			p.start(p.confA)
			p.WaitHolders(8*time.Second, p.vip, "a")
			Throughout(t, p.down+p.down/2, "b sends nothing", func() bool {
				return len(p.Capture.Adverts(began, p.b.sent)) == 0
			})
		})
	}
}
