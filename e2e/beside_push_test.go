package e2e

import (
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regsweep/regsweep/e2e/internal/client"
)

// pushNew pushes images that nobody has seen, some layers of theirs known, over
// few tags: what they named before becomes garbage.
func (b *beside) pushNew(who string) func(*rand.Rand) {
	return func(random *rand.Rand) {
		for n := 0; !b.stopped(); n++ {
			i := b.album.take("new", "beside/new", who+often(n, 20))
			if n%3 == 0 {
				i.draw(random, nil) // nothing that it could be told is there
				b.push(i)
			} else {
				i.draw(random, b.album.shared(random, "beside/new"))
				b.pushKnown(i)
			}
			i.Unlock()
			b.pause(time.Duration(random.Intn(30)) * time.Millisecond)
		}
	}
}

// often is a tag that is pushed again and again, or, as often, one that is not.
func often(n, few int) string {
	if n%2 == 0 {
		return fmt.Sprintf("once%d", n)
	}
	return fmt.Sprintf("v%d", n%few)
}

// pushAgain deletes images that are older than the grace, and pushes them again
// the moment that their blobs, still there, are garbage. They are few, so that a
// slow machine comes to it, too, and each waits until it is old enough.
func (b *beside) pushAgain(random *rand.Rand) {
	const all = 20
	for n := 0; !b.stopped(); n++ {
		i := b.album.take("again", "beside/again", fmt.Sprintf("v%d", n%all))
		if n < all {
			i.draw(random, nil)
		} else if i.there {
			b.pause(besideGrace - time.Since(i.pushed))
			if time.Since(i.pushed) > besideGrace && b.remove(i) {
				b.pause(time.Duration(random.Intn(120)) * time.Millisecond)
			}
		}
		b.pushKnown(i)
		i.Unlock()
		b.pause(time.Duration(random.Intn(60)) * time.Millisecond)
	}
}

// pushMounted pushes the layers of others to repositories of its own, without
// data where the registry still has them.
func (b *beside) pushMounted(random *rand.Rand) {
	for n := 0; !b.stopped(); n++ {
		source := []string{"beside/again", "beside/new", "beside/multi"}[random.Intn(3)]
		i := b.album.take("mounted", fmt.Sprintf("beside/mounted%d", n%5), often(n, 20))
		i.draw(random, b.album.shared(random, source))
		i.from = source
		b.pushKnown(i)
		i.Unlock()
		b.pause(time.Duration(random.Intn(40)) * time.Millisecond)
	}
}

// pushIndexes pushes children by digest, and their index under a tag after a sweep
// or two, all of it within the grace, or all of it again.
func (b *beside) pushIndexes(random *rand.Rand) {
	for n := 0; !b.stopped(); n++ {
		i := b.album.take("index", "beside/multi", fmt.Sprintf("v%d", n%25))
		if n%2 == 0 {
			i.drawIndex(random, nil)
			i.wait = besideGrace/2 + time.Duration(random.Int63n(int64(besideGrace/8)))
			b.push(i)
		} else {
			i.drawIndex(random, b.album.shared(random, "beside/multi"))
			i.wait = 0
			b.pushKnown(i)
		}
		i.Unlock()
		b.pause(time.Duration(random.Intn(60)) * time.Millisecond)
	}
}

// delete removes pictures at random.
func (b *beside) delete(random *rand.Rand) {
	for !b.stopped() {
		b.pause(time.Duration(500+random.Intn(700)) * time.Millisecond)
		if i := b.album.any(random); i != nil {
			if i.there {
				b.remove(i)
			}
			i.Unlock()
		}
	}
}

