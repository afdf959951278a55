package notify

import (
	"fmt"
	"strings"

	"holdfast/internal/event"
)

// FIFOLines says which lines a FIFO gets.
type FIFOLines uint8

// The two sorts of lines; notify_fifo gets both.
const (
	RouterLines FIFOLines = 1 << iota // of instances and sync groups
	ServerLines                       // of virtual and real servers
)

// States that only FIFOs name: a router's effective priority has changed.
const (
	MasterPriority = "MASTER_PRIORITY"
	BackupPriority = "BACKUP_PRIORITY"
)

// RouterLine is what a FIFO says about an instance or sync group, whose priority
// is 0: INSTANCE "VI_1" MASTER 150.
func RouterLine(o Object, state string, priority int) string {
	if o.Kind == event.Group {
		priority = 0
	}
	return fmt.Sprintf("%s \"%s\" %s %d\n", strings.ToUpper(string(o.Kind)), o.Name, state, priority)
}

// VirtualServerLine is what a FIFO says about a virtual server:
// VS [192.0.2.1]:tcp:80 UP.
func VirtualServerLine(service, state string) string {
	return fmt.Sprintf("VS %s %s\n", service, state)
}

// RealServerLine is what a FIFO says about a real server of a virtual server.
func RealServerLine(server, service, state string) string {
	return fmt.Sprintf("RS %s %s %s\n", server, service, state)
}

// FIFOQueue is how many lines may wait for a reader, beyond the 64 KiB that the
// kernel keeps. Then the oldest are lost.
const FIFOQueue = 1024

// fifoQueue holds the lines that have not been written. Not safe for concurrent use.
type fifoQueue struct {
	lines []string
	lost  uint64 // since the queue was last empty
}

// push appends a line and says whether it is the first that made another one go.
func (q *fifoQueue) push(line string) (firstLoss bool) {
	q.lines = append(q.lines, line)
	if len(q.lines) <= FIFOQueue {
		return false
	}
	q.lines = q.lines[1:]
	q.lost++
	return q.lost == 1
}

// pop takes the oldest line. With the last one it says how many were lost before.
func (q *fifoQueue) pop() (line string, lost uint64, ok bool) {
	if len(q.lines) == 0 {
		return "", 0, false
	}
	line, q.lines = q.lines[0], q.lines[1:]
	if len(q.lines) == 0 {
		lost, q.lost, q.lines = q.lost, 0, nil
	}
	return line, lost, true
}
