package sweep

import "time"

// Retention counts what a policy has decided.
type Retention struct {
	Kept      DecisionCount `json:"kept"`
	Removed   DecisionCount `json:"removed"`
	Protected GuardedCount  `json:"protected"` // of Kept
	// Timeless stay since their time is missing or absurd, Held since they cannot be judged.
	Timeless int `json:"timeless"`
	Held     int `json:"held"`
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
	Time       *time.Time `json:"time"`   // by which it was judged, or null
	Action     string     `json:"action"` // keep or remove
	Rule       string     `json:"rule"`   // "" if none matches
	Reasons    []string   `json:"reasons"`
}
