package checkers

import "fmt"

// Names are what log lines call the servers: "[192.0.2.11]:tcp:80".
type Names struct {
	Server  string // the real server
	Service string // the virtual server
	Peer    string // what is connected to, "[192.0.2.11]:25": SMTP lines use it
}

// Texts are the log lines of one kind of checker, in keepalived's words
// because people have filters for them. A nil function has nothing to say in
// that situation, or the common form where there is one.
type Texts struct {
	Prefix     string // TCP: word before "socket bind failed"
	Success    func(n Names, v Verdict) string
	Failed     func(n Names, v Verdict, retries uint32, ran bool) string
	Attempt    func(n Names, v Verdict) string
	StepPassed func(n Names, step string, v Verdict) string
	NoResult   func(n Names) string
}

func (t Texts) success(n Names, v Verdict) string {
	if t.Success == nil {
		return ""
	}
	return t.Success(n, v)
}

func (t Texts) failed(n Names, v Verdict, retries uint32, ran bool) string {
	if t.Failed == nil {
		return ""
	}
	return t.Failed(n, v, retries, ran)
}

func (t Texts) attempt(n Names, v Verdict) string {
	if t.Attempt == nil {
		return ""
	}
	return t.Attempt(n, v)
}

func (t Texts) stepPassed(n Names, step string, v Verdict) string {
	if t.StepPassed == nil {
		return ""
	}
	return t.StepPassed(n, step, v)
}

func (t Texts) noResult(n Names) string {
	if t.NoResult != nil {
		return t.NoResult(n)
	}
	return fmt.Sprintf("%s socket bind failed. Rescheduling.", t.Prefix)
}

// afterRetries is the tail of a final failure. keepalived leaves it out when
// there were no retries, and most kinds when nothing had been tried before.
func afterRetries(retries uint32, ran bool) string {
	if retries == 0 || !ran {
		return ""
	}
	return fmt.Sprintf(" after %d retries", retries)
}
