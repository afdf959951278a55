package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
)

func TestSmallFilesAndWhatIsSaidAboutThem(t *testing.T) {
	for name, tt := range smallFiles {
		t.Run(name, func(t *testing.T) {
			l := configtest.Understood(t, tt.text)
			if diff := cmp.Diff(tt.want, configtest.Lines(l)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if got := l.TestStatus(); got != tt.status {
				t.Errorf("--config-test ends with %d, want %d", got, tt.status)
			}
			if l.Fatal != tt.fatal {
				t.Errorf("cannot run because %q, want %q", l.Fatal, tt.fatal)
			}
		})
	}
}
