// Package browser opens pages in headless Chromium and tells of all that they
// do that a report must not do.
package browser

import (
	"context"
	"fmt"
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
		chromedp.WindowSize(1280, 1700))
	allocator, closeAll := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closePage := chromedp.NewContext(allocator)
	p := &Page{tb: tb, ctx: ctx}
	tb.Cleanup(func() {
		closePage()
		closeAll()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, s := range p.strange {
			tb.Error(s)
		}
	})
	url := "file://" + file
	chromedp.ListenTarget(ctx, func(event any) { p.watch(url, event) })
	p.Do(network.Enable(), log.Enable(), page.Enable(), chromedp.Navigate(url))
	return p
}

// watch is called for everything that the page does.
func (p *Page) watch(url string, event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
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

// Scheme makes the page light or dark.
func (p *Page) Scheme(scheme string) {
	p.tb.Helper()
	p.Do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// Screenshot is the whole page as a PNG.
func (p *Page) Screenshot() (png []byte) {
	p.tb.Helper()
	p.Do(chromedp.FullScreenshot(&png, 100))
	return png
}
