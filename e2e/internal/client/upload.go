package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Upload stores a blob under the digest that the caller names, in two requests.
func (c *Client) Upload(repository, digest string, data []byte) error {
	session, err := c.StartUpload(repository)
	if err != nil {
		return err
	}
	return c.Finish(session, digest, data)
}

// StartUpload opens an upload session and returns where it goes on.
func (c *Client) StartUpload(repository string) (session string, err error) {
	answer, err := c.do("POST", "/v2/"+repository+"/blobs/uploads/", "", nil, http.StatusAccepted)
	if err != nil {
		return "", err
	}
	return c.location(answer)
}

// Mount links a blob of another repository, without data. Where the registry
// does not have it there, it opens an upload session instead.
func (c *Client) Mount(repository, digest, from string) (mounted bool, session string, err error) {
	query := url.Values{"mount": {digest}, "from": {from}}.Encode()
	answer, err := c.do("POST", "/v2/"+repository+"/blobs/uploads/?"+query, "", nil, http.StatusCreated, http.StatusAccepted)
	if err != nil || answer.Status == http.StatusCreated {
		return err == nil, "", err
	}
	session, err = c.location(answer)
	return false, session, err
}

// MountOrUpload is what clients do with a layer that they know elsewhere.
func (c *Client) MountOrUpload(repository, digest, from string, data []byte) error {
	mounted, session, err := c.Mount(repository, digest, from)
	if err != nil || mounted {
		return err
	}
	return c.Finish(session, digest, data)
}

// Monolithic tries an upload in one request, which Distribution does not know:
// it opens a session and leaves it.
func (c *Client) Monolithic(repository, digest string, data []byte) error {
	query := url.Values{"digest": {digest}}.Encode()
	_, err := c.do("POST", "/v2/"+repository+"/blobs/uploads/?"+query, octets, bytes.NewReader(data), http.StatusAccepted)
	return err
}

const octets = "application/octet-stream"

// Patch appends to an upload and returns where it goes on.
func (c *Client) Patch(session string, data []byte) (string, error) {
	answer, err := c.do("PATCH", session, octets, bytes.NewReader(data), http.StatusAccepted)
	if err != nil {
		return "", err
	}
	return c.location(answer)
}

// Cancel gives an upload up.
func (c *Client) Cancel(session string) error {
	_, err := c.do("DELETE", session, "", nil, http.StatusNoContent)
	return err
}

// FinishWrong ends an upload with the digest of something else, which has to be
// refused.
func (c *Client) FinishWrong(session, digest string, data []byte) error {
	err := c.Finish(session, digest, data)
	var refused *StatusError
	if errors.As(err, &refused) && refused.Answer.Status == http.StatusBadRequest {
		return nil
	}
	return fmt.Errorf("a blob under the digest of another one: want 400, got %w", orAccepted(err))
}

func orAccepted(err error) error {
	if err == nil {
		return errors.New("success")
	}
	return err
}

// Finish ends an upload with its last data, in one request.
func (c *Client) Finish(session, digest string, data []byte) error {
	join := "?"
	if strings.Contains(session, "?") {
		join = "&"
	}
	_, err := c.do("PUT", session+join+"digest="+url.QueryEscape(digest), octets, bytes.NewReader(data), http.StatusCreated)
	return err
}

// Break sends the beginning of a PATCH that announces more than it has, and
// hangs up once the registry had time to write it, or when then is done, which
// may kill the registry in the middle.
func (c *Client) Break(session string, data []byte, then func()) error {
	target, err := url.Parse(session)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", target.Host)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }() // hanging up is what it is for
	head := fmt.Sprintf("PATCH %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		target.RequestURI(), target.Host, octets, 2*len(data))
	if _, err := io.WriteString(connection, head+string(data)); err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond)
	if then != nil {
		then()
	}
	return nil
}

func (c *Client) location(answer Answer) (string, error) {
	where := answer.Header.Get("Location")
	if where == "" {
		return "", errors.New("an upload without a Location")
	}
	if strings.HasPrefix(where, "/") {
		where = c.base + where
	}
	return where, nil
}
