package main

import "testing"

// dpkg and rpm sort what git says as git means it (TestPackages in e2e/deploy asks
// dpkg), and a version never has a hyphen, which would end it.
func TestPackageVersion(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3":                        "1.2.3",
		"1.2":                           "1.2",
		"v1.2.3-dirty":                  "1.2.3+dirty",
		"v1.2.3-rc.1":                   "1.2.3~rc.1",
		"v1.2.3-rc-1":                   "1.2.3~rc.1",
		"v1.2.3-4-gabc1234":             "1.2.3+4.gabc1234",
		"v1.2.3-4-gabc1234-dirty":       "1.2.3+4.gabc1234+dirty",
		"v1.2.3-rc.1-4-gabc1234":        "1.2.3~rc.1+4.gabc1234",
		"v1.2.3+build_7":                "1.2.3+build.7",
		"a99a483":                       "0~a99a483",
		"1199483":                       "0~1199483",
		"1a2b3c4-dirty":                 "0~1a2b3c4.dirty",
		"devel":                         "0~devel",
		"v2":                            "0~v2",
		"v1.2.3rc1":                     "0~v1.2.3rc1",
		"v1.2.3-0-g0000000000000000000": "1.2.3+0.g0000000000000000000",
	} {
		if got := packageVersion(version); got != want {
			t.Errorf("%s is %s, want %s", version, got, want)
		}
	}
}
