package daemon

import "time"

// snapshot is what a successor of a killed VRRP process starts from: the last
// state of an instance that the parent heard of.
type snapshot struct {
	State string    `json:"state"` // keepalived's word
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // the process ended; its last advert is at most an interval older
}
