package daemon

import (
	"testing"
	"time"
)

func TestRespawnsComeFasterThanTheyWearOut(t *testing.T) {
	tests := []struct {
		ran    time.Duration
		deaths int
		want   time.Duration
	}{
		{time.Second, 1, 0}, // the first death may be bad luck
		{time.Second, 2, 1 * time.Second},
		{time.Second, 3, 2 * time.Second},
		{time.Second, 4, 4 * time.Second},
		{time.Second, 7, 32 * time.Second},
		{time.Second, 8, time.Minute}, // 64 s is cut to a minute
		{time.Second, 1000, time.Minute},
		{61 * time.Second, 5, 0}, // it ran well for more than a minute
	}
	for _, tt := range tests {
		if got := respawnDelay(tt.ran, tt.deaths); got != tt.want {
			t.Errorf("death %d after %v: successor starts after %v, want %v", tt.deaths, tt.ran, got, tt.want)
		}
	}
}
