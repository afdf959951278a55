package vm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Image is what a guest boots from. It can boot any number of guests.
type Image struct {
	kernel kernel
	initrd string
}

// CacheDir is where the kernel is kept between runs: HOLDFAST_VM_CACHE, or a
// folder of the user's below the system's temporary one.
func CacheDir() string {
	if dir := os.Getenv("HOLDFAST_VM_CACHE"); dir != "" {
		return dir
	}
	return filepath.Join(os.TempDir(), "holdfast-vm-"+strconv.Itoa(os.Getuid()))
}

// Prepare installs missing tools, fetches the kernel and makes the initial
// ramdisk, as far as that was not done before. Two test runs may call it at
// the same time.
func Prepare(ctx context.Context) (Image, error) {
	cache := CacheDir()
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return Image{}, err
	}
	lock, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return Image{}, err
	}
	defer lock.Close() // which unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return Image{}, err
	}
	if err := installTools(ctx); err != nil {
		return Image{}, err
	}
	k, err := fetchKernel(ctx, cache)
	if err != nil {
		return Image{}, fmt.Errorf("fetch kernel: %w", err)
	}
	key := sha256.Sum256([]byte(initScript + k.version + strings.Join(bootModules, " ")))
	initrd := filepath.Join(cache, fmt.Sprintf("initrd-%x.gz", key[:6]))
	if _, err := os.Stat(initrd); errors.Is(err, os.ErrNotExist) {
		if err := writeInitrd(ctx, k, initrd+".new"); err != nil {
			return Image{}, fmt.Errorf("make initial ramdisk: %w", err)
		}
		if err := os.Rename(initrd+".new", initrd); err != nil {
			return Image{}, err
		}
	}
	return Image{kernel: k, initrd: initrd}, nil
}

// Guest says what runs in a virtual machine.
type Guest struct {
	Share   string   // folder of the host that appears as /vm, writable
	Script  string   // sh; runs as root in /vm; its end ends the machine
	Modules []string // loaded before Script
	Memory  int      // MiB, default 3072
	CPUs    int      // default 2
}

// entry is process 1 of the guest after the initial ramdisk.
const entry = `exec >/dev/console 2>&1 </dev/null
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 HOLDFAST_GUEST=1
cut -d' ' -f1 /proc/uptime >/vm/booted
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
ip link set lo up
for module in %s; do modprobe $module || echo "no module $module"; done
cd /vm
sh /vm/script
echo $? >/vm/status
sync
echo o >/proc/sysrq-trigger
sleep 60
`

// Boot runs a guest to its end and returns the exit status of its script and
// the time that its kernel needed to reach it. The console is part of the
// error when the machine ended without a status. Emulation is in software: no
// /dev/kvm is needed, and a busy host makes the guest slow.
func (i Image) Boot(ctx context.Context, g Guest) (status int, boot time.Duration, err error) {
	for name, content := range map[string]string{
		"entry":  fmt.Sprintf(entry, strings.Join(g.Modules, " ")),
		"script": g.Script,
	} {
		if err := os.WriteFile(filepath.Join(g.Share, name), []byte(content), 0o644); err != nil {
			return 0, 0, err
		}
	}
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", i.arguments(g)...)
	var console bytes.Buffer
	cmd.Stdout, cmd.Stderr = &console, &console
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no machine outlives the test
	cmd.WaitDelay = 5 * time.Second
	runErr := cmd.Run()
	boot = readSeconds(filepath.Join(g.Share, "booted"))
	text, err := os.ReadFile(filepath.Join(g.Share, "status"))
	if err != nil {
		return 0, boot, fmt.Errorf("virtual machine ended without a status (%v, %v); console:\n%s",
			runErr, context.Cause(ctx), console.String())
	}
	status, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return status, boot, err
}

func readSeconds(file string) time.Duration {
	text, _ := os.ReadFile(file)
	seconds, _ := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	return time.Duration(seconds * float64(time.Second))
}

func (i Image) arguments(g Guest) []string {
	memory, cpus := g.Memory, g.CPUs
	if memory == 0 {
		memory = 3072
	}
	if cpus == 0 {
		cpus = 2
	}
	args := []string{
		"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", strconv.Itoa(cpus), "-m", strconv.Itoa(memory),
		"-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", // and no network card
		"-kernel", i.kernel.image, "-initrd", i.initrd,
		"-append", "console=ttyS0 quiet panic=-1 mitigations=off nokaslr",
	}
	for _, s := range []struct{ tag, path, options string }{
		{"root", "/", ",readonly=on,multidevs=remap"},
		{"modules", filepath.Join(i.kernel.root, "lib/modules"), ",readonly=on"},
		{"exchange", g.Share, ",multidevs=remap"},
	} {
		args = append(args, "-fsdev", "local,id="+s.tag+",security_model=none,path="+s.path+s.options,
			"-device", "virtio-9p-pci,fsdev="+s.tag+",mount_tag="+s.tag)
	}
	return args
}
