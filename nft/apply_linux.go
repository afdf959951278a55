package nft

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The library can send transactions as well. Ours also says in which order the
// octets of values of maps are, without which nft(8) lists wrong interfaces;
// and which of the operations failed.

// chunk is how many elements go into one message: the length of an attribute
// has 16 bits, and an element of ours takes at most 60 octets.
const chunk = 500

// Apply implements Kernel: one transaction.
func (k *NFTables) Apply(ctx context.Context, ops []Op) error {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: k.netns})
	if err != nil {
		return explain("open a netfilter socket", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(limit(ctx)); err != nil {
		return explain("set a time limit", err)
	}
	var t transaction
	for i, op := range ops {
		t.op = i
		t.encode(op)
	}
	if t.err != nil {
		return explain(ops[t.failed].String(), t.err)
	}
	if _, err := conn.SendMessages(t.whole()); err != nil {
		return explain("change nftables", err)
	}
	// The kernel answers for each message in turn, and with the first error
	// nothing of the transaction has happened.
	for _, op := range t.ops {
		if _, err := conn.Receive(); err != nil {
			if refused := (*netlink.OpError)(nil); errors.As(err, &refused) {
				err = refused.Err
			}
			if ops[op].Verb == AddRule && errors.Is(err, unix.ENOENT) {
				err = fmt.Errorf("%w (a module of nf_tables may be missing, such as nft_dup_ipv4)", err)
			}
			return explain(ops[op].String(), err)
		}
	}
	return nil
}

// acceptPolicy is NF_ACCEPT.
const acceptPolicy = 1

// transaction is a batch of messages in the making.
type transaction struct {
	messages []netlink.Message
	ops      []int // the operation that each message belongs to
	op       int
	err      error // what could not be encoded, of operation failed
	failed   int
}

// whole is the batch with its begin and end.
func (t *transaction) whole() []netlink.Message {
	mark := func(typ netlink.HeaderType) netlink.Message {
		return netlink.Message{Header: netlink.Header{Type: typ, Flags: netlink.Request}, Data: []byte{0, 0, 0, subsystem}}
	}
	return slices.Concat([]netlink.Message{mark(unix.NFNL_MSG_BATCH_BEGIN)}, t.messages, []netlink.Message{mark(unix.NFNL_MSG_BATCH_END)})
}

// add appends a message about k.
func (t *transaction) add(k Key, typ netlink.HeaderType, flags netlink.HeaderFlags, body func(*netlink.AttributeEncoder)) {
	data, err := attributes(body)
	if err != nil && t.err == nil {
		t.err, t.failed = err, t.op
	}
	t.messages = append(t.messages, netlink.Message{
		Header: netlink.Header{Type: subsystem<<8 | typ, Flags: netlink.Request | netlink.Acknowledge | flags},
		Data:   append([]byte{byte(k.Family), 0, 0, 0}, data...),
	})
	t.ops = append(t.ops, t.op)
}

func attributes(body func(*netlink.AttributeEncoder)) ([]byte, error) {
	ae := netlink.NewAttributeEncoder()
	ae.ByteOrder = binary.BigEndian
	body(ae)
	return ae.Encode()
}

// nested puts attributes into an attribute.
func nested(ae *netlink.AttributeEncoder, typ uint16, body func(*netlink.AttributeEncoder)) {
	ae.Nested(typ, func(in *netlink.AttributeEncoder) error { in.ByteOrder = binary.BigEndian; body(in); return nil })
}

func (t *transaction) encode(op Op) {
	k := op.Table
	switch op.Verb {
	case AddTable:
		t.add(k, unix.NFT_MSG_NEWTABLE, netlink.Create, func(ae *netlink.AttributeEncoder) {
			ae.String(unix.NFTA_TABLE_NAME, k.Name)
			ae.Uint32(unix.NFTA_TABLE_FLAGS, 0)
		})
	case DelTable:
		t.add(k, unix.NFT_MSG_DELTABLE, 0, func(ae *netlink.AttributeEncoder) { ae.String(unix.NFTA_TABLE_NAME, k.Name) })
	case AddSet:
		t.add(k, unix.NFT_MSG_NEWSET, netlink.Create, func(ae *netlink.AttributeEncoder) { op.Set.describe(ae, k, uint32(len(t.messages)+1)) })
		t.elements(op, unix.NFT_MSG_NEWSETELEM, netlink.Create)
	case AddElements:
		t.elements(op, unix.NFT_MSG_NEWSETELEM, netlink.Create)
	case DelElements:
		t.elements(op, unix.NFT_MSG_DELSETELEM, 0)
	case AddChain:
		t.add(k, unix.NFT_MSG_NEWCHAIN, netlink.Create, func(ae *netlink.AttributeEncoder) { op.Chain.describe(ae, k) })
	case FlushChain:
		t.add(k, unix.NFT_MSG_DELRULE, 0, func(ae *netlink.AttributeEncoder) {
			ae.String(unix.NFTA_RULE_TABLE, k.Name)
			ae.String(unix.NFTA_RULE_CHAIN, op.Chain.Name)
		})
	case AddRule:
		t.add(k, unix.NFT_MSG_NEWRULE, netlink.Create|netlink.Append, func(ae *netlink.AttributeEncoder) {
			ae.String(unix.NFTA_RULE_TABLE, k.Name)
			ae.String(unix.NFTA_RULE_CHAIN, op.Chain.Name)
			ae.Nested(unix.NFTA_RULE_EXPRESSIONS, func(list *netlink.AttributeEncoder) error { return program(list, k, op.Rule) })
		})
	}
}

func program(list *netlink.AttributeEncoder, k Key, r *Rule) error {
	for _, e := range r.Program {
		b, err := expr.Marshal(byte(k.Family), e)
		if err != nil {
			return err
		}
		list.Bytes(unix.NLA_F_NESTED|unix.NFTA_LIST_ELEM, b)
	}
	return nil
}

// describe is a set without its elements. The number is its name within the
// transaction.
func (s *Set) describe(ae *netlink.AttributeEncoder, k Key, number uint32) {
	var flags, magic, octets uint32
	for _, t := range s.Key {
		magic = magic<<nftables.SetConcatTypeBits | uint32(t)
		n := uint32(types[t].octets)
		if len(s.Key) > 1 {
			n = (n + 3) / 4 * 4
		}
		octets += n
	}
	if s.Constant {
		flags |= unix.NFT_SET_CONSTANT
	}
	if s.Value != 0 {
		flags |= unix.NFT_SET_MAP
	}
	ae.String(unix.NFTA_SET_TABLE, k.Name)
	ae.String(unix.NFTA_SET_NAME, s.Name)
	ae.Uint32(unix.NFTA_SET_FLAGS, flags)
	ae.Uint32(unix.NFTA_SET_KEY_TYPE, magic)
	ae.Uint32(unix.NFTA_SET_KEY_LEN, octets)
	ae.Uint32(unix.NFTA_SET_ID, number)
	if s.Value != 0 {
		ae.Uint32(unix.NFTA_SET_DATA_TYPE, uint32(s.Value))
		ae.Uint32(unix.NFTA_SET_DATA_LEN, uint32(types[s.Value].octets))
	}
	if s.Constant {
		nested(ae, unix.NFTA_SET_DESC, func(desc *netlink.AttributeEncoder) {
			desc.Uint32(unix.NFTA_SET_DESC_SIZE, uint32(len(s.Elements)))
		})
	}
	if notes := s.notes(); len(notes) > 0 {
		ae.Bytes(unix.NFTA_SET_USERDATA, notes)
	}
}

// notes are for nft(8), which takes indexes for numbers of the network's order
// unless it is told otherwise. The kernel keeps them and does not look.
func (s *Set) notes() []byte {
	machineOrder := binary.NativeEndian.AppendUint32(nil, 1) // BYTEORDER_HOST_ENDIAN
	var b []byte
	if slices.Equal(s.Key, []Type{IfIndex}) {
		b = userdata.Append(b, userdata.NFTNL_UDATA_SET_KEYBYTEORDER, machineOrder)
	}
	if s.Value == IfIndex || s.Value == Mark {
		b = userdata.Append(b, userdata.NFTNL_UDATA_SET_DATABYTEORDER, machineOrder)
	}
	return b
}

// elements of a set, in as many messages as they need.
func (t *transaction) elements(op Op, typ netlink.HeaderType, flags netlink.HeaderFlags) {
	for keys := range slices.Chunk(op.Set.sorted(), chunk) {
		t.add(op.Table, typ, flags, func(ae *netlink.AttributeEncoder) {
			ae.String(unix.NFTA_SET_ELEM_LIST_TABLE, op.Table.Name)
			ae.String(unix.NFTA_SET_ELEM_LIST_SET, op.Set.Name)
			nested(ae, unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(list *netlink.AttributeEncoder) {
				for _, key := range keys {
					nested(list, unix.NFTA_LIST_ELEM, func(e *netlink.AttributeEncoder) { op.Set.element(e, key) })
				}
			})
		})
	}
}

func (s *Set) element(ae *netlink.AttributeEncoder, key string) {
	value := func(typ uint16, octets string) {
		nested(ae, typ, func(v *netlink.AttributeEncoder) { v.Bytes(unix.NFTA_DATA_VALUE, []byte(octets)) })
	}
	value(unix.NFTA_SET_ELEM_KEY, key)
	if v := s.Elements[key]; v != "" {
		value(unix.NFTA_SET_ELEM_DATA, v)
	}
}

// describe is a chain without its rules.
func (c *Chain) describe(ae *netlink.AttributeEncoder, k Key) {
	ae.String(unix.NFTA_CHAIN_TABLE, k.Name)
	ae.String(unix.NFTA_CHAIN_NAME, c.Name)
	if c.Hook == NoHook {
		return
	}
	nested(ae, unix.NFTA_CHAIN_HOOK, func(h *netlink.AttributeEncoder) {
		h.Uint32(unix.NFTA_HOOK_HOOKNUM, uint32(c.Hook-1))
		h.Uint32(unix.NFTA_HOOK_PRIORITY, uint32(c.Priority))
	})
	ae.Uint32(unix.NFTA_CHAIN_POLICY, acceptPolicy)
	ae.String(unix.NFTA_CHAIN_TYPE, "filter")
}
