package vrrp

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"slices"
	"strings"
	"time"

	"holdfast/kconf"
)

// HMACConfig is the auth_hmac block: a trailer with HMAC-SHA256 behind every
// advert, in both versions and families (keepalived 2.4.0).
type HMACConfig struct {
	kconf.Written // where each keyword stands

	Pos        kconf.Pos
	Keys       []HMACKey
	ActiveKey  uint8         // signs our adverts; 0: none
	Window     time.Duration // time_window: 1-300s; 0: from advert_int
	AntiReplay string        // time or monotonic
	Mode       HMACMode
}

// HMACKey is one key, 32 to 64 octets.
type HMACKey struct {
	ID     uint8
	Secret []byte `json:"-"` // nil while it is still in File
	File   string // key N file:PATH
	Pos    kconf.Pos
}

// HMACMode says what is done with adverts without a trailer.
type HMACMode string

const (
	HMACEnforce     HMACMode = "enforce"      // refused; ours are signed
	HMACPermissive  HMACMode = "permissive"   // accepted; ours are signed
	HMACReceiveOnly HMACMode = "receive-only" // accepted; ours are not signed
)

// Sizes of a key, in octets.
const (
	hmacKeyMin = 32
	hmacKeyMax = 64
)

// HMACKeywords is the vocabulary of auth_hmac.
var HMACKeywords = kconf.Vocabulary[HMACConfig]{
	{Name: "key", Args: "ID VALUE", Since: "2.4.0",
		Doc: "One key with its number; the text itself, its octets after hex:, or after file: where it is kept.",
		Set: kconf.Custom("UINT + key", "", setHMACKey).Says("UINT + key", "ID 1..255 unique; 32..64 bytes")},
	{Name: "active_key", Args: "ID", Default: "0 (none)", Since: "2.4.0",
		Doc: "Number of the key that signs our adverts.",
		Set: kconf.Uint(func(c *HMACConfig) *uint8 { return &c.ActiveKey }, 1, 255).Says("UINT", "1..255, must exist")},
	{Name: "time_window", Args: "SECS", Default: "max(5, 3 x advert_int), capped 300", Since: "2.4.0",
		Doc: "Difference of clocks that is accepted in time mode.",
		Set: kconf.Seconds(func(c *HMACConfig) *time.Duration { return &c.Window }, time.Second, 300*time.Second, 0).Says("UINT s", "1..300")},
	{Name: "anti_replay", Args: "time or monotonic", Default: "time", Since: "2.4.0",
		Doc: "What shows that an advert is fresh: the clock, or a number that only grows.",
		Set: kconf.Enum(func(c *HMACConfig) *string { return &c.AntiReplay }, "time", "monotonic").Says("ENUM", "")},
	{Name: "mode", Args: "enforce or permissive or receive-only", Default: "enforce", Since: "2.4.0",
		Doc: "enforce wants a trailer and sends one, permissive also accepts adverts without, receive-only does not sign.",
		Set: kconf.Enum(func(c *HMACConfig) *HMACMode { return &c.Mode }, HMACEnforce, HMACPermissive, HMACReceiveOnly).Says("ENUM", "")},
}

func beginHMAC(_ *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) *HMACConfig {
	c.HMAC = &HMACConfig{Pos: s.Pos(), AntiReplay: "time", Mode: HMACEnforce}
	return c.HMAC
}

// setHMACKey reads ID VALUE. The message never shows the value.
func setHMACKey(x *kconf.Ctx, c *HMACConfig, s *kconf.Stmt) {
	args, ok := x.Args(s, 2)
	if !ok {
		return
	}
	id, ok := kconf.ParseUint(x, args[0], s.Keyword(), 1, 255)
	if !ok {
		return
	}
	if i := slices.IndexFunc(c.Keys, func(k HMACKey) bool { return k.ID == uint8(id) }); i >= 0 {
		x.Diags.Add(kconf.Diagnostic{Pos: args[0].Pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate", Related: c.Keys[i].Pos,
			Message: "key " + args[0].Text + ": given before, the first one counts"})
		return
	}
	k := HMACKey{ID: uint8(id), Pos: args[1].Pos}
	value := args[1].Text
	digits, isHex := strings.CutPrefix(value, "hex:")
	path, isFile := strings.CutPrefix(value, "file:")
	switch {
	case isFile && path == "":
		x.Errorf(k.Pos, kconf.ClassGeneral, "bad-key", "key %d: file: wants a path", id)
		return
	case isFile:
		k.File = path
	case isHex:
		secret, err := hex.DecodeString(digits)
		if err != nil {
			x.Errorf(k.Pos, kconf.ClassGeneral, "bad-key", "key %d: hex: wants an even number of hexadecimal digits", id)
			return
		}
		k.Secret = secret
	default:
		k.Secret = []byte(value)
	}
	if isFile || k.sized(x) {
		c.Keys = append(c.Keys, k)
	}
}

// sized reports whether the key is neither too short nor too long.
func (k *HMACKey) sized(x *kconf.Ctx) bool {
	if n := len(k.Secret); n < hmacKeyMin || n > hmacKeyMax {
		x.Errorf(k.Pos, kconf.ClassGeneral, "bad-key", "key %d: has %d octets, must have %d to %d; it is not used", k.ID, n, hmacKeyMin, hmacKeyMax)
		return false
	}
	return true
}

// ReadKeys fetches the keys that are kept in files, files being the root
// directory. A file that others can read is used and reported as a matter of
// security; a key that cannot be had is left out.
func (c *HMACConfig) ReadKeys(x *kconf.Ctx, files fs.FS) {
	var keys []HMACKey // a new list: the block as written stays
	for _, k := range c.Keys {
		if k.File == "" || k.read(x, files) {
			keys = append(keys, k)
		}
	}
	c.Keys = keys
}

func (k *HMACKey) read(x *kconf.Ctx, files fs.FS) bool {
	name := strings.TrimPrefix(k.File, "/")
	info, err := fs.Stat(files, name)
	if err == nil {
		k.Secret, err = fs.ReadFile(files, name)
	}
	if err != nil {
		x.Errorf(k.Pos, kconf.ClassGeneral, "bad-key", "key %d: read %s: %v; it is not used", k.ID, k.File, err)
		return false
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		x.Errorf(k.Pos, kconf.ClassSecurity, "key-readable", "key %d: %s has mode %#o: group or others can use it; chmod 600", k.ID, k.File, mode)
	}
	k.Secret = bytes.TrimSuffix(bytes.TrimSuffix(k.Secret, []byte("\n")), []byte("\r"))
	return k.sized(x)
}

// key is the key with this number; nil when there is none.
func (c *HMACConfig) key(id uint8) *HMACKey {
	for i := range c.Keys {
		if c.Keys[i].ID == id {
			return &c.Keys[i]
		}
	}
	return nil
}
