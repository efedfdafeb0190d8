package layout

import (
	"regexp"
	"strings"
)

// The names that the layout defines, below the store's directory.
const (
	// Store is the store's directory below the registry's root directory.
	Store = "docker/registry/v2"

	Blobs        = "blobs"
	Repositories = "repositories"

	Manifests  = "_manifests"
	Layers     = "_layers"
	Uploads    = "_uploads"
	Revisions  = "revisions"
	Signatures = "signatures"
	Referrers  = "_referrers" // in a manifest's directory: links to what is about it
	Tags       = "tags"
	Current    = "current"
	Index      = "index"
	Link       = "link"
	Data       = "data"
	StartedAt  = "startedat"
	HashStates = "hashstates"
)

// The names that regsweep gives to items that it removes. Both registries and
// their collectors ignore these names.
const (
	// Own is regsweep's directory below the store's.
	Own = ".regsweep"
	// Trash is the directory below Own with what was moved instead of removed.
	Trash = "trash"
	// Unfinished is a file next to Own while names are set aside, and after a run
	// that was stopped then. It is in a repository's _layers/<alg> if it cannot be
	// made there.
	Unfinished = ".regsweep-unfinished"
	// AsideSuffix ends a name that is set aside.
	AsideSuffix = ".regsweep"
	// Aside is a blob's data between the two steps of its removal.
	Aside = Data + AsideSuffix
	// AsideLink is a manifest's or layer's link between the two steps of its removal.
	AsideLink = Link + AsideSuffix
	// GonePrefix begins the name of a tag that has been moved from tags/ to
	// _manifests.
	GonePrefix = ".regsweep-"
)

var (
	component = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
	domain    = `(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?`

	// distribution/reference NameRegexp, anchored.
	repositoryName = regexp.MustCompile(`^(?:` + domain + `/)?` + component + `(?:/` + component + `)*$`)
	// distribution/reference TagRegexp, anchored.
	tagName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	// distribution v3.1.2 registry/storage/driver/filesystem/driver.go PutContent: <path>.<uuid>.tmp
	temporaryName = regexp.MustCompile(`^(?:link|data|startedat|[0-9]+)\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.tmp$`)
	referrerTag   = regexp.MustCompile(`^(sha256|sha384|sha512)-([0-9a-f]+)(?:\.(?:sig|att|sbom))?$`)
)

// IsRepository reports whether a registry accepts name as a repository's.
func IsRepository(name string) bool { return len(name) <= 255 && repositoryName.MatchString(name) }

// IsNamespace reports whether a repository's name can begin with these parts:
// "Example.com" is not a repository, but "Example.com/a" is.
func IsNamespace(name string) bool { return IsRepository(name) || IsRepository(name+"/a") }

// IsTag reports whether a registry accepts name as a tag.
func IsTag(name string) bool { return len(name) <= 128 && tagName.MatchString(name) }

// IsTemporary reports whether name belongs to an interrupted write of registry v3.
func IsTemporary(name string) bool {
	return strings.HasSuffix(name, ".tmp") && temporaryName.MatchString(name)
}

// IsOwnTemporary reports whether name belongs to an interrupted write of regsweep
// itself. Those have UUIDs of version 8, and registries write version 4.
func IsOwnTemporary(name string) bool {
	return IsTemporary(name) && name[len(name)-len("8xxx-xxxx-xxxxxxxxxxxx.tmp")] == '8'
}

// IsReferrersType reports whether name belongs to a directory below Referrers,
// which has the links of one type of artifacts.
func IsReferrersType(name string) bool {
	return len(name) > 1 && name[0] == '_' && strings.IndexByte(name, '/') < 0
}

// IsForeign reports whether a directory below repositories/ is not entered. Its
// name begins as no repository's name can. Snapshots, recycle bins and other
// programs' data have such names.
func IsForeign(name string) bool {
	return name == "" || strings.IndexByte(".@#$~+", name[0]) >= 0 || name == "lost+found"
}

// ReferrerTag returns the subject of a tag of the referrers' tag schema
// (sha256-<hex>) or of cosign (sha256-<hex>.sig, .att, .sbom).
func ReferrerTag(tag string) (subject Digest, ok bool) {
	m := referrerTag.FindStringSubmatch(tag)
	if m == nil {
		return Digest{}, false
	}
	alg, _ := ParseAlgorithm(m[1])
	d, err := ParseHex(alg, m[2])
	return d, err == nil
}
