package main

import (
	"strings"
	"testing"
	"time"
)

// A bill has the time of the commit and the hash of the program, and nothing of
// the machine on which it was made.
func TestStampBill(t *testing.T) {
	r := release{time: time.Unix(1700000000, 0).UTC()}
	const text = `{"metadata":{"component":{"name":"x<y","purl":"pkg:golang/x?a=1&b=2"},"tools":[{"name":"t","hashes":[{"alg":"MD5","content":"of this machine"}]}]},"components":[]}`
	b, err := r.stampBill([]byte(text), []byte("program"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"timestamp": "2023-11-14T22:13:20Z"`, "1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8", "a=1&b=2"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("it lacks %s:\n%s", want, b)
		}
	}
	if strings.Contains(string(b), "of this machine") {
		t.Errorf("it has the hashes of the tool:\n%s", b)
	}
	for _, bad := range []string{"", "{}", `{"metadata":{}}`, `{"metadata":{"component":[]}}`} {
		if b, err := r.stampBill([]byte(bad), nil); err == nil {
			t.Errorf("%q gives %s", bad, b)
		}
	}
}
