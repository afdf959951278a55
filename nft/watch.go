package nft

import (
	"bytes"
	"encoding/binary"
)

// What the kernel tells of changes is one netlink message per change: four
// octets with the family, then attributes. In each of them the first attribute
// type names the table (NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE,
// NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE, NFTA_OBJ_TABLE, NFTA_FLOWTABLE_TABLE).
const (
	subsystem     = 10 // NFNL_SUBSYS_NFTABLES, the high octet of the message type
	newGeneration = 15 // NFT_MSG_NEWGEN, at the end of each transaction: of no table
	attrTable     = 1
	attrTypeMask  = 0x3fff // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
	genHeader     = 4      // octets of struct nfgenmsg
	attrHeader    = 4      // octets of struct nlattr
)

// decodeChange reads which table a message is about. ok is false for messages
// that are about none.
func decodeChange(typ uint16, b []byte) (key Key, ok bool) {
	if typ>>8 != subsystem || typ&0xff == newGeneration || len(b) < genHeader {
		return Key{}, false
	}
	key.Family = Family(b[0])
	for b = b[genHeader:]; len(b) >= attrHeader; {
		n := int(binary.NativeEndian.Uint16(b))
		if n < attrHeader || n > len(b) {
			return Key{}, false
		}
		if binary.NativeEndian.Uint16(b[2:])&attrTypeMask == attrTable {
			name, _, _ := bytes.Cut(b[attrHeader:n], []byte{0})
			key.Name = string(name)
			return key, len(name) > 0
		}
		b = b[min(len(b), (n+3)/4*4):]
	}
	return Key{}, false
}
