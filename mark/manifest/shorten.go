package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// OnlyConfig stands in a shorter document for the digest of a manifest's only
// configuration, which is known as a reference.
const OnlyConfig = "@"

// Shorten leaves out of a manifest or a configuration what is not said of the image itself: layers, histories,
// environments. OnlyConfig stands for config, the digest of a manifest's only configuration, if that is not "". What
// Go's decoder reads of the rest is the same as before, errors included. ok is false if the content is no JSON object.
func Shorten(content []byte, config string) (text []byte, ok bool) {
	var all map[string]json.RawMessage
	if json.Unmarshal(content, &all) != nil {
		return nil, false
	}
	if !namesOnce(content, documentNames) {
		return content, true // what Go's decoder makes of that, it makes of nothing else
	}
	for name, value := range all {
		switch nameOf(name, documentNames) {
		case "mediatype", "artifacttype", "manifests", "annotations", "architecture", "os", "variant", "created":
		case "layers", "blobs", "fslayers":
			if string(value) != "null" {
				all[name] = json.RawMessage("[]") // that it has such a list tells what it is
			}
		case "config":
			all[name] = shortenConfig(value, config)
		case "history":
			if all[name] = firstOfHistory(value); all[name] == nil {
				delete(all, name)
			}
		default:
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	return text, err == nil
}

// The names that views have, in a document and in its value "config".
var (
	documentNames = []string{
		"mediatype", "artifacttype", "manifests", "annotations", "architecture", "os", "variant", "created",
		"layers", "blobs", "fslayers", "config", "history",
	}
	configNames = []string{"mediatype", "labels", "platform", "blobsum", "size", "digest"}
)

// nameOf returns which of some names a name is to Go's decoder, or "".
func nameOf(name string, names []string) string {
	for _, n := range names {
		if strings.EqualFold(name, n) {
			return n
		}
	}
	return ""
}

// namesOnce reports whether an object has each of some names once, however it is written.
func namesOnce(object []byte, names []string) bool {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return true // it has no names
	}
	var seen []string
	for d.More() {
		t, err := d.Token()
		name, is := t.(string)
		var value json.RawMessage
		if err != nil || !is || d.Decode(&value) != nil {
			return false
		}
		if name = nameOf(name, names); name == "" {
			continue
		}
		if slices.Contains(seen, name) {
			return false
		}
		seen = append(seen, name)
	}
	return true
}

// shortenConfig is what of the value "config" counts: a part of a manifest, or what is
// to be run of a configuration.
func shortenConfig(value json.RawMessage, config string) json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(value, &all) != nil || all == nil || !namesOnce(value, configNames) {
		return value
	}
	for name, part := range all {
		switch nameOf(name, configNames) {
		case "mediatype", "labels", "platform", "blobsum":
		case "size":
			if json.Unmarshal(part, new(*int64)) == nil {
				delete(all, name) // what is no number makes the whole unreadable
			}
		case "digest":
			if config != "" && string(part) == `"`+config+`"` {
				all[name] = json.RawMessage(`"` + OnlyConfig + `"`)
			}
		default:
			delete(all, name)
		}
	}
	short, err := json.Marshal(all)
	if err != nil {
		return value
	}
	return short
}

// firstOfHistory is the first entry, if it is one of schema 1; otherwise nil.
func firstOfHistory(value json.RawMessage) json.RawMessage {
	var all []struct{ V1Compatibility string }
	if json.Unmarshal(value, &all) != nil {
		return value
	}
	if len(all) == 0 || all[0].V1Compatibility == "" {
		return nil
	}
	short, err := json.Marshal(all[:1])
	if err != nil {
		return value
	}
	return short
}
