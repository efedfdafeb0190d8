package mark

// Kind says what an Item is. Kinds are in the order in which a sweep takes them.
type Kind uint8

// The kinds of garbage.
const (
	Tag Kind = iota + 1
	Manifest
	TagHistory
	LayerLink
	Upload
	Temporary
	Blob
	// Directories that lack what they were made for.
	RevisionDir
	LayerDir
	BlobDir
	Repository
	Namespace // a directory with nothing in it that repositories have been in
)

// Trait is something that is true of some kinds.
type Trait uint8

// The traits.
const (
	Reported     Trait = 1 << iota // reports count it and list it
	InRepository                   // it belongs to a repository; a Temporary may
	HasName                        // it has a name besides its digest
	HasDigest                      // it has a digest; a Tag may
	Sized                          // its own removal frees bytes
	Timed                          // a written plan has the time of its link
	Removable                      // a command may select it as a root
)

// kinds is what is true of each kind. Its name is that in reports and plans.
var kinds = [...]struct {
	name   string
	traits Trait
}{
	Tag:         {"tag", Reported | InRepository | HasName | HasDigest | Removable},
	Manifest:    {"manifest", Reported | InRepository | HasDigest | Timed | Removable},
	TagHistory:  {"tagHistory", Reported | InRepository | HasName | HasDigest},
	LayerLink:   {"layerLink", Reported | InRepository | HasDigest | Timed | Removable},
	Upload:      {"upload", Reported | InRepository | HasName | Sized},
	Temporary:   {"temporary", Reported | InRepository | HasName | Sized},
	Blob:        {"blob", Reported | HasDigest | Sized},
	RevisionDir: {"revisionDirectory", InRepository | HasDigest},
	LayerDir:    {"layerDirectory", InRepository | HasDigest},
	BlobDir:     {"blobDirectory", HasDigest},
	Repository:  {"repository", Reported | InRepository},
	Namespace:   {"directory", HasName},
}

// String is the name of a kind in reports and written plans.
func (k Kind) String() string { return kinds[k].name }

// Is reports whether a kind has all of some traits.
func (k Kind) Is(t Trait) bool { return kinds[k].traits&t == t }

// KindNamed is the kind with a name; ok is false if there is none.
func KindNamed(name string) (k Kind, ok bool) {
	for k := Tag; k <= Namespace; k++ {
		if kinds[k].name == name {
			return k, true
		}
	}
	return 0, false
}
