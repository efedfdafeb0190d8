package layout

import "bytes"

// MaxLink is how many bytes of a link are read, which is more than any digest
// needs. A longer link does not hold a digest.
const MaxLink = 256

// ParseLink reads a link's content. It accepts a trailing newline, since people
// write links by hand.
func ParseLink(content []byte) (Digest, error) {
	content = bytes.TrimSuffix(content, []byte("\n"))
	content = bytes.TrimSuffix(content, []byte("\r"))
	return ParseDigest(content)
}
