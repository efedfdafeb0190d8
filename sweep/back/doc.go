// Package back brings back what was deleted and is still stored: images whose
// links were removed, and tags. It only ever adds names. Nothing that is there is
// written over, except for the link of a tag that its owner moves by force. A
// Repair also replaces what is damaged, and moves that to the trash.
//
// What is to be written is a Plan, a value. Execute needs the lock, looks again
// before it writes, and compares the data of what it links with the digests.
package back
