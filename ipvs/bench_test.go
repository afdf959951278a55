package ipvs

import (
	"context"
	"testing"
)

// The table of the benchmarks: 1,000 services with 100 servers each. The other
// side is the kernel in memory, message by message, whose part of the work is
// in the figures; integration/vm has the real one.
const benchServices, benchServers = 1000, 100

// What the kernel in memory needs for its answers alone.
func BenchmarkKernelInMemory(b *testing.B) {
	w := &wire{kernel: loadModel(large(benchServices, benchServers))}
	requests := [][]byte{appendMessage(nil, wireFamily, nlRequest|nlDump, 1, uint8(cmdGetService), 1, nil)}
	for k := range w.kernel.services {
		requests = append(requests, appendMessage(nil, wireFamily, nlRequest|nlDump, 1, uint8(cmdGetDest), 1, serviceBody(k)))
	}
	buf := make([]byte, receiveBuffer)
	for b.Loop() {
		for _, r := range requests {
			if _, err := w.Write(r); err != nil {
				b.Fatal(err)
			}
			for len(w.queue) > 0 {
				if _, err := w.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

func BenchmarkRead(b *testing.B) {
	c := (&wire{kernel: loadModel(large(benchServices, benchServers))}).client()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Read(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiffOfEqualTables(b *testing.B) {
	want, have := large(benchServices, benchServers), large(benchServices, benchServers)
	for b.Loop() {
		if ops := Diff(want, have, nil); len(ops) != 0 {
			b.Fatal(ops)
		}
	}
}

func BenchmarkProgramFromEmpty(b *testing.B) {
	want := large(benchServices, benchServers)
	for b.Loop() {
		c := (&wire{kernel: loadModel(nil)}).client()
		ops, err := Reconcile(context.Background(), c, want, nil)
		if err != nil || len(ops) != benchServices*(1+benchServers) {
			b.Fatal(len(ops), err)
		}
	}
}

// A reload: read, compare, one weight.
func BenchmarkReloadWithOneChange(b *testing.B) {
	want := large(benchServices, benchServers)
	c := (&wire{kernel: loadModel(want)}).client()
	key := want.Keys()[500]
	for i := uint32(1); b.Loop(); i++ {
		for a, d := range want[key].Destinations {
			d.Weight = 1000 + i
			want[key].Destinations[a] = d
			break
		}
		ops, err := Reconcile(context.Background(), c, want, nil)
		if err != nil || len(ops) != 1 {
			b.Fatal(len(ops), err)
		}
	}
}
