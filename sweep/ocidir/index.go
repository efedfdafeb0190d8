package ocidir

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/regsweep/regsweep/layout"
)

const (
	indexType = "application/vnd.oci.image.index.v1+json"
	// refName is the annotation with an image's name.
	refName = "org.opencontainers.image.ref.name"
)

// Entry is an image in the index of a layout.
type Entry struct {
	Name         string // or ""
	MediaType    string
	ArtifactType string // or ""
	Digest       layout.Digest
	Size         int64
}

// index is the content of index.json. What is not known here stays as it is.
type index struct {
	fields  map[string]json.RawMessage
	entries []entry
}

// entry is an image in the index, with all that it says.
type entry struct {
	fields      map[string]json.RawMessage
	annotations map[string]json.RawMessage
	digest      string
	name        string
}

func (x *index) parse(text []byte) error {
	var list []map[string]json.RawMessage
	err := json.Unmarshal(text, &x.fields)
	if err == nil && x.fields["manifests"] != nil {
		err = json.Unmarshal(x.fields["manifests"], &list)
	}
	x.entries = nil
	for _, fields := range list {
		e := entry{fields: fields}
		if err == nil {
			err = e.parse()
		}
		x.entries = append(x.entries, e)
	}
	if err != nil {
		return fmt.Errorf("its file %s cannot be understood: %w", indexFile, err)
	}
	return nil
}

func (e *entry) parse() error {
	if err := json.Unmarshal(e.fields["digest"], &e.digest); err != nil {
		return fmt.Errorf("an image has no digest: %w", err)
	}
	if raw := e.fields["annotations"]; raw != nil {
		if err := json.Unmarshal(raw, &e.annotations); err != nil {
			return err
		}
	}
	if raw := e.annotations[refName]; raw != nil {
		return json.Unmarshal(raw, &e.name)
	}
	return nil
}

// rename gives an entry another name, or none.
func (e *entry) rename(name string) error {
	e.name = name
	if name == "" {
		delete(e.annotations, refName)
	} else {
		if e.annotations == nil {
			e.annotations = map[string]json.RawMessage{}
		}
		text, err := json.Marshal(name)
		if err != nil {
			return err
		}
		e.annotations[refName] = text
	}
	if len(e.annotations) == 0 {
		delete(e.fields, "annotations")
		return nil
	}
	text, err := json.Marshal(e.annotations)
	e.fields["annotations"] = text
	return err
}

// add adds an image. One of the same name loses the name, and stays: programs
// take either of two without a word. An image is listed without a name only if
// it has none.
func (x *index) add(one *Entry) error {
	digest := one.Digest.String()
	for i := range x.entries {
		e := &x.entries[i]
		switch {
		case e.digest == digest && (e.name == one.Name || one.Name == ""):
			return nil
		case one.Name != "" && e.name == one.Name:
			if err := e.rename(""); err != nil {
				return err
			}
		}
	}
	e := entry{fields: map[string]json.RawMessage{}, digest: digest}
	fields := []struct {
		name  string
		value any
	}{{"mediaType", one.MediaType}, {"digest", digest}, {"size", one.Size}, {"artifactType", one.ArtifactType}}
	for _, f := range fields {
		if f.value == "" {
			continue
		}
		text, err := json.Marshal(f.value)
		if err != nil {
			return err
		}
		e.fields[f.name] = text
	}
	if one.Name != "" {
		if err := e.rename(one.Name); err != nil {
			return err
		}
	}
	x.entries = append(x.entries, e)
	x.dropNameless()
	return nil
}

// dropNameless removes the entries without a name whose image has one, or
// another such entry.
func (x *index) dropNameless() {
	named, seen := map[string]bool{}, map[string]bool{}
	for i := range x.entries {
		if e := &x.entries[i]; e.name != "" {
			named[e.digest] = true
		}
	}
	x.entries = slices.DeleteFunc(x.entries, func(e entry) bool {
		again := e.name == "" && (named[e.digest] || seen[e.digest])
		seen[e.digest] = seen[e.digest] || e.name == ""
		return again
	})
}

func (x *index) encode() ([]byte, error) {
	if x.fields == nil {
		x.fields = map[string]json.RawMessage{"schemaVersion": []byte("2"), "mediaType": []byte(`"` + indexType + `"`)}
	}
	list := []map[string]json.RawMessage{}
	for i := range x.entries {
		list = append(list, x.entries[i].fields)
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	x.fields["manifests"] = text
	return json.MarshalIndent(x.fields, "", "  ")
}

// Commit adds images to the index. Their blobs are there, and on the disk.
func (d *Dir) Commit(entries []Entry) error {
	for i := range entries {
		if err := d.index.add(&entries[i]); err != nil {
			return err
		}
	}
	text, err := d.index.encode()
	if err != nil {
		return err
	}
	return d.replace(indexFile, append(text, '\n'))
}
