package lsp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"holdfast/kconf"
)

// Options are what a server is given; it knows no keyword itself.
type Options struct {
	// Vocab is the vocabulary of the top level.
	Vocab kconf.Vocab

	// Check reads the configuration whose main file is path, from files, and
	// says what is wrong with it. It is called with path as the editor names it.
	Check func(path string, files kconf.FS) (*kconf.Diagnostics, *kconf.File)

	// Quiet is how long nothing must have come from the editor before what has
	// changed is checked: large configurations shall not be read at every key.
	Quiet time.Duration

	Name       string   // of the server, and the source of its diagnostics
	Version    string   // of the server
	FS         kconf.FS // below the editor's texts; nil: kconf.OS
	MaxMessage int      // octets of one message; 0: 16 MiB
}

// ErrNoShutdown is an end that the editor has not announced: the protocol wants
// the process to exit with status 1 then.
var ErrNoShutdown = errors.New("language server: the editor left without shutdown")

// server is the state between messages. All of it belongs to the goroutine of Serve.
type server struct {
	opt   Options
	out   io.Writer
	files *overlay
	roots map[string]*checked // by path of the main file
	dirty map[string]bool     // documents that have changed since they were checked

	published   map[string][]diagnostic // what the editor has, by URI
	initialized bool
	down        bool // shutdown has been asked for
	snippets    bool // the editor can fill in
	rows        *block
	top         []string // see topLevel; made when needed
	gone        error
}

// incoming is a message, or why there are no more.
type incoming struct {
	message
	err error
}

// Serve speaks the language server protocol until the editor says exit, which
// is nil, or leaves without (ErrNoShutdown), ctx ends, or in or out fail. One
// goroutine reads in; it ends with its next read after Serve has returned, so
// the caller should close in.
func Serve(ctx context.Context, in io.Reader, out io.Writer, opt Options) error {
	s := newServer(out, opt)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	queue := make(chan incoming, 64)
	go receive(ctx, in, s.opt.MaxMessage, queue)
	return s.run(ctx, queue)
}

// newServer is a server that has heard nothing yet.
func newServer(out io.Writer, opt Options) *server {
	if opt.FS == nil {
		opt.FS = kconf.OS{}
	}
	if opt.MaxMessage == 0 {
		opt.MaxMessage = maxMessage
	}
	return &server{opt: opt, out: out, rows: newBlock(opt.Vocab), files: &overlay{base: opt.FS, texts: map[string]*document{}},
		roots: map[string]*checked{}, dirty: map[string]bool{}, published: map[string][]diagnostic{}}
}

