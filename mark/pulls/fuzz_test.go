package pulls

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzLog(f *testing.F) {
	for _, file := range append(lined, "notifications-2.8.2.json") {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 3000)])
	}
	for _, wrap := range wrappers {
		f.Add([]byte(wrap(at("2026-11-26 10:00", "/v2/team/api/manifests/v1"))))
	}
	// What is before a whole line, and after it, cannot hide it.
	const line = "\n" + `10.0.0.1 - - [26/Nov/2026:10:00:00 +0000] "GET /v2/team/api/manifests/fuzz HTTP/1.1" 200 1 "" "a"` + "\n"
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
			t.Skip("gzipped: what is behind that is not read")
		}
		at := len(text) / 2
		table := NewTable()
		added, err := table.Read(bytes.NewReader(append(append(bytes.Clone(text[:at]), line...), text[at:]...)), reach())
		if err != nil {
			t.Fatal(err)
		}
		if added.Used+added.Ignored+added.Unreadable != added.Lines {
			t.Errorf("the lines do not add up: %+v", added)
		}
		if !strings.Contains(strings.Join(short(table), " "), "team/api:fuzz ") {
			t.Errorf("the pull is lost")
		}
		if again, err := Unmarshal(table.Marshal()); err != nil || !bytes.Equal(again.Marshal(), table.Marshal()) {
			t.Errorf("the table cannot be read again: %v", err)
		}
	})
}
