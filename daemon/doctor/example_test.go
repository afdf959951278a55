package doctor_test

import (
	"fmt"

	"holdfast/daemon/config"
	"holdfast/daemon/doctor"
	"holdfast/kconf"
)

const pair = `vrrp_instance VI_1 {
    state %s
    interface eth0
    virtual_router_id 51
    priority %d
    nopreempt
    virtual_ipaddress {
        192.0.2.100/24
    }
}
`

// read is what a program does with a file before it asks the doctor.
func read(name, text string) *doctor.Input {
	file, diags := kconf.ParseString(name, text, config.LoadOptions{}.Parsing())
	l, err := config.Understand(file, diags, config.Environment{})
	if err != nil {
		panic(err) // memory takes everything
	}
	return doctor.NewInput(file, l)
}

func ExampleExamine() {
	in := read("lb1.conf", fmt.Sprintf(pair, "MASTER", 150))
	for _, d := range doctor.Merge(in, doctor.Examine(in)) {
		fmt.Println(d, d.ID)
	}
	// Output:
	// lb1.conf:6:5: warning: nopreempt: has no meaning with state MASTER or priority 255, ignored: this node takes the addresses back as soon as it returns; write state BACKUP and a priority below 255 on all nodes, and keep nopreempt preempting-master
}

func ExampleCompare() {
	here, there := read("lb1.conf", fmt.Sprintf(pair, "BACKUP", 150)), read("lb2.conf", fmt.Sprintf(pair, "BACKUP", 150))
	for _, d := range doctor.Compare(here, there) {
		fmt.Println(d)
	}
	// Output:
	// lb1.conf:5:5: warning: virtual router 51 (VI_1): priority 150 on both nodes, the higher address decides; give one node a higher priority (see lb2.conf:5:5)
}
