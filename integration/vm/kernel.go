package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bootModules are what the initial ramdisk needs to reach the shared root.
var bootModules = []string{"9pnet_virtio", "9p", "overlay", "virtio_pci"}

// tools are the programs the host needs, with the Debian packages that have
// them.
var tools = map[string]string{
	"qemu-system-x86_64": "qemu-system-x86",
	"depmod":             "kmod",
	"modprobe":           "kmod",
	"busybox":            "busybox-static",
}

// kernel is an unpacked kernel package.
type kernel struct {
	root    string // holds lib/modules/VERSION
	version string
	image   string // vmlinuz
}

// installTools installs what is missing; it needs root for that.
func installTools(ctx context.Context) error {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	var missing []string
	for tool, pkg := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := output(ctx, "", "apt-get", "update"); err != nil {
		return err
	}
	_, err := output(ctx, "", "apt-get", append([]string{"install", "-y", "--no-install-recommends"}, missing...)...)
	return err
}

// fetchKernel downloads the distribution's kernel once and unpacks it into
// cache without installing it.
func fetchKernel(ctx context.Context, cache string) (kernel, error) {
	root := filepath.Join(cache, "kernel")
	done := filepath.Join(cache, "kernel.complete")
	if _, err := os.Stat(done); err != nil {
		if err := unpackKernel(ctx, cache, root); err != nil {
			return kernel{}, err
		}
		if err := os.WriteFile(done, nil, 0o644); err != nil {
			return kernel{}, err
		}
	}
	versions, err := os.ReadDir(filepath.Join(root, "lib/modules"))
	if err != nil || len(versions) == 0 {
		return kernel{}, fmt.Errorf("no modules in %s: %v", root, err)
	}
	k := kernel{root: root, version: versions[0].Name()}
	k.image = filepath.Join(root, "boot/vmlinuz-"+k.version)
	_, err = os.Stat(k.image)
	return k, err
}

func unpackKernel(ctx context.Context, cache, root string) error {
	pkg, err := kernelPackage(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(cache, "download")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := output(ctx, dir, "apt-get", "download", pkg); err != nil {
		return err
	}
	debs, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
	if len(debs) != 1 {
		return fmt.Errorf("download of %s left %d files", pkg, len(debs))
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	if _, err := output(ctx, "", "dpkg", "-x", debs[0], root); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, "lib")); errors.Is(err, os.ErrNotExist) {
		if err := os.Symlink("usr/lib", filepath.Join(root, "lib")); err != nil { // merged /usr
			return err
		}
	}
	versions, err := os.ReadDir(filepath.Join(root, "lib/modules"))
	if err != nil || len(versions) == 0 {
		return fmt.Errorf("%s has no modules: %v", pkg, err)
	}
	_, err = output(ctx, "", "depmod", "-b", root, versions[0].Name())
	return err
}

// kernelPackage is the package that linux-image-ARCH stands for.
func kernelPackage(ctx context.Context) (string, error) {
	arch, err := output(ctx, "", "dpkg", "--print-architecture")
	if err != nil {
		return "", err
	}
	meta := "linux-image-" + strings.TrimSpace(arch)
	for range 2 {
		depends, err := output(ctx, "", "apt-cache", "depends", meta)
		if err == nil {
			for line := range strings.Lines(depends) {
				if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: linux-image-"); ok {
					return "linux-image-" + name, nil
				}
			}
		}
		if _, err := output(ctx, "", "apt-get", "update"); err != nil { // the lists may be missing
			return "", err
		}
	}
	return "", fmt.Errorf("%s names no kernel", meta)
}

// moduleFiles are the modules of names and what they need, in loading order.
func (k kernel) moduleFiles(ctx context.Context, names ...string) ([]string, error) {
	var files []string
	seen := map[string]bool{}
	for _, name := range names {
		out, err := output(ctx, "", "modprobe", "-d", k.root, "-S", k.version, "--show-depends", name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			words := strings.Fields(line)
			if len(words) >= 2 && words[0] == "insmod" && !seen[words[1]] {
				seen[words[1]] = true
				files = append(files, words[1])
			}
		}
	}
	return files, nil
}

// readModule reads a module file, unpacking what the distribution packed.
func readModule(ctx context.Context, file string) ([]byte, error) {
	switch filepath.Ext(file) {
	case ".xz":
		out, err := output(ctx, "", "xz", "-dc", file)
		return []byte(out), err
	case ".zst":
		out, err := output(ctx, "", "zstd", "-qdc", file)
		return []byte(out), err
	}
	return os.ReadFile(file)
}

// output runs a program and returns what it printed; its complaints are part
// of the error.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
