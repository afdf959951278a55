package checkers

import (
	"context"
	"fmt"

	"holdfast/kconf"
)

// TCPConfig is a TCP_CHECK block: nothing but the common keywords.
type TCPConfig struct{ Common }

func (c *TCPConfig) common() *Common { return &c.Common }

var tcpKeywords = connectRows((*TCPConfig).common, history{"1", "1",
	"1.2.13 0.5.8 1.1.2 1.2.13 1.3.7 0.5.3 1.2.13 1.2.20 1.2.20 1.2.13 1.3.7 1.3.7 2.0.11"})

var tcpKind = &Kind{
	Keyword: "TCP_CHECK",
	Since:   "0.5.3",
	Doc:     "Up if the server accepts a connection, which is closed at once.",
	Rows:    tcpKeywords,
	Decode: func(x *kconf.Ctx, s *kconf.Stmt) Config {
		c := new(TCPConfig)
		tcpKeywords.Decode(x, c, s.Block)
		return c
	},
	New:              func(_ Config, t Target) []Checker { return []Checker{TCPCheck{Target: t}} },
	Texts:            func(Config) Texts { return tcpTexts },
	Retry:            1,
	DelayBeforeRetry: defaultDelayBeforeRetry,
	Total:            steps(1), // the connect
}

var tcpTexts = Texts{
	Prefix:  "TCP",
	Success: func(n Names, _ Verdict) string { return fmt.Sprintf("TCP connection to %s success.", n.Server) },
	Failed: func(n Names, _ Verdict, retries uint32, ran bool) string {
		return fmt.Sprintf("TCP_CHECK on service %s failed%s.", n.Server, afterRetries(retries, ran))
	},
	Attempt: func(n Names, v Verdict) string {
		if v.Reason == NoRoute {
			return "" // only the verdict is logged
		}
		how := "failed"
		if v.Reason == ConnectTimeout {
			how = "timeout"
		}
		return fmt.Sprintf("TCP connection to %s %s.", n.Server, how)
	},
}

// TCPCheck connects and closes without a word.
type TCPCheck struct{ Target Target }

// Check implements Checker.
func (c TCPCheck) Check(ctx context.Context) Verdict {
	if err := c.Target.reach(ctx); err != nil {
		return c.Target.dialVerdict(ctx, "tcp", err)
	}
	return Verdict{Up: true, Detail: c.Target.Addr.String() + " accepts connections"}
}
