package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// FileJournal is a Journal in a file. What was written in another boot or
// network namespace is not read.
type FileJournal struct {
	Path     string
	Identity string // see Identity
}

// journalText is the file: JSON on one line, so that an administrator can do
// by hand what it is for.
type journalText struct {
	Identity string           `json:"identity"`
	Sysctls  map[string]Saved `json:"sysctls"`
}

// Load implements Journal. No file is no error.
func (j FileJournal) Load() (map[string]Saved, error) {
	b, err := os.ReadFile(j.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read what sysctls were: %w", err)
	}
	var text journalText
	if err := json.Unmarshal(b, &text); err != nil {
		return nil, fmt.Errorf("read what sysctls were in %s: %w; the file is not used", j.Path, err)
	}
	if text.Identity != j.Identity {
		return nil, nil
	}
	return text.Sysctls, nil
}

// Save implements Journal: the file is replaced as a whole, or removed.
func (j FileJournal) Save(saved map[string]Saved) error {
	if len(saved) == 0 {
		if err := os.Remove(j.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget what sysctls were: %w", err)
		}
		return nil
	}
	b, err := json.Marshal(journalText{j.Identity, saved})
	if err != nil {
		return fmt.Errorf("write down what sysctls were: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(j.Path), filepath.Base(j.Path)+".*")
	if err != nil {
		return fmt.Errorf("write down what sysctls were: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), j.Path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write down what sysctls were: %w", err)
	}
	return nil
}
