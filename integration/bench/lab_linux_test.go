package main

import (
	"os"
	"slices"
	"testing"
	"time"
)

// More routers than the loop's inbox holds messages have to start all the same;
// that they do is the first thing the bench found out.
func TestHundredsOfRoutersStartTogether(t *testing.T) {
	if os.Getenv("HOLDFAST_NETNS") != "1" {
		t.Skip("needs root: HOLDFAST_NETNS=1")
	}
	s, err := runSteady("../../bin/holdfast", 600, options{window: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if s.adverts < 600 || s.cpu <= 0 || s.rss <= s.child || s.child <= 0 {
		t.Errorf("measured %d adverts, %v, %d KiB of which the child has %d", s.adverts, s.cpu, s.rss, s.child)
	}
}

func TestFramesAreRead(t *testing.T) {
	advert := []byte{1, 0, 0x5e, 0, 0, 18, 2, 0, 0, 0, 0, 1, 0x08, 0,
		0x45, 0xc0, 0, 28, 0, 1, 0, 0, 255, 112, 0, 0, 10, 9, 0, 1, 224, 0, 0, 18, 0x31, 51, 150, 0, 0, 100, 0, 0}
	reply := []byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 2, 0x08, 0x06,
		0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, 10, 9, 0, 100, 2, 0, 0, 0, 0, 9, 10, 9, 0, 9}
	if s, ok := parse(advert); !ok || !s.advert || s.vrid != 51 || s.priority != 150 || s.from != firstAddr {
		t.Errorf("an advert is read as %+v, %v", s, ok)
	}
	if s, ok := parse(reply); !ok || s.advert || s.from != sharedAddr || s.mac != [6]byte{2, 0, 0, 0, 0, 2} {
		t.Errorf("an ARP reply is read as %+v, %v", s, ok)
	}
	request := slices.Clone(reply)
	request[21] = 1
	if _, ok := parse(request); ok {
		t.Error("an ARP request counts as an answer")
	}
	if _, ok := parse(advert[:41]); ok {
		t.Error("half a frame is read")
	}
}

func TestQuantiles(t *testing.T) {
	var list []time.Duration
	for i := range 100 {
		list = append(list, time.Duration(i))
	}
	if a, b, c, none := quantile(list, 0.5), quantile(list, 0.99), quantile(list, 1), quantile(nil, 0.5); a != 50 || b != 99 || c != 99 || none != 0 {
		t.Errorf("p50 %v, p99 %v, greatest %v, of nothing %v; want 50, 99, 99, 0", a, b, c, none)
	}
}
