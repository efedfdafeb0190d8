// Package inspect asks a look at a store what gc need not know: which names there
// are, what tags named before, and what images take. It sees a repository as a
// mark.View, which can only be read.
package inspect
