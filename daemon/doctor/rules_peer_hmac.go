package doctor

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"holdfast/kconf"
	"holdfast/vrrp"
)

// Two keys for examples; nobody uses them.
const (
	exampleKey = "0123456789abcdef0123456789abcdef"
	anotherKey = "fedcba9876543210fedcba9876543210"
)

// hmacRules are about auth_hmac of two nodes.
func hmacRules() []Rule {
	return []Rule{{
		ID: "peer-hmac-differs", Theme: Peers, Severity: kconf.Warning, Title: "auth_hmac does not go together",
		What: "What one node sends the other refuses: it signs with a key that the other has not, or has with another text, or only one of the two signs. Keys are compared by number and text, and no text is shown; one that is in a file of the other node is compared by number.",
		Why:  "A node that refuses the advertisements of the other is master beside it.",
		Fix:  "give both nodes all keys first, then the same active_key; for the change from no trailer to one use mode receive-only, then permissive, then enforce",
		Bad:  conf(router("auth_hmac { key 1 " + exampleKey + "; active_key 1 }")), BadPeer: conf(router("priority 90; auth_hmac { key 1 " + anotherKey + "; active_key 1 }")),
		Good: conf(router("auth_hmac { key 1 " + exampleKey + "; key 2 " + anotherKey + "; active_key 1 }")), GoodPeer: conf(router("priority 90; auth_hmac { key 1 " + exampleKey + "; key 2 " + anotherKey + "; active_key 2 }")),
		References: []string{"auth_hmac", "active_key", "mode"},
		Compare: func(c *Comparison, r Report) {
			for _, p := range c.Routers {
				h, t := p.Here.Params.HMAC, p.There.Params.HMAC
				wrong := append(refusals(h, t, "here", "there"), refusals(t, h, "there", "here")...)
				if len(wrong) == 0 {
					continue
				}
				at, other := c.both(p, "auth_hmac")
				r.At(at, other, "%s: auth_hmac: %s", p.label(), strings.Join(wrong, "; "))
			}
		},
	}}
}

// refusals say why the receiver does not hear the sender, in the words of their
// places. A nil block sends no trailer and takes none.
func refusals(sender, receiver *vrrp.HMACConfig, from, at string) []string {
	signs := sender != nil && sender.Mode != vrrp.HMACReceiveOnly
	switch {
	case receiver == nil && signs:
		return []string{fmt.Sprintf("advertisements are signed %s, and without auth_hmac %s they are too long", from, at)}
	case receiver == nil:
		return nil
	case !signs && receiver.Mode == vrrp.HMACEnforce:
		return []string{fmt.Sprintf("mode enforce %s, and advertisements are not signed %s", at, from)}
	case !signs:
		return nil
	}
	key, known := hmacKey(sender, sender.ActiveKey), hmacKey(receiver, sender.ActiveKey)
	switch {
	case known == nil:
		return []string{fmt.Sprintf("key %d, which signs %s, is unknown %s", sender.ActiveKey, from, at)}
	case key != nil && key.Secret != nil && known.Secret != nil && !bytes.Equal(key.Secret, known.Secret):
		return []string{fmt.Sprintf("key %d, which signs %s, has another text %s", sender.ActiveKey, from, at)}
	}
	return nil
}

// hmacKey is the key of a number; nil when there is none.
func hmacKey(c *vrrp.HMACConfig, id uint8) *vrrp.HMACKey {
	i := slices.IndexFunc(c.Keys, func(k vrrp.HMACKey) bool { return k.ID == id })
	if i < 0 {
		return nil
	}
	return &c.Keys[i]
}
