package ipvs_test

import (
	"testing"

	"holdfast/ipvs/ipvstest"
)

func TestFakeKeepsTheContractOfTheKernel(t *testing.T) { // the kernel's turn is in integration/vm
	ipvstest.Contract(t, &ipvstest.Fake{})
	ipvstest.ContractKernel(t, &ipvstest.Fake{Interfaces: []string{"eth0"}}, "eth0")
}
