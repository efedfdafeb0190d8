package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// bill returns a list of what a binary is made of, as CycloneDX in JSON:
// cyclonedx-gomod reads the modules that the linker has written down in the
// binary. What would differ from one build to the next is left out of it or
// fixed: its serial number, its time, and the hashes of the tool itself.
func (r *release) bill(ctx context.Context, binary string, content []byte) ([]byte, error) {
	args := append(slices.Clone(r.biller), "bin", "-json", "-std", "-noserial", "-notimestamp", "-version", r.version, binary)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("bill of materials: %s: %w: %s", args[0], err, said.Bytes())
	}
	return r.stampBill(text, content)
}

// stampBill gives a bill the time of the commit and the hash of the program.
func (r *release) stampBill(text, program []byte) ([]byte, error) {
	var b map[string]any
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("bill of materials: %w", err)
	}
	metadata, _ := b["metadata"].(map[string]any)
	itself, _ := metadata["component"].(map[string]any)
	if itself == nil {
		return nil, errors.New("bill of materials: it does not name the program")
	}
	itself["hashes"] = []map[string]string{{"alg": "SHA-256", "content": fmt.Sprintf("%x", sha256.Sum256(program))}}
	metadata["timestamp"] = r.time.Format(time.RFC3339)
	tools, _ := metadata["tools"].([]any)
	for _, tool := range tools {
		if tool, ok := tool.(map[string]any); ok {
			delete(tool, "hashes")
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(b)
	return out.Bytes(), err
}