// receive reads messages until there are no more or ctx ends.
func receive(ctx context.Context, in io.Reader, limit int, queue chan<- incoming) {
	r := bufio.NewReader(in)
	for {
		m, err := readMessage(r, limit)
		select {
		case queue <- incoming{m, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// run handles messages in their order. It takes what is there before it works,
// so that it sees cancellations, and checks documents when nothing else waits.
func (s *server) run(ctx context.Context, queue <-chan incoming) error {
	var waiting []incoming
	for s.gone == nil {
		if len(waiting) == 0 {
			m, quiet := s.wait(ctx, queue)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case quiet:
				s.checkDirty()
				continue
			}
			waiting = append(waiting, m)
		}
		waiting = drain(queue, waiting)
		m := waiting[0]
		waiting = waiting[1:]
		if done, err := s.take(m, waiting); done {
			return err
		}
	}
	return s.gone
}

// wait is for a message, for quiet when something has changed, or for the end of ctx.
func (s *server) wait(ctx context.Context, queue <-chan incoming) (m incoming, quiet bool) {
	var alarm <-chan time.Time
	if len(s.dirty) > 0 {
		alarm = time.After(s.opt.Quiet)
	}
	select {
	case m = <-queue:
	case <-alarm:
		quiet = true
	case <-ctx.Done():
	}
	return m, quiet
}

// drain takes what is in the queue, but not without end.
func drain(queue <-chan incoming, waiting []incoming) []incoming {
	for len(waiting) < cap(queue) {
		select {
		case m := <-queue:
			waiting = append(waiting, m)
		default:
			return waiting
		}
	}
	return waiting
}

// take handles one message; waiting are those after it. done: it was the last.
func (s *server) take(m incoming, waiting []incoming) (done bool, err error) {
	var re *rpcError
	switch {
	case errors.As(m.err, &re): // where the next message begins is unknown
		s.respond(nil, nil, re)
		return true, fmt.Errorf("language server: %w", m.err)
	case m.err == io.EOF && s.down:
		return true, nil
	case m.err == io.EOF:
		return true, ErrNoShutdown
	case m.err != nil:
		return true, fmt.Errorf("language server: %w", m.err)
	case m.Method == "exit" && len(m.ID) == 0 && s.down:
		return true, nil
	case m.Method == "exit" && len(m.ID) == 0:
		return true, ErrNoShutdown
	case m.wrong != nil:
		s.respond(m.ID, nil, m.wrong)
	case m.isRequest() && slices.ContainsFunc(waiting, m.cancelledBy):
		s.respond(m.ID, nil, failf(codeRequestCancelled, "%s: cancelled", m.Method))
	case m.isRequest():
		result, err := s.request(m.message)
		s.respond(m.ID, result, err)
	case m.Method != "":
		s.notified(m.message)
	}
	return false, nil
}

// cancelledBy reports whether other is the cancellation of request m.
func (m incoming) cancelledBy(other incoming) bool {
	if other.Method != "$/cancelRequest" {
		return false
	}
	var p struct {
		ID json.RawMessage `json:"id"`
	}
	return json.Unmarshal(other.Params, &p) == nil && string(p.ID) == string(m.ID)
}

// respond answers a request; a message without id is answered with null.
func (s *server) respond(id json.RawMessage, result any, failed *rpcError) {
	r := response{Version: "2.0", ID: id, Error: failed}
	if len(id) == 0 {
		r.ID = json.RawMessage("null")
	}
	if failed == nil {
		data, err := json.Marshal(result)
		if err != nil {
			r.Error = failf(codeInternalError, "encode result: %v", err)
		}
		r.Result = data
	}
	s.send(r)
}

// send writes a message; after an error the editor is gone.
func (s *server) send(v any) {
	if s.gone == nil {
		s.gone = writeMessage(s.out, v)
	}
}

// handlers are the requests about a place in a document.
var handlers = map[string]func(*server, *document, documentParams) (any, *rpcError){
	"textDocument/hover":          (*server).hover,
	"textDocument/completion":     (*server).complete,
	"textDocument/definition":     (*server).definition,
	"textDocument/references":     (*server).references,
	"textDocument/documentSymbol": (*server).symbols,
	"textDocument/formatting":     (*server).format,
}

// exact are the requests whose answers are places: a check from before the last
// edit would be beside them.
var exact = map[string]bool{"textDocument/definition": true, "textDocument/references": true}

// request answers one request. A panic would be a mistake of ours: the editor
// loses the answer, not the server.
func (s *server) request(m message) (result any, failed *rpcError) {
	defer func() {
		if p := recover(); p != nil {
			result, failed = nil, failf(codeInternalError, "%s: %v", m.Method, p)
		}
	}()
	switch {
	case s.down:
		return nil, failf(codeInvalidRequest, "%s: after shutdown", m.Method)
	case m.Method == "initialize":
		return s.initialize(m)
	case !s.initialized:
		return nil, failf(codeNotInitialized, "%s: before initialize", m.Method)
	case m.Method == "shutdown":
		s.down = true
		return nil, nil
	}
	if exact[m.Method] {
		s.checkDirty()
	}
	handle, known := handlers[m.Method]
	if !known {
		return nil, failf(codeMethodNotFound, "%s: not supported", m.Method)
	}
	var p documentParams
	if err := decode(m, &p); err != nil {
		return nil, err
	}
	d := s.files.texts[pathOf(p.TextDocument.URI)]
	if d == nil {
		return nil, failf(codeInvalidParams, "%s: %s is not open", m.Method, p.TextDocument.URI)
	}
	if s.roots[d.path] == nil {
		s.checkDirty() // the first time; after that the last check is good enough to help
	}
	return handle(s, d, p)
}

// decode reads the parameters of m.
func decode(m message, into any) *rpcError {
	if len(m.Params) == 0 {
		return failf(codeInvalidParams, "%s: no parameters", m.Method)
	}
	if err := json.Unmarshal(m.Params, into); err != nil {
		return failf(codeInvalidParams, "%s: %v", m.Method, err)
	}
	return nil
}

// initialize tells what this server can do.
func (s *server) initialize(m message) (any, *rpcError) {
	if s.initialized {
		return nil, failf(codeInvalidRequest, "initialize: a second time")
	}
	var p initializeParams
	if err := decode(m, &p); err != nil {
		return nil, err
	}
	s.initialized = true
	s.snippets = p.Capabilities.TextDocument.Completion.CompletionItem.SnippetSupport
	return map[string]any{
		"capabilities": map[string]any{
			"positionEncoding":           "utf-16",
			"textDocumentSync":           map[string]any{"openClose": true, "change": 2, "save": map[string]any{"includeText": true}},
			"hoverProvider":              true,
			"completionProvider":         map[string]any{"triggerCharacters": []string{" ", "$", "{"}},
			"definitionProvider":         true,
			"referencesProvider":         true,
			"documentSymbolProvider":     true,
			"documentFormattingProvider": true,
		},
		"serverInfo": map[string]any{"name": s.opt.Name, "version": s.opt.Version},
	}, nil
}

// notified takes a notification. What is unknown or can not be used is passed
// over: there is no way to answer.
func (s *server) notified(m message) {
	if !s.initialized || s.down {
		return
	}
	if m.Method == "workspace/didChangeWatchedFiles" { // somebody else has written a file
		for path := range s.files.texts {
			s.dirty[path] = true
		}
		return
	}
	var p changeParams
	if decode(m, &p) != nil || p.TextDocument.URI == "" {
		return
	}
	path := pathOf(p.TextDocument.URI)
	d := s.files.texts[path]
	switch {
	case m.Method == "textDocument/didOpen":
		d = &document{uri: p.TextDocument.URI, path: path, version: p.TextDocument.Version, text: p.TextDocument.Text, open: true}
		s.files.texts[path] = d
	case d == nil:
		return
	case m.Method == "textDocument/didChange":
		for _, c := range p.ContentChanges {
			d.apply(c)
		}
		d.version = p.TextDocument.Version
	case m.Method == "textDocument/didSave":
		// What it included may have been saved by somebody else.
		var saved struct {
			Text *string `json:"text"`
		}
		if decode(m, &saved) == nil && saved.Text != nil {
			d.setText(*saved.Text)
		}
	case m.Method == "textDocument/didClose":
		delete(s.files.texts, path)
		delete(s.roots, path)
	default:
		return
	}
	s.dirty[path] = true
}

// openPaths are the documents of the editor, in a stable order.
func (s *server) openPaths() []string { return slices.Sorted(maps.Keys(s.files.texts)) }

// folder is where relative names in a document begin.
func (d *document) folder() string { return filepath.Dir(d.path) }
