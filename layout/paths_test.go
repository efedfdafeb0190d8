package layout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	digestA = FromBytes(SHA256, []byte("a"))
	digestB = FromBytes(SHA512, []byte("b"))
	hexA    = digestA.Hex()
	hexB    = digestB.Hex()
)

// objects has one object of every kind, by its path.
func objects() map[string]Object {
	return map[string]Object{
		"blobs/sha256/" + hexA[:2] + "/" + hexA + "/data":                  {Kind: BlobData, Digest: digestA},
		"blobs/sha512/" + hexB[:2] + "/" + hexB + "/data":                  {Kind: BlobData, Digest: digestB},
		"blobs/sha256/" + hexA[:2] + "/" + hexA + "/data.regsweep":         {Kind: BlobAside, Digest: digestA},
		"repositories/a/_manifests/revisions/sha256/" + hexA + "/link":     {Kind: RevisionLink, Repository: "a", Digest: digestA},
		"repositories/a/b/c/_manifests/revisions/sha512/" + hexB + "/link": {Kind: RevisionLink, Repository: "a/b/c", Digest: digestB},
		"repositories/a/_manifests/revisions/sha256/" + hexA + "/signatures/sha512/" + hexB + "/link": {
			Kind: SignatureLink, Repository: "a", Digest: digestA, Signature: digestB,
		},
		"repositories/a/_manifests/revisions/sha256/" + hexA + "/_referrers/_application%2Fx/sha512/" + hexB + "/link": {
			Kind: ReferrerLink, Repository: "a", Digest: digestA, Type: "_application%2Fx", Referrer: digestB,
		},
		"repositories/a/_manifests/tags/v1.0/current/link":                 {Kind: TagCurrent, Repository: "a", Tag: "v1.0"},
		"repositories/a/_manifests/tags/current/current/link":              {Kind: TagCurrent, Repository: "a", Tag: "current"},
		"repositories/Ex.com:1/a/_manifests/tags/_/current/link":           {Kind: TagCurrent, Repository: "Ex.com:1/a", Tag: "_"},
		"repositories/a/_manifests/tags/v1/index/sha256/" + hexA + "/link": {Kind: TagHistory, Repository: "a", Tag: "v1", Digest: digestA},
		"repositories/a/_layers/sha512/" + hexB + "/link":                  {Kind: LayerLink, Repository: "a", Digest: digestB},
		"repositories/a/b/_uploads/0190b0c8-6c2e-7b4e-9c6f-0123456789ab":   {Kind: UploadDir, Repository: "a/b", Upload: "0190b0c8-6c2e-7b4e-9c6f-0123456789ab"},
		"repositories/repositories/_uploads/x":                             {Kind: UploadDir, Repository: "repositories", Upload: "x"},
	}
}

func TestParseIsTheInverseOfPath(t *testing.T) {
	for path, want := range objects() {
		if got := want.Path(); got != path {
			t.Errorf("path is %q, want %q", got, path)
		}
		got, err := Parse(path)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b Digest) bool { return a == b })); diff != "" {
			t.Errorf("%q: %s", path, diff)
		}
	}
}

