package vm

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// initScript is process 1 until the shared root is in place. The host's root
// is the lower layer of an overlay, so that the guest may write everywhere and
// changes nothing.
const initScript = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do $b insmod $module; done
share=trans=virtio,version=9p2000.L,msize=1048576
$b mount -t 9p -o $share,cache=loose,ro root /lower
$b mount -t tmpfs -o size=75% tmpfs /upper
$b mkdir /upper/changes /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/changes,workdir=/upper/work overlay /new
$b mkdir -p /new/vm /new/lib/modules
for fs in proc sysfs devtmpfs; do
	case $fs in proc) at=proc;; sysfs) at=sys;; devtmpfs) at=dev;; esac
	$b mount -t $fs $fs /new/$at
done
$b mount -t tmpfs tmpfs /new/run
$b mount -t tmpfs tmpfs /new/tmp
$b mkdir -p /new/run/netns /new/dev/pts /new/dev/shm
$b mount -t 9p -o $share,cache=loose,ro modules /new/lib/modules
$b mount -t 9p -o $share,cache=none exchange /new/vm
exec $b switch_root /new /bin/sh /vm/entry
`

// writeInitrd makes the initial ramdisk: busybox, the modules to reach the
// shares, and initScript.
func writeInitrd(ctx context.Context, k kernel, file string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	modules, err := k.moduleFiles(ctx, bootModules...)
	if err != nil {
		return err
	}
	var a archive
	for _, dir := range []string{"bin", "dev", "proc", "sys", "modules", "lower", "upper", "new"} {
		a.add(dir, 0o40755, nil)
	}
	a.add("init", 0o100755, []byte(initScript))
	a.add("bin/busybox", 0o100755, program)
	for i, m := range modules {
		content, err := readModule(ctx, m)
		if err != nil {
			return err
		}
		a.add(fmt.Sprintf("modules/%02d-%s", i, filepath.Base(m)), 0o100644, content)
	}
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	z.Write(a.finish())
	z.Close()
	return os.WriteFile(file, packed.Bytes(), 0o644)
}

// archive is a cpio archive in the form that the kernel unpacks ("newc").
type archive struct {
	buf   bytes.Buffer
	inode int
}

func (a *archive) add(name string, mode uint32, content []byte) {
	a.inode++
	// magic, then 13 numbers of 8 hexadecimal digits: inode, mode, uid, gid,
	// links, mtime, size, device and its kind (2+2), length of name, checksum.
	fmt.Fprintf(&a.buf, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		a.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0)
	a.buf.WriteString(name + "\x00")
	a.pad()
	a.buf.Write(content)
	a.pad()
}

func (a *archive) pad() {
	for a.buf.Len()%4 != 0 {
		a.buf.WriteByte(0)
	}
}

func (a *archive) finish() []byte {
	a.add("TRAILER!!!", 0, nil)
	return a.buf.Bytes()
}