// remove deletes a picture by digest. The registry must still know it, since it was
// answered with 201; a sweep that is under way may hide it. Any other failure is one
// that the client sees, and leaves the picture half deleted or not at all.
func (b *beside) remove(i *picture) bool {
	err := b.api().DeleteManifest(i.repository, i.digest)
	if isNotFound(err) {
		b.sweeping.RLock() // and none begins
		err = b.api().DeleteManifest(i.repository, i.digest)
		b.sweeping.RUnlock()
	}
	i.there = false
	if err == nil {
		b.deletes.Add(1)
		return true
	}
	if isNotFound(err) {
		b.t.Errorf("LOST %s:%s, it cannot be deleted any more (pushed %v ago): %v", i.repository, i.tag, time.Since(i.pushed), err)
	}
	b.count(err)
	return false
}

func isNotFound(err error) bool {
	var status *client.StatusError
	return errors.As(err, &status) && status.Answer.Status == http.StatusNotFound
}

// pushKnown pushes a picture of which something may be in the registry already.
func (b *beside) pushKnown(i *picture) {
	b.cached.RLock()
	defer b.cached.RUnlock()
	i.blind = false
	b.insist(i)
}

// push pushes all of a picture, whatever may be in the registry already.
func (b *beside) push(i *picture) {
	i.blind = true
	b.insist(i)
}

// insist pushes a picture until the registry says 201, as a client that tries again
// does. Whatever it refuses was refused visibly, which is no loss.
func (b *beside) insist(i *picture) {
	for try := 0; try < 40; try++ {
		begin := time.Now()
		err := b.tryPush(i)
		if err == nil && len(i.children) > 0 && time.Since(begin) > besideGrace*3/4 {
			err = errors.New("the index came too late for its children") // by the rule: again
		}
		if err == nil {
			i.there, i.pushed = true, time.Now()
			b.pushes.Add(1)
			b.album.remember(i)
			b.see(i)
			return
		}
		b.count(err)
		i.there = false // a tag that a refused push may have moved proves nothing
		time.Sleep(time.Duration(5+10*try) * time.Millisecond)
	}
	b.t.Errorf("%s:%s cannot be pushed at all", i.repository, i.tag)
}

func (b *beside) tryPush(i *picture) error {
	for _, child := range i.children {
		if err := b.pushOne(i, child); err != nil {
			return err
		}
	}
	b.pause(i.wait)
	return b.pushOne(i, i.plate)
}

func (b *beside) pushOne(i *picture, p plate) error {
	found := 0
	for _, blob := range p.blobs {
		_, ok, err := b.api().HasBlob(i.repository, blob.digest)
		switch {
		case err != nil:
			return err
		case ok && !i.blind: // a client leaves it at that, however old the blob is
			found++
		case i.from != "":
			err = b.mount(i, blob)
		default:
			err = b.api().Upload(i.repository, blob.digest, blob.data)
		}
		if err != nil {
			return err
		}
	}
	reference := i.tag
	if p.digest != i.digest {
		reference = p.digest
	}
	err := b.api().PutManifest(i.repository, reference, p.mediaType, p.manifest)
	if err == nil && found > 0 && i.kind == "again" { // its layers are nobody else's
		b.reused.Add(1)
	}
	return err
}

func (b *beside) mount(i *picture, blob blob) error {
	mounted, session, err := b.api().Mount(i.repository, blob.digest, i.from)
	if err != nil {
		return err
	}
	if mounted {
		b.mounts.Add(1)
		return nil
	}
	return b.api().Finish(session, blob.digest, blob.data)
}

func (b *beside) count(err error) {
	b.refused.Add(1)
	kind := err.Error()
	var status *client.StatusError
	if errors.As(err, &status) {
		kind = fmt.Sprintf("%s %d %.60s", status.Method, status.Answer.Status, status.Answer.Body)
	}
	n, _ := b.kinds.LoadOrStore(kind, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

// picture is one tag, and what was last pushed under it. Whoever uses it holds its
// lock: what the test expects is then what the last answer was.
type picture struct {
	sync.Mutex
	plate
	kind, repository, tag string
	from                  string        // mount what is missing from there
	children              []plate       // of an index
	wait                  time.Duration // before the index
	blind                 bool          // do not believe that a blob is there
	there                 bool          // the last push was answered with 201, and nobody deleted it
	pushed                time.Time
}
