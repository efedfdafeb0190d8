// Package term is how the program talks with a person at a terminal: messages,
// progress, tables, colours, questions, sizes and numbers in words. It knows nothing
// of registries. Whatever comes from a disk has to pass Harmless or Valid first;
// Voice does that itself.
package term
