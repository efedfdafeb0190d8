package disk

import (
	"errors"
	"testing"
)

// Old kernels leave out a mount if another one goes while the table is read. A
// mount that is overlooked may show a part of the store that is live.
func TestTheTableOfMountsIsReadUntilItIsTheSameTwice(t *testing.T) {
	fails := errors.New("fails")
	for name, c := range map[string]struct {
		readings []string // the last one is repeated; "" fails
		want     string
		reads    int
	}{
		"at rest":              {[]string{"a b c"}, "a b c", 2},
		"one is left out once": {[]string{"a c", "b c"}, "b c", 3},
		"it changes twice":     {[]string{"a", "b", "a", "c"}, "c", 5},
		"it fails at first":    {[]string{""}, "", 1},
		"it fails later":       {[]string{"a", "b", ""}, "", 3},
	} {
		reads := 0
		got, err := readSettled(func() ([]byte, error) {
			text := c.readings[min(reads, len(c.readings)-1)]
			if reads++; text == "" {
				return nil, fails
			}
			return []byte(text), nil
		})
		if string(got) != c.want || reads != c.reads || errors.Is(err, fails) != (c.want == "") {
			t.Errorf("%s: %q after %d readings: %v", name, got, reads, err)
		}
	}
	reads := 0
	_, err := readSettled(func() ([]byte, error) { reads++; return []byte{byte(reads)}, nil })
	if !errors.Is(err, errTableChanges) || reads != tableReadings+1 {
		t.Errorf("%d readings: %v", reads, err)
	}
}
