// Package browser opens pages in headless Chromium and tells of all that they
// do that a report must not do.
package browser

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// patience is how long one step may take on a machine that is busy.
const patience = time.Minute

// Page is an open page.
type Page struct {
	tb  testing.TB
	ctx context.Context

	mu      sync.Mutex
	url     string // nothing else may be asked for
	strange []string
}

// Open starts Chromium with one page on a file. The test fails in the end if
// the page has logged an error, opened a dialog, or asked for anything but the file.
func Open(tb testing.TB, file string) *Page {
	tb.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(parts.Need(tb, "chromium")),
		chromedp.NoSandbox, // which it refuses to root
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(2*time.Minute), // it starts beside all other tests
		chromedp.WindowSize(1280, 1700))
	allocator, closeAll := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closePage := chromedp.NewContext(allocator)
	url := "file://" + file
	p := &Page{tb: tb, ctx: ctx, url: url}
	tb.Cleanup(func() {
		closePage()
		closeAll()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, s := range p.strange {
			tb.Error(s)
		}
	})
	chromedp.ListenTarget(ctx, p.watch)
	p.Do(network.Enable(), log.Enable(), page.Enable(), chromedp.Navigate(url))
	return p
}

// watch is called for everything that the page does.
func (p *Page) watch(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.mu.Lock()
		url := p.url
		p.mu.Unlock()
		if e.Request.URL != url && !strings.HasPrefix(e.Request.URL, "data:") {
			p.note("the page asks for %s", e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		p.note("the page fails: %s", e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		said := make([]string, len(e.Args))
		for i, arg := range e.Args {
			said[i] = string(arg.Value) + arg.Description
		}
		p.note("the page writes to the console: %s %s", e.Type, strings.Join(said, " "))
	case *log.EventEntryAdded:
		p.note("the browser complains: %s", e.Entry.Text)
	case *page.EventJavascriptDialogOpening:
		p.note("the page opens a dialog: %s", e.Message)
		go func() { _ = chromedp.Run(p.ctx, page.HandleJavaScriptDialog(true)) }()
	}
}

func (p *Page) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strange = append(p.strange, fmt.Sprintf(format, args...))
}

// Do carries out actions, all of which must work.
func (p *Page) Do(actions ...chromedp.Action) {
	p.tb.Helper()
	// The first run starts the browser, which must not end with the step.
	ctx, cancel := p.ctx, context.CancelFunc(func() {})
	if chromedp.FromContext(p.ctx).Target != nil {
		ctx, cancel = context.WithTimeout(p.ctx, patience)
	}
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.tb.Fatal(err)
	}
}

// Eval returns what an expression is in the page.
func Eval[T any](p *Page, expression string) (value T) {
	p.tb.Helper()
	p.Do(chromedp.Evaluate(expression, &value))
	return value
}

// Go shows another file in the same browser, which takes less than another Open.
func (p *Page) Go(file string) {
	p.tb.Helper()
	p.mu.Lock()
	p.url = "file://" + file
	p.mu.Unlock()
	p.Do(chromedp.Navigate("file://" + file))
}

// Look is how a page is looked at.
type Look struct {
	Width  int64  // of the window, in CSS pixels
	Media  string // screen or print
	Scheme string // light or dark
}

// Looks makes the page one that is looked at like this.
func (p *Page) Looks(l Look) {
	p.tb.Helper()
	p.Do(emulation.SetDeviceMetricsOverride(l.Width, 900, 1, l.Width < 600),
		emulation.SetEmulatedMedia().WithMedia(l.Media).WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.Scheme}}))
}

// Violations are what axe finds to be in the way of people who see little, or
// who use a keyboard or a screen reader.
func (p *Page) Violations() []string {
	p.tb.Helper()
	rules, err := os.ReadFile(parts.Need(p.tb, "axe.min.js"))
	if err != nil {
		p.tb.Fatal(err)
	}
	if !Eval[bool](p, `typeof axe === "object"`) {
		var loaded bool
		p.Do(chromedp.Evaluate(string(rules)+"; typeof axe === 'object'", &loaded))
	}
	var found []string
	p.Do(chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) =>
		v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " (" + n.failureSummary.replace(/\s+/g, " ").slice(0, 200) + ")").join("; ")))`,
		&found, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
	return found
}

// Screenshot is the whole page as a PNG.
func (p *Page) Screenshot() (png []byte) {
	p.tb.Helper()
	p.Do(chromedp.FullScreenshot(&png, 100))
	return png
}
