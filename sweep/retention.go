package sweep

import "time"

// Retention counts what a policy has decided.
type Retention struct {
	Kept      DecisionCount `json:"kept"`
	Removed   DecisionCount `json:"removed"`
	Protected GuardedCount  `json:"protected"` // of Kept
	// Timeless are kept since their time is missing or absurd, Undecidable since the
	// policy cannot decide about them.
	Timeless    int `json:"timeless"`
	Undecidable int `json:"held"`
	// Unmatched are the parts of the policy that select nothing, Warnings what its
	// author may not have meant, Refused why nothing is removed, if that is so.
	Unmatched []UnmatchedLine `json:"unmatched"`
	Warnings  []string        `json:"warnings"`
	Refused   []string        `json:"refused,omitempty"`
	// Uncovered says of which rules about pulls the logs cover too little: they keep everything.
	Uncovered []string `json:"uncovered,omitempty"`
}

// UnmatchedLine is a part of a policy, or a flag, that selects nothing.
type UnmatchedLine struct {
	Kind     string   `json:"kind"` // rule, entry, protect, filter or exclude
	Rule     string   `json:"rule,omitempty"`
	Entry    int      `json:"entry,omitempty"` // from 1, of the rule's tags
	Patterns []string `json:"patterns"`
	Reason   string   `json:"reason"`
}

// DecisionCount counts decisions.
type DecisionCount struct {
	Tags     int `json:"tags"`
	Untagged int `json:"untagged"` // manifests
}

// GuardedCount counts what is protected, and what that reaches.
type GuardedCount struct {
	DecisionCount
	KeptAmount
}

// DecisionLine is what a policy has decided about a tag, or an untagged manifest.
type DecisionLine struct {
	Repository string     `json:"repository"`
	Tag        string     `json:"tag"` // "" of an untagged manifest
	Digest     string     `json:"digest"`
	Time       *time.Time `json:"time"`   // by which it was decided, or null
	Action     string     `json:"action"` // keep or remove
	Rule       string     `json:"rule"`   // "" if none matches
	Entry      int        `json:"entry"`  // of the rule's tags, from 1; 0 if none matches
	Reasons    []string   `json:"reasons"`
}
