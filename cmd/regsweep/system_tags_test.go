//go:build linux && !portable

package main

// systemTags are the build tags of the program that the system tests run: those of the tests.
const systemTags = ""
