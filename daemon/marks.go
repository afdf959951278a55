package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"holdfast/daemon/config"
	"holdfast/ipvs"
	"holdfast/nft"
)

// marks are the firewall marks of virtual server groups: with nftables_ipvs all
// addresses of a group are one service of ip_vs, behind a mark that packets to
// them get. They are given out in the order of the configuration, and a group
// that a reload leaves keeps its mark.
type marks struct {
	nft.Marks
	start uint32
	given map[markOwner]uint32
}

// markOwner is what has a mark.
type markOwner struct {
	group    string
	protocol ipvs.Protocol
}

// newMarks are those of a configuration: old ones where they still have an owner.
func newMarks(c *config.Config, old map[markOwner]uint32) *marks {
	f := &c.Global.Firewall
	if f.IPVSTable.Text == "" {
		return nil
	}
	m := &marks{Marks: nft.Marks{Table: f.IPVSTable.Text, Priority: f.IPVSPriority}, start: f.IPVSStartFwmark, given: map[markOwner]uint32{}}
	taken := map[uint32]bool{}
	for _, s := range c.Services {
		for _, k := range s.Params.Keys {
			taken[k.FWMark] = true // one that somebody else sets
		}
		if owner := ownerOf(s); s.Conf.Group != "" && old[owner] != 0 {
			m.given[owner] = old[owner]
		}
	}
	for owner, mark := range m.given {
		if taken[mark] {
			delete(m.given, owner)
		}
		taken[mark] = true
	}
	next := m.start
	for _, s := range c.Services {
		owner := ownerOf(s)
		if s.Conf.Group == "" || m.given[owner] != 0 {
			continue
		}
		for taken[next] {
			next++
		}
		m.given[owner], taken[next] = next, true
	}
	return m
}

// owners are those that have a mark, and which.
func (m *marks) owners() map[markOwner]uint32 {
	if m == nil {
		return nil
	}
	return m.given
}

func ownerOf(s *config.Service) markOwner { return markOwner{s.Conf.Group, s.Conf.Protocol} }

// settle notes which packets get the mark of s, and returns the services of ip_vs
// that s is: for a group one behind its mark for each family, and those of marks
// that the group itself has. It is called once for each service.
func (m *marks) settle(s *config.Service) []ipvs.ServiceKey {
	if m == nil || s.Conf.Group == "" {
		return s.Params.Keys
	}
	var keys []ipvs.ServiceKey
	mark := m.given[ownerOf(s)]
	for _, k := range s.Params.Keys {
		if !k.IsFWMark() {
			m.Of = append(m.Of, nft.Marked{Addr: k.Addr.Addr(), Port: k.Addr.Port(), Protocol: uint8(k.Protocol), Mark: mark})
			k = ipvs.FWMarkKey(k.Family, mark)
		}
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// marking keeps the tables that set marks. A packet gets a mark only while there
// is a service behind it: without one it would be this host's own.
type marking struct {
	log    *slog.Logger
	tables func(nft.Wish) // nft.Worker.Want

	mu      sync.Mutex // guards what follows
	seq     uint64
	done    chan struct{} // closed when the tables are as the wish seq says, or could not be
	lastErr string

	asked []nft.Marked // only the role's goroutine comes here
	begun bool
}

// want asks for tables and waits until they are there, or patience ends.
func (m *marking) want(w nft.Marks) {
	if m.begun && slices.Equal(w.Of, m.asked) {
		return
	}
	m.begun, m.asked = true, w.Of
	done := make(chan struct{})
	m.mu.Lock()
	m.seq++
	m.done = done
	wish := nft.Wish{Seq: m.seq, Tables: nft.DesiredMarks(w)}
	m.mu.Unlock()
	for _, family := range []nft.Family{nft.IPv4, nft.IPv6} { // those that a predecessor left, too
		wish.Ours = append(wish.Ours, nft.Key{Family: family, Name: w.Table})
	}
	m.tables(wish)
	select {
	case <-done:
	case <-time.After(filterPatience):
		m.log.Warn(fmt.Sprintf("nftables did not answer within %v: packets to virtual server groups may not be marked yet", filterPatience))
	}
}

// before is w without what has not been asked for yet.
func (m *marking) before(w nft.Marks) nft.Marks {
	had := make(map[nft.Marked]bool, len(m.asked))
	for _, e := range m.asked {
		had[e] = true
	}
	w.Of = slices.DeleteFunc(slices.Clone(w.Of), func(e nft.Marked) bool { return !had[e] })
	return w
}

// tablesDone takes in what nft.Worker did.
func (m *marking) tablesDone(r nft.Reconciled) {
	for _, op := range r.Done {
		m.log.Debug(op.String(), "cause", r.Cause)
	}
	if r.Repaired {
		m.log.Warn("put back what others changed in the nftables tables that mark packets to virtual server groups")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text := ""
	if r.Err != nil {
		text = r.Err.Error()
	}
	if text != "" && text != m.lastErr {
		m.log.Error(text + "; until this is solved packets to virtual server groups are not balanced")
	}
	m.lastErr = text
	if m.done != nil && r.Seq >= m.seq {
		close(m.done)
		m.done = nil
	}
}

// lateTables are the tables of a network namespace that may come later.
type lateTables struct {
	path string

	mu   sync.Mutex
	file *os.File // stays open: the tables are found by its descriptor
}

// openTables gives access to the nftables of a namespace by its path, or of the
// process's own.
func openTables(path string) nft.Kernel {
	if path == "" {
		return nft.Open()
	}
	return &lateTables{path: path}
}

func (l *lateTables) open() (*nft.NFTables, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		f, err := os.Open(l.path)
		if err != nil {
			return nil, fmt.Errorf("open network namespace: %w", err)
		}
		l.file = f
	}
	return nft.OpenAt(int(l.file.Fd())), nil
}

// Read implements nft.Kernel.
func (l *lateTables) Read(ctx context.Context, keys []nft.Key) ([]nft.Table, error) {
	k, err := l.open()
	if err != nil {
		return nil, err
	}
	return k.Read(ctx, keys)
}

// Apply implements nft.Kernel.
func (l *lateTables) Apply(ctx context.Context, ops []nft.Op) error {
	k, err := l.open()
	if err != nil {
		return err
	}
	return k.Apply(ctx, ops)
}

// Watch implements nft.Kernel.
func (l *lateTables) Watch(ctx context.Context) (<-chan nft.Change, error) {
	k, err := l.open()
	if err != nil {
		return nil, err
	}
	return k.Watch(ctx)
}
