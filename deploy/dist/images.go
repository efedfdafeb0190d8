package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The types of the OCI image specification that an image with one layer needs.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type descriptor struct {
	Type        string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Arch   string `json:"architecture"`
	System string `json:"os"`
}

// index is a list of images, and the list of what a layout holds.
type index struct {
	Schema      int               `json:"schemaVersion"`
	Type        string            `json:"mediaType"`
	Manifests   []descriptor      `json:"manifests"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type manifest struct {
	Schema      int               `json:"schemaVersion"`
	Type        string            `json:"mediaType"`
	Config      descriptor        `json:"config"`
	Layers      []descriptor      `json:"layers"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// imageConfig is what deploy/Dockerfile says at its end.
type imageConfig struct {
	platform
	Created time.Time       `json:"created"`
	Config  containerConfig `json:"config"`
	Files   rootFiles       `json:"rootfs"`
	History []history       `json:"history"`
}

type containerConfig struct {
	Entrypoint []string          `json:"Entrypoint"`
	Command    []string          `json:"Cmd"`
	Directory  string            `json:"WorkingDir"`
	Labels     map[string]string `json:"Labels"`
}

type rootFiles struct {
	Type  string   `json:"type"`
	Diffs []string `json:"diff_ids"`
}

type history struct {
	Created time.Time `json:"created"`
	By      string    `json:"created_by"`
}

// labels say of an image what it is and where it comes from.
func (r *release) labels() map[string]string {
	const prefix = "org.opencontainers.image."
	return map[string]string{
		prefix + "title":       "regsweep",
		prefix + "description": "Garbage collection, deletion and retention for the files of a container registry",
		prefix + "source":      "https://github.com/regsweep/regsweep",
		prefix + "licenses":    "Apache-2.0",
		prefix + "version":     r.version,
		prefix + "revision":    r.commit,
		prefix + "created":     r.time.Format(time.RFC3339),
	}
}

// images makes an OCI image layout that holds one image, for each of the targets.
func (r *release) images(ctx context.Context, targets []string) error {
	if err := os.MkdirAll(filepath.Join(r.out, "blobs", "sha256"), 0o777); err != nil {
		return err
	}
	all := index{Schema: 2, Type: typeIndex, Annotations: r.labels()}
	for _, target := range targets {
		arch, ok := strings.CutPrefix(target, "linux/")
		if !ok {
			return fmt.Errorf("%s: images are for linux", target)
		}
		one, err := r.image(ctx, arch)
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		all.Manifests = append(all.Manifests, one)
	}
	whole, err := r.document(typeIndex, all)
	if err != nil {
		return err
	}
	whole.Annotations = map[string]string{"org.opencontainers.image.ref.name": r.version}
	text, err := json.Marshal(index{Schema: 2, Type: typeIndex, Manifests: []descriptor{whole}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "index.json"), text, 0o666)
}

// image writes the image for an architecture: its layer is the program alone.
func (r *release) image(ctx context.Context, arch string) (descriptor, error) {
	binary := filepath.Join(r.work, "image-"+arch, "regsweep")
	if err := r.build(ctx, "linux", arch, binary); err != nil {
		return descriptor{}, err
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return descriptor{}, err
	}
	plain, packed, err := r.layer(program)
	if err != nil {
		return descriptor{}, err
	}
	files, err := r.blob(typeLayer, packed)
	if err != nil {
		return descriptor{}, err
	}
	on := platform{Arch: arch, System: "linux"}
	config, err := r.document(typeConfig, imageConfig{
		platform: on, Created: r.time,
		Config:  containerConfig{Entrypoint: []string{"/regsweep"}, Command: []string{"gc", "--dry-run"}, Directory: "/", Labels: r.labels()},
		Files:   rootFiles{"layers", []string{digest(plain)}},
		History: []history{{r.time, "make images"}},
	})
	if err != nil {
		return descriptor{}, err
	}
	made, err := r.document(typeManifest, manifest{Schema: 2, Type: typeManifest, Config: config, Layers: []descriptor{files}, Annotations: r.labels()})
	made.Platform = &on
	return made, err
}

// layer packs the program as the only file of a root directory.
func (r *release) layer(program []byte) (plain, packed []byte, err error) {
	var archive, small bytes.Buffer
	t := tar.NewWriter(&archive)
	header := tar.Header{Typeflag: tar.TypeReg, Name: "regsweep", Size: int64(len(program)), Mode: 0o755, ModTime: r.time, Format: tar.FormatUSTAR}
	if err := t.WriteHeader(&header); err != nil {
		return nil, nil, err
	}
	if _, err := t.Write(program); err != nil {
		return nil, nil, err
	}
	if err := t.Close(); err != nil {
		return nil, nil, err
	}
	z, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err != nil {
		return nil, nil, err
	}
	if _, err := z.Write(archive.Bytes()); err != nil {
		return nil, nil, err
	}
	if err := z.Close(); err != nil {
		return nil, nil, err
	}
	return archive.Bytes(), small.Bytes(), nil
}

// document is blob of a value as JSON.
func (r *release) document(kind string, value any) (descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return descriptor{}, err
	}
	return r.blob(kind, text)
}

// blob writes a blob, and describes it.
func (r *release) blob(kind string, content []byte) (descriptor, error) {
	d := descriptor{Type: kind, Digest: digest(content), Size: int64(len(content))}
	name := strings.TrimPrefix(d.Digest, "sha256:")
	return d, os.WriteFile(filepath.Join(r.out, "blobs", "sha256", name), content, 0o666)
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }
