package checkers

// Kinds are all checkers, in the order of the manual. One more checker is one
// more file and one more line here.
func Kinds() []*Kind { return kinds }

var kinds = []*Kind{
	tcpKind,
	httpKind,
	sslKind,
	smtpKind,
	dnsKind,
	udpKind,
	pingKind,
	miscKind,
	fileKind,
	bfdKind,
}