func TestParseRefusesWhatIsAroundObjects(t *testing.T) {
	for path := range objects() {
		for _, other := range []string{path + "/", "/" + path, path + "/link", path + "x", "./" + path, strings.Replace(path, "/", "//", 1), strings.ToUpper(path)} {
			// An upload's identifier may be any name.
			if _, err := Parse(other); err == nil && other != path+"x" {
				t.Errorf("%q was accepted", other)
			}
		}
		for i, c := range path {
			if c != '/' {
				continue
			}
			if _, err := Parse(path[:i]); err == nil {
				t.Errorf("%q, which is above an object, was accepted", path[:i])
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, path := range map[string]string{
		"nothing":                         "",
		"a slash":                         "/",
		"another top":                     "other/sha256/" + hexA[:2] + "/" + hexA + "/data",
		"a blob in the wrong prefix":      "blobs/sha256/zz/" + hexA + "/data",
		"a blob of no digest":             "blobs/sha256/zz/nothex/data",
		"a blob of unknown algorithm":     "blobs/md5/" + hexA[:2] + "/" + hexA[:32] + "/data",
		"another file beside data":        "blobs/sha256/" + hexA[:2] + "/" + hexA + "/data.tmp",
		"a blob's directory":              "blobs/sha256/" + hexA[:2] + "/" + hexA,
		"no repository":                   "repositories/_layers/sha256/" + hexA + "/link",
		"a repository with dots":          "repositories/../_layers/sha256/" + hexA + "/link",
		"a repository that climbs":        "repositories/a/../../_layers/sha256/" + hexA + "/link",
		"a repository in upper case":      "repositories/A/_layers/sha256/" + hexA + "/link",
		"a repository below a marker":     "repositories/_a/b/_layers/sha256/" + hexA + "/link",
		"a marker below another":          "repositories/a/_layers/_layers/sha256/" + hexA + "/link",
		"a layer that has data":           "repositories/a/_layers/sha256/" + hexA + "/data",
		"a layer of the wrong length":     "repositories/a/_layers/sha512/" + hexA + "/link",
		"a tag with a dot before":         "repositories/a/_manifests/tags/.DS_Store/current/link",
		"a tag too long":                  "repositories/a/_manifests/tags/" + strings.Repeat("a", 129) + "/current/link",
		"a tag that climbs":               "repositories/a/_manifests/tags/../current/link",
		"a tag without a name":            "repositories/a/_manifests/tags//current/link",
		"a tag's index without a digest":  "repositories/a/_manifests/tags/v1/index/sha256/link",
		"a tag on its way out":            "repositories/a/_manifests/.regsweep-v1/current/link",
		"a revision without its link":     "repositories/a/_manifests/revisions/sha256/" + hexA,
		"signatures of nothing":           "repositories/a/_manifests/revisions/sha256/" + hexA + "/signatures/link",
		"a signature that is no digest":   "repositories/a/_manifests/revisions/sha256/" + hexA + "/signatures/sha256/x/link",
		"referrers of no type":            "repositories/a/_manifests/revisions/sha256/" + hexA + "/_referrers/_/sha256/" + hexA + "/link",
		"a type of referrers without _":   "repositories/a/_manifests/revisions/sha256/" + hexA + "/_referrers/x/sha256/" + hexA + "/link",
		"a referrer that is no digest":    "repositories/a/_manifests/revisions/sha256/" + hexA + "/_referrers/_x/sha256/x/link",
		"an upload without a name":        "repositories/a/_uploads/",
		"an upload that is the directory": "repositories/a/_uploads/.",
		"an upload that climbs":           "repositories/a/_uploads/..",
		"a file in an upload":             "repositories/a/_uploads/x/data",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Parse(path); err == nil {
				t.Errorf("%q is %+v", path, got)
			} else if diff := cmp.Diff(Object{}, got, cmp.Comparer(func(a, b Digest) bool { return a == b })); diff != "" {
				t.Errorf("beside the error: %s", diff)
			}
		})
	}
}

func TestPathPanicsOnUnknownKinds(t *testing.T) {
	for _, kind := range []Kind{0, UploadDir + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("kind %d: no panic", kind)
				}
			}()
			_ = Object{Kind: kind, Repository: "a", Digest: digestA}.Path()
		}()
	}
}

func FuzzParse(f *testing.F) {
	for path := range objects() {
		f.Add(path)
	}
	f.Add("repositories/a/_uploads/../x")
	f.Add("blobs/sha256//data")
	f.Fuzz(func(t *testing.T, path string) {
		o, err := Parse(path)
		if err != nil {
			return
		}
		if got := o.Path(); got != path {
			t.Errorf("%q became %q", path, got)
		}
		for _, part := range strings.Split(path, "/") {
			if part == "" || part == "." || part == ".." {
				t.Errorf("%q climbs", path)
			}
		}
	})
}
