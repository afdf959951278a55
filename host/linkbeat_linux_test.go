package host

import "testing"

// The loopback interface is there for everybody: up in any namespace that works
// at all, without a transceiver, with a driver that knows ethtool.
func TestAnInterfaceIsAskedInEachWayThatItSupports(t *testing.T) {
	b, err := OpenBeat()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	up, err := b.Up("lo", Ioctl)
	if err != nil {
		t.Fatal(err)
	}
	if byDriver, err := b.Up("lo", Ethtool); err != nil || byDriver != up && up {
		t.Errorf("ETHTOOL: %v, %v; IOCTL says %v", byDriver, err, up)
	}
	for link, m := range map[string]BeatMethod{"lo": MII, "nowhere0": Ethtool, "a-name-too-long-for-one": Ioctl, "": Ioctl} {
		if _, err := b.Up(link, m); err == nil {
			t.Errorf("%s of %q: no error", m, link)
		}
	}
	for preferred, want := range map[BeatMethod]BeatMethod{"": Ethtool, MII: Ethtool, Ethtool: Ethtool, Ioctl: Ioctl} {
		if got := b.Method("lo", preferred); got != want {
			t.Errorf("method for lo where %q is preferred: %s, want %s", preferred, got, want)
		}
	}
}
