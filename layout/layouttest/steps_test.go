package layouttest

import (
	"slices"
	"testing"
)

// TestStepsAreAllTakenInTheCourseOfTime holds that every step is taken by some
// offset, and none that is not there.
func TestStepsAreAllTakenInTheCourseOfTime(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 100} {
		for _, every := range []int{1, 8, 1000} {
			taken := map[int]bool{}
			for offset := range every {
				list := everySo(n, every, offset+every*3)
				if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) || len(list) > n/every+2 {
					t.Errorf("every %d of %d from %d: %v", every, n, offset, list)
				}
				for _, i := range list {
					taken[i] = true
					if i < 0 || i >= n {
						t.Errorf("every %d of %d has %d", every, n, i)
					}
				}
			}
			if len(taken) != n {
				t.Errorf("every %d of %d: only %d are ever taken", every, n, len(taken))
			}
		}
	}
}

func TestStepsAskTheEnvironment(t *testing.T) {
	t.Setenv(stepsVariable, "10")
	t.Setenv(offsetVariable, "23")
	if got := Steps(30); !slices.Equal(got, []int{3, 13, 23, 29}) {
		t.Errorf("got %v", got)
	}
	t.Setenv(stepsVariable, "1")
	if got := Steps(30); len(got) != 30 {
		t.Errorf("all are %d", len(got))
	}
}

func TestOpenStepsAreThoseOfTheSameOffset(t *testing.T) {
	t.Setenv(stepsVariable, "10")
	t.Setenv(offsetVariable, "23")
	var got []int
	for n := range OpenSteps() {
		if n > 30 {
			break
		}
		got = append(got, n)
	}
	if !slices.Equal(got, []int{4, 14, 24}) || AllSteps() {
		t.Errorf("got %v, all: %v", got, AllSteps())
	}
	if some := Some([]string{"a", "b", "c", "d", "e"}); !slices.Equal(some, []string{"d", "e"}) {
		t.Errorf("got %v", some)
	}
}

func TestSamplesAreThinnedLessThanSteps(t *testing.T) {
	for every, want := range map[string]int{"1": 100, "2": 100, "4": 100, "8": 50, "16": 12, "48": 2, "10000": 1} {
		t.Setenv(stepsVariable, every)
		if got := Samples(100); got != want {
			t.Errorf("every %s: %d", every, got)
		}
		if list := Sample(100); len(list) < want || len(list) > want+3 {
			t.Errorf("every %s: %v", every, list)
		}
	}
	if Samples(0) != 0 || len(Sample(0)) > 0 {
		t.Error("of nothing there is a sample")
	}
}
