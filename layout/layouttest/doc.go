// Package layouttest builds stores for tests, benchmarks and the demo from a
// short text, like net/http/httptest builds servers. What it writes is what
// registries 2.8 and 3.x leave on a disk, and what damage leaves of that.
//
// Every line is a verb, its words and options (key=value, in any order).
// Blank lines and those that begin with # are skipped. Contents follow from
// their names, so that digests never change.
//
//	age 30d                            the age of what later lines write, unless they say age=
//	image a/b:v1,v2 layers=2 size=1k   a manifest with generated layers, tagged
//	image a/b layers=base,x:10k as=x   layers by name, shared by whoever names them; no tag; its own name
//	      type=oci|docker|schema1|artifact|ociartifact|oras|unknown|nomediatype
//	      foreign=N embedded=N alias=N layers elsewhere, in the manifest, referenced by sha512
//	      created=AGE|TIME|none platform=linux/arm64 subject=NAME signatures=N pad=SIZE alg=sha512
//	      label=KEY=VALUE annotation=KEY=VALUE of the configuration, of the manifest
//	index a/b:all of=x,y sparse=z      an index; sparse children are not linked in the repository
//	      blobs=NAME attest=NAME subject=NAME type=oci|docker|nomediatype
//	manifest a/b:v1 {"layers":...}     a literal manifest; {{NAME}} is a digest, of a new layer if need be
//	tag a/b:latest x                   another tag; an older image of that tag stays in its history
//	copy c/d:v1 x [deep]               the same image in another repository, its layers mounted
//	referrer a/b of=x [fallback] [only] a manifest whose subject is x; fallback: listed under sha256-<hex>
//	           [listed]                linked in its subject's directory, too; only: nowhere else
//	cosign a/b of=x kind=sig|att|sbom  a signature by tag
//	orphan as=o size=1k                a blob that nothing links
//	layer a/b o size=1k [alias]        a layer link that no manifest references
//	upload a/b kind=started|patched|cancelled|empty size=5k
//	delete-manifest a/b x              what DELETE through the API leaves
//	delete-tag a/b:v1
//	delete-blob a/b NAME
//	old-tag a/b:v1 x                   as registry 2.1.0 tagged: the manifest is linked as a layer
//	tmp PATH                           an interrupted write of PATH by registry 3
//	damage KIND TARGET                 see below
//	raw PATH CONTENT, mkdir PATH, symlink PATH TARGET, move FROM TO, remove PATH, touch PATH
//	dialect 28|31                      whose upload ids are used
//	names any|valid                    whether later lines may use names that no registry accepts
//	scale PREFIX repositories=N images=N layers=N base=N   many images, for benchmarks
//
// The repository "-" is nowhere: its image gets a name and is not stored. In
// paths and the tags of tag lines, {NAME} is the hexadecimal digest of what has
// the name and {xx:NAME} its first two digits; paths are relative to the
// store's directory, and with a leading slash to the root directory.
//
// Kinds of damage are zero, garbage, long, newline, mismatch (to=NAME),
// truncated, html, wrong-digest, huge (size=3g), unreadable, missing, fifo,
// socket, dangling, circle, directory, file, half-tag and empty-tag; targets
// are revision REPOSITORY NAME, layer REPOSITORY NAME, tag REPOSITORY:TAG, blob
// NAME and path PATH.
//
// An age sets the modification time of the files and directories that a line
// writes; a directory has the time of its newest entry.
package layouttest
