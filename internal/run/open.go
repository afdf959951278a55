package run

import (
	"context"
	"net"
	"strings"
)

// openTest recognises a command that is "<" and an absolute path, with or
// without blanks between them, and returns the path.
func openTest(c Command) (path string, ok bool) {
	rest, ok := strings.CutPrefix(c.Argv[0], "<")
	if !ok {
		return "", false
	}
	rest = strings.TrimSpace(rest)
	if rest == "" && len(c.Argv) > 1 {
		rest = c.Argv[1]
	}
	return rest, strings.HasPrefix(rest, "/")
}

// tcpTarget splits /dev/tcp/HOST/PORT.
func tcpTarget(path string) (host, port string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/dev/tcp/")
	if !ok {
		return "", "", false
	}
	host, port, ok = strings.Cut(rest, "/")
	return host, port, ok && host != "" && port != "" && !strings.Contains(port, "/")
}

// openCommand opens path for reading, under the account of c.
func openCommand(c Command, path string) Command {
	c.Path = shell
	// The path is an argument and never part of the program text.
	c.Argv = []string{shell, "-c", `exec <"$1"`, shell, path}
	return c
}

// connectTest succeeds, with status 0, when a TCP connection comes about, and
// says 1 otherwise, as the shell does.
func connectTest(ctx context.Context, host, port string) Result {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	switch {
	case err == nil:
		conn.Close()
		return Result{}
	case ctx.Err() != nil:
		return Result{Ended: true, Exit: 1}
	default:
		return Result{Exit: 1}
	}
}
