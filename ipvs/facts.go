package ipvs

// Event is what a virtual server machine is told.
type Event interface{ event() }

type (
	// Startup begins, from a predecessor's state if there is one.
	Startup struct {
		Params Params
		Resume *Snapshot
	}
	// Reconfigure is a reload. Servers and checks that stay keep their state.
	Reconfigure struct{ Params Params }
	// VerdictChanged is the result of one check of one server. Equal results
	// may be repeated.
	VerdictChanged struct {
		Server ServerKey
		Check  string
		Up     bool
	}
	// WeightChanged is a weight that a check computed (MISC_CHECK with
	// misc_dynamic, FILE_CHECK). It replaces the configured one.
	WeightChanged struct {
		Server ServerKey
		Weight int64
		// Configured: it is the configured one again, so that a reload may
		// change it.
		Configured bool
	}
	// Removed means that the configuration has no such virtual server any more.
	Removed struct{}
	// Shutdown is the end of the daemon.
	Shutdown struct{}
)

func (Startup) event()        {}
func (Reconfigure) event()    {}
func (VerdictChanged) event() {}
func (WeightChanged) event()  {}
func (Removed) event()        {}
func (Shutdown) event()       {}

// Action is what the owner has to do, in order. Text is the log line, as
// keepalived has it.
type Action interface{ action() }

type (
	// Apply says that Desired changed: reconcile before doing what follows.
	Apply struct{}
	// RealServerUp and RealServerDown are a server's first and last good check.
	RealServerUp struct {
		Server ServerKey
		Text   string
	}
	RealServerDown struct {
		Server ServerKey
		Text   string
	}
	// Reweighted is a change of the weight that counts.
	Reweighted struct {
		Server   ServerKey
		From, To uint32
		Text     string
	}
	// QuorumGained and QuorumLost tell about the sum of alive weights.
	QuorumGained struct {
		Sum  uint64
		Text string
	}
	QuorumLost struct {
		Sum  uint64
		Text string
	}
	// SorryIn and SorryOut tell about the sorry server.
	SorryIn  struct{ Text string }
	SorryOut struct{ Text string }
	// Noted is a log line without further meaning.
	Noted struct{ Text string }
	// NotifyServer asks for notify_up or notify_down, FIFO and mail of a server.
	// Gone: it was removed from the configuration. Initial: it is up without a
	// check having said so, which is no news for a mail.
	NotifyServer struct {
		Server  ServerKey
		Up      bool
		Gone    bool
		Initial bool
	}
	// NotifyQuorum asks for quorum_up or quorum_down, FIFO and mail.
	NotifyQuorum struct{ Up bool }
)

func (Apply) action()          {}
func (RealServerUp) action()   {}
func (RealServerDown) action() {}
func (Reweighted) action()     {}
func (QuorumGained) action()   {}
func (QuorumLost) action()     {}
func (SorryIn) action()        {}
func (SorryOut) action()       {}
func (Noted) action()          {}
func (NotifyServer) action()   {}
func (NotifyQuorum) action()   {}

// Snapshot is the state of a machine: what status shows and what a successor
// resumes from.
type Snapshot struct {
	Name        string
	QuorumUp    bool
	SorryActive bool
	Sum         uint64 // alive weight
	Servers     []ServerSnapshot
}

// ServerSnapshot is the state of one real server.
type ServerSnapshot struct {
	Server  ServerKey
	Alive   bool
	Failed  []string // checks that fail
	Weight  uint32   // effective
	Dynamic bool     // the weight is a check's, not the configured one
}
