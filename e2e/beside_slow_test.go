package e2e

import (
	"fmt"
	"math/rand"
	"net/url"
	"time"
)

// pushSlowly pushes images of which one layer takes longer than the grace to
// upload, chunk by chunk; the other blobs, whose links grow old meanwhile, came first.
func (b *beside) pushSlowly(random *rand.Rand) {
	for n := 0; !b.stopped(); n++ {
		i := b.album.take("slow", "beside/slow", fmt.Sprintf("v%d", n))
		last := newBlob(randomBytes(random, 900))
		i.draw(random, []blob{last})
		if err := b.trySlowly(i, last); err != nil {
			b.count(err) // a restart of the registry may be in its way
			b.pause(besideGrace / 10)
		} else {
			i.there, i.pushed = true, time.Now()
			b.pushes.Add(1)
			b.slow.Add(1)
		}
		i.Unlock()
	}
}

func (b *beside) trySlowly(i *picture, last blob) error {
	for _, blob := range i.blobs[1:] {
		if err := b.api().Upload(i.repository, blob.digest, blob.data); err != nil {
			return err
		}
	}
	session, err := b.api().StartUpload(i.repository)
	if err != nil {
		return err
	}
	const chunks = 9
	size := len(last.data) / chunks
	for c := range chunks {
		if session, err = b.api().Patch(here(session), last.data[c*size:(c+1)*size]); err != nil {
			return err
		}
		b.pause(besideGrace / (chunks - 2))
	}
	if err := b.api().Finish(here(session), last.digest, nil); err != nil {
		return err
	}
	return b.api().PutManifest(i.repository, i.tag, i.mediaType, i.manifest)
}

// here is where a session goes on, whatever the registry's address is by now.
func here(session string) string {
	if where, err := url.Parse(session); err == nil {
		return where.RequestURI()
	}
	return session
}
