// Package client speaks to a registry in plain HTTP, one request a method, so
// that a test can do what a well-meaning client library would not.
package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client is a registry's API at one address. It may be used concurrently.
type Client struct {
	base string
	http *http.Client
}

// New returns a client of the registry at host:port.
func New(addr string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	return &Client{base: "http://" + addr, http: &http.Client{
		Transport: transport,
		Timeout:   30 * time.Second,
	}}
}

// Answer is what the registry said to one request, whatever the status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// StatusError is an answer with another status than the request hoped for: a
// failure that the client sees.
type StatusError struct {
	Method, Path string
	Answer       Answer
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: %d %.300s", e.Method, e.Path, e.Answer.Status, bytes.TrimSpace(e.Answer.Body))
}

// manifestTypes are all that a registry may hold, so that it converts nothing.
var manifestTypes = []string{
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.distribution.manifest.v1+prettyjws",
	"application/vnd.docker.distribution.manifest.v1+json",
	"*/*",
}

// do sends one request and reads the whole answer. path starts with /v2/ or is
// a URL that the registry gave; want are the statuses that are no error.
func (c *Client) do(method, path, mediaType string, body io.Reader, want ...int) (Answer, error) {
	target := path
	if strings.HasPrefix(path, "/") {
		target = c.base + path
	}
	request, err := http.NewRequest(method, target, body)
	if err != nil {
		return Answer{}, err
	}
	if mediaType != "" {
		request.Header.Set("Content-Type", mediaType)
	}
	if strings.Contains(path, "/manifests/") {
		request.Header["Accept"] = manifestTypes
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	got := Answer{Status: response.StatusCode, Header: response.Header}
	if got.Body, err = io.ReadAll(response.Body); err != nil {
		return got, fmt.Errorf("%s %s: %w", method, path, err)
	}
	for _, status := range want {
		if got.Status == status {
			return got, nil
		}
	}
	return got, &StatusError{Method: method, Path: path, Answer: got}
}

// Catalog lists the repositories.
func (c *Client) Catalog() ([]string, error) {
	answer, err := c.do("GET", "/v2/_catalog?n=1000", "", nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	var list struct{ Repositories []string }
	return list.Repositories, parse(answer.Body, &list)
}

// Tags lists a repository's tags; of one that the registry does not know, none.
func (c *Client) Tags(repository string) ([]string, error) {
	answer, err := c.do("GET", "/v2/"+repository+"/tags/list", "", nil, http.StatusOK, http.StatusNotFound)
	if err != nil || answer.Status == http.StatusNotFound {
		return nil, err
	}
	var list struct{ Tags []string }
	err = parse(answer.Body, &list)
	return list.Tags, err
}

func parse(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the registry's answer %.200q: %w", body, err)
	}
	return nil
}

// Manifest fetches a manifest by tag or digest, byte for byte.
func (c *Client) Manifest(repository, reference string) (Answer, error) {
	return c.do("GET", "/v2/"+repository+"/manifests/"+reference, "", nil, http.StatusOK)
}

// PutManifest stores a manifest under a tag or its digest: the moment of a push.
func (c *Client) PutManifest(repository, reference, mediaType string, body []byte) error {
	_, err := c.do("PUT", "/v2/"+repository+"/manifests/"+reference, mediaType, bytes.NewReader(body), http.StatusCreated)
	return err
}

// DeleteManifest removes a manifest by digest, and with it every tag on it. Given
// a tag it removes that alone; 2.8 refuses it.
func (c *Client) DeleteManifest(repository, reference string) error {
	_, err := c.do("DELETE", "/v2/"+repository+"/manifests/"+reference, "", nil, http.StatusAccepted)
	return err
}

// HasBlob asks for a blob of a repository, and its size.
func (c *Client) HasBlob(repository, digest string) (size int64, ok bool, err error) {
	answer, err := c.do("HEAD", blobPath(repository, digest), "", nil, http.StatusOK, http.StatusNotFound)
	if err != nil || answer.Status == http.StatusNotFound {
		return 0, false, err
	}
	_, err = fmt.Sscan(answer.Header.Get("Content-Length"), &size)
	return size, true, err
}

// DeleteBlob removes a repository's link to a blob.
func (c *Client) DeleteBlob(repository, digest string) error {
	_, err := c.do("DELETE", blobPath(repository, digest), "", nil, http.StatusAccepted)
	return err
}

func blobPath(repository, digest string) string {
	return "/v2/" + repository + "/blobs/" + url.PathEscape(digest)
}
