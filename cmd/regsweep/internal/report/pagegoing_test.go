package report

import "testing"

// Where more goes than there is room for, every repository has its share of the rows.
func TestPageDividesItsRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ all, repositories, want int }{
		{MostRemoved, 1, MostRemoved}, {MostRemoved + 1, 1, MostRemoved}, {MostRemoved + 1, 3, MostRemoved / 3}, {1_000_000, 50_000, 5}, {0, 0, MostRemoved},
	} {
		if got := rowsOfEach(c.all, c.repositories); got != c.want {
			t.Errorf("of %d rows in %d repositories each has %d, want %d", c.all, c.repositories, got, c.want)
		}
	}
}
