package layout

import "bytes"

// MaxLink is how many bytes of a link are read: more than any digest needs.
// A longer link holds no digest.
const MaxLink = 256

// ParseLink reads a link's content. A trailing newline is forgiven, since
// people write links by hand.
func ParseLink(content []byte) (Digest, error) {
	content = bytes.TrimSuffix(content, []byte("\n"))
	content = bytes.TrimSuffix(content, []byte("\r"))
	return ParseDigest(content)
}
