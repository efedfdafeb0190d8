package client

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// joinJWS puts a schema 1 payload together again from the signed document and
// its protected header: so many bytes of the document, then the tail.
func joinJWS(body []byte, protected string) ([]byte, error) {
	text, err := base64.RawURLEncoding.DecodeString(protected)
	if err != nil {
		return nil, fmt.Errorf("protected header %q: %w", protected, err)
	}
	var header struct {
		FormatLength int    `json:"formatLength"`
		FormatTail   string `json:"formatTail"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, fmt.Errorf("protected header %q: %w", text, err)
	}
	tail, err := base64.RawURLEncoding.DecodeString(header.FormatTail)
	if err != nil {
		return nil, fmt.Errorf("format tail %q: %w", header.FormatTail, err)
	}
	if header.FormatLength < 0 || header.FormatLength > len(body) {
		return nil, fmt.Errorf("a payload of %d bytes in a document of %d", header.FormatLength, len(body))
	}
	payload := append([]byte(nil), body[:header.FormatLength]...)
	return append(payload, tail...), nil
}
