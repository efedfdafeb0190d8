package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

func (f *file) mode() int64 {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// tar writes an archive of a directory named base.
func (r *release) tar(base string, files []file) error {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, f := range files {
		header := tar.Header{
			Typeflag: tar.TypeReg, Name: base + "/" + f.name, Size: int64(len(f.content)), Mode: f.mode(),
			ModTime: r.time, Format: tar.FormatUSTAR,
		}
		if err := t.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := t.Write(f.content); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, base+".tar.gz"), packed.Bytes(), 0o666)
}

// zip is tar for Windows.
func (r *release) zip(base string, files []file) error {
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	for _, f := range files {
		header := zip.FileHeader{Name: base + "/" + f.name, Method: zip.Deflate, Modified: r.time}
		header.SetMode(os.FileMode(f.mode()))
		w, err := z.CreateHeader(&header)
		if err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, base+".zip"), packed.Bytes(), 0o666)
}

// checksums writes what sha256sum -c reads.
func (r *release) checksums() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), e.Name())
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), sums.Bytes(), 0o666)
}
