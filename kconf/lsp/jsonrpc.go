package lsp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of one message.
const (
	maxMessage     = 16 << 20 // octets of a body, unless Options say otherwise
	maxHeaderLine  = 4 << 10
	maxHeaderLines = 32
)

// Error codes of JSON-RPC 2.0 and of the language server protocol.
const (
	codeParseError       = -32700
	codeInvalidRequest   = -32600
	codeMethodNotFound   = -32601
	codeInvalidParams    = -32602
	codeInternalError    = -32603
	codeNotInitialized   = -32002
	codeRequestCancelled = -32800
	codeRequestFailed    = -32803
)

// rpcError is what a request is answered with when it has no result.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Error implements error.
func (e *rpcError) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

func failf(code int, format string, args ...any) *rpcError {
	return &rpcError{code, fmt.Sprintf(format, args...)}
}

// message is a request when it has an id and a method, a notification without
// an id, a response without a method.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`

	wrong *rpcError // the message can not be used, and this is the answer
}

func (m message) isRequest() bool { return len(m.ID) > 0 && m.Method != "" }

// readMessage reads one framed message. An error says that the stream is over or
// that nobody knows where the next message begins; everything else that may be
// wrong is in the message.
func readMessage(r *bufio.Reader, limit int) (message, error) {
	length, err := readHeader(r)
	if err != nil {
		return message{}, err
	}
	if length > int64(limit) {
		if _, err := io.CopyN(io.Discard, r, length); err != nil {
			return message{}, unexpectedEnd(err)
		}
		return message{wrong: failf(codeInvalidRequest, "message of %d octets, at most %d are read", length, limit)}, nil
	}
	// Not make: a header alone shall not take the memory that it announces.
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, length); err != nil {
		return message{}, unexpectedEnd(err)
	}
	return parseMessage(body.Bytes()), nil
}

func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read message: %w", err)
}

// readHeader returns the length of the body. io.EOF means an end between messages.
func readHeader(r *bufio.Reader) (int64, error) {
	length := int64(-1)
	for lines := 0; ; lines++ {
		line, err := readHeaderLine(r)
		switch {
		case err == io.EOF && lines == 0 && line == "":
			return 0, io.EOF
		case err != nil:
			return 0, unexpectedEnd(err)
		case line == "" && length < 0:
			return 0, failf(codeParseError, "message without Content-Length")
		case line == "":
			return length, nil
		case lines >= maxHeaderLines:
			return 0, failf(codeParseError, "more than %d header lines", maxHeaderLines)
		}
		name, value, colon := strings.Cut(line, ":")
		if !colon {
			return 0, failf(codeParseError, "header line %.40q: wants NAME: VALUE", line)
		}
		if strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 62)
			if err != nil {
				return 0, failf(codeParseError, "Content-Length %.40q: not a length", strings.TrimSpace(value))
			}
			length = int64(n)
		}
	}
}

// readHeaderLine reads up to a newline, which is not returned.
func readHeaderLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return string(line), err
		case c == '\n':
			return strings.TrimSuffix(string(line), "\r"), nil
		case len(line) >= maxHeaderLine:
			return "", failf(codeParseError, "header line of more than %d octets", maxHeaderLine)
		}
		line = append(line, c)
	}
}

// parseMessage decodes a body.
func parseMessage(body []byte) message {
	var m message
	if !json.Valid(body) {
		return message{wrong: failf(codeParseError, "not JSON")}
	}
	if body = bytes.TrimSpace(body); body[0] != '{' {
		return message{wrong: failf(codeInvalidRequest, "not an object; batches are not answered")}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return message{wrong: failf(codeInvalidRequest, "%v", err)}
	}
	// By their exact names: encoding/json would take "ID" for "id".
	m.ID, m.Params = fields["id"], fields["params"]
	if len(m.ID) > 0 && (m.ID[0] == '{' || m.ID[0] == '[' || m.ID[0] == 't' || m.ID[0] == 'f') {
		return message{wrong: failf(codeInvalidRequest, "id: must be a number or a string")}
	}
	if method, ok := fields["method"]; ok {
		if err := json.Unmarshal(method, &m.Method); err != nil || m.Method == "" {
			m.wrong = failf(codeInvalidRequest, "method: must be a string")
		}
		return m
	}
	_, result := fields["result"]
	if _, failed := fields["error"]; !result && !failed {
		m.wrong = failf(codeInvalidRequest, "neither a request nor a response")
	}
	return m
}

// response answers a request; exactly one of Result and Error is sent.
type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

type notification struct {
	Version string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

// writeMessage frames v.
func writeMessage(w io.Writer, v any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	text := bytes.TrimSuffix(body.Bytes(), []byte("\n"))
	frame := append([]byte("Content-Length: "+strconv.Itoa(len(text))+"\r\n\r\n"), text...)
	if _, err := w.Write(frame); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}
