package client

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Descriptor names content by digest and size.
type Descriptor struct {
	MediaType string   `json:"mediaType"`
	Digest    string   `json:"digest"`
	Size      int64    `json:"size"`
	URLs      []string `json:"urls,omitempty"`
}

// Manifest is what a manifest of any type refers to. It is read with
// encoding/json, as both registries do: keys in any case, the last one wins.
type Manifest struct {
	SchemaVersion int           `json:"schemaVersion"`
	MediaType     string        `json:"mediaType,omitempty"`
	ArtifactType  string        `json:"artifactType,omitempty"`
	Config        *Descriptor   `json:"config,omitempty"`
	Layers        []Descriptor  `json:"layers,omitempty"`
	Manifests     []Descriptor  `json:"manifests,omitempty"`
	Subject       *Descriptor   `json:"subject,omitempty"`
	FSLayers      []schema1Blob `json:"fsLayers,omitempty"`
}

type schema1Blob struct {
	BlobSum string `json:"blobSum"`
}

// Blobs are the config and the layers, sizes where the manifest gives them
// (schema 1 does not, and says -1 here).
func (m Manifest) Blobs() []Descriptor {
	var all []Descriptor
	if m.Config != nil {
		all = append(all, *m.Config)
	}
	for _, layer := range m.Layers {
		if len(layer.URLs) == 0 { // a foreign layer is elsewhere
			all = append(all, layer)
		}
	}
	for _, layer := range m.FSLayers {
		all = append(all, Descriptor{Digest: layer.BlobSum, Size: -1})
	}
	return all
}

// ParseManifest reads a manifest.
func ParseManifest(body []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return Manifest{}, fmt.Errorf("manifest %.100q: %w", body, err)
	}
	return m, nil
}

// DigestOf hashes data with the algorithm of the digest that it should have.
func DigestOf(algorithm string, data []byte) string {
	switch algorithm {
	case "sha256":
		sum := sha256.Sum256(data)
		return "sha256:" + hex.EncodeToString(sum[:])
	case "sha384":
		sum := sha512.Sum384(data)
		return "sha384:" + hex.EncodeToString(sum[:])
	case "sha512":
		sum := sha512.Sum512(data)
		return "sha512:" + hex.EncodeToString(sum[:])
	}
	return "unknown algorithm " + algorithm
}

// Pull fetches a manifest by tag or digest, all that it refers to, and through
// an index every child, and verifies each digest and size. It returns the
// manifest's digest.
//
// Children that the index names and the registry does not have are an error:
// who tests with sparse indexes pulls the children that are there by digest.
func (c *Client) Pull(repository, reference string) (string, error) {
	answer, err := c.Manifest(repository, reference)
	if err != nil {
		return "", err
	}
	digest := payloadDigest(answer)
	where := repository + "@" + digest
	if strings.Contains(reference, ":") && digest != reference {
		return "", fmt.Errorf("%s: its manifest hashes to %s", repository+"@"+reference, digest)
	}
	if said := answer.Header.Get("Docker-Content-Digest"); said != digest {
		return "", fmt.Errorf("%s: the registry calls it %s", where, said)
	}
	manifest, err := ParseManifest(answer.Body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", where, err)
	}
	for _, child := range manifest.Manifests {
		if _, err := c.Pull(repository, child.Digest); err != nil {
			return "", fmt.Errorf("%s: child: %w", where, err)
		}
	}
	for _, blob := range manifest.Blobs() {
		if err := c.pullBlob(repository, blob); err != nil {
			return "", fmt.Errorf("%s: %w", where, err)
		}
	}
	return digest, nil
}

func (c *Client) pullBlob(repository string, blob Descriptor) error {
	answer, err := c.do("GET", blobPath(repository, blob.Digest), "", nil, http.StatusOK)
	if err != nil {
		return err
	}
	if blob.Size >= 0 && int64(len(answer.Body)) != blob.Size {
		return fmt.Errorf("blob %s has %d bytes, want %d", blob.Digest, len(answer.Body), blob.Size)
	}
	algorithm, _, _ := strings.Cut(blob.Digest, ":")
	if got := DigestOf(algorithm, answer.Body); got != blob.Digest {
		return fmt.Errorf("blob %s hashes to %s", blob.Digest, got)
	}
	return nil
}

// payloadDigest hashes a manifest as it is stored. Schema 1 comes with a
// signature around what the digest is of; its stored payload is the document
// without it.
func payloadDigest(answer Answer) string {
	if payload, err := unsigned(answer.Body); err == nil {
		return DigestOf("sha256", payload)
	}
	return DigestOf("sha256", answer.Body)
}

var errUnsigned = errors.New("no signatures")

// unsigned cuts the signatures off a pretty JWS, as github.com/docker/libtrust
// does: the protected header says how much of the text is payload, and its tail.
func unsigned(body []byte) ([]byte, error) {
	var jws struct {
		Signatures []struct{ Protected string } `json:"signatures"`
	}
	if err := json.Unmarshal(body, &jws); err != nil || len(jws.Signatures) == 0 {
		return nil, errUnsigned
	}
	return joinJWS(body, jws.Signatures[0].Protected)
}
