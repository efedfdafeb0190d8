package main

import "testing"

// recordedStore has most of what there can be: images of one and of many
// platforms, a referrer, a long name, an untagged image, garbage.
const recordedStore = `
	age 20d
	image team/app layers=base:3m,l1:1m as=x platform=linux/amd64 created=2024-05-01
	image team/app layers=base,l2:2m as=y platform=linux/arm64/v8 created=2024-06-01
	index team/app:v1.2,latest of=x,y as=i
	referrer team/app of=i as=r size=77
	age 10d
	image team/app:v1.1 layers=base,l3:500k as=z platform=linux/amd64 created=2024-04-01
	image team/web:main layers=base,l4 as=w type=docker created=2024-04-02
	image team/web:main layers=base,l5 as=v type=docker created=2024-04-03
	image a/repository/with/quite/a/long/name/of/many/parts:a-tag-with-a-long-name layers=l9:10k as=q
	orphan as=o size=5m
	age 5h
	image team/web layers=l6:700k as=u
`

// recordedLosses is a store from which images were deleted, and with damage.
const recordedLosses = recordedStore + `
	age 9d
	image team/old:v1 layers=base,l7:100k as=old
	image team/old:v2 layers=l8:200k as=kept
	delete-manifest team/old old
	image ci/build/of/a/branch:pr-17 layers=l10:300k as=pr
	delete-blob ci/build/of/a/branch l10
	upload ci/build/of/a/branch kind=patched size=3m age=20d
	raw repositories/README x
`

func TestRecordingOfLs(t *testing.T) {
	t.Parallel()
	record(t, "ls", recordedStore, "ls", "ls team/app", "ls team/*", "ls team/app --tags", "ls team/app:latest", "ls team/web --history", "ls --untagged --sort size -q")
}

func TestRecordingOfWhy(t *testing.T) {
	t.Parallel()
	record(t, "why", recordedStore, "why {l1}", "why {base} --all", "why team/app:v1.1", "why team/web@{u}", "why team/web@{w}", "why {o}", "why team/app:*")
}

func TestRecordingOfGc(t *testing.T) {
	t.Parallel()
	record(t, "gc", recordedLosses, "gc --dry-run", "gc -dmv --grace 0 --older-than 0", "gc < no", "gc < y", "gc", "gc --dry-run --max-remove 0 --grace 0 -m --older-than 0 = 1")
}

func TestRecordingOfPrune(t *testing.T) {
	t.Parallel()
	record(t, "prune", recordedStore, "prune --filter 'team/.*:v.*' --ago 5d --keep 1 --dry-run", "prune --filter 'team/app:v.*' --ago 5d -v --dry-run",
		"prune --filter 'team/app:pr-*' --ago 5d", "prune --filter '.*:.*' --ago 5d -d = 1", "prune --filter 'team/app:v1.1' --ago 5d < n", "prune --filter 'team/app:v1.1' --ago 5d < y", "prune --filter 'team/app:v1.1' --ago 5d")
}

func TestRecordingOfRm(t *testing.T) {
	t.Parallel()
	record(t, "rm", recordedStore, "rm team/app:latest --dry-run", "rm team/app:v1.1 team/web@{u} < n", "rm team/app:v1.1 team/web@{u} < y",
		"rm team/app@{x} -d = 1", "rm team/app:v9 = 1", "rm --repository a/repository/with/quite/a/long/name/of/many/parts -d", "rm a/repository/with/quite/a/long/name/of/many/parts:* -d")
}

func TestRecordingOfUntag(t *testing.T) {
	t.Parallel()
	record(t, "untag", recordedStore, "untag team/app:v1.2 --dry-run", "untag team/app:v1.1 < n", "untag team/app:v1.1 < y", "untag team/app:v1.1 = 1", "untag a/repository/with/quite/a/long/name/of/many/parts:* -d")
}

func TestRecordingOfCheck(t *testing.T) {
	t.Parallel()
	record(t, "check", recordedStore, "check", "check --read-data")
	record(t, "check-problems", recordedLosses, "check = 3")
}

func TestRecordingOfApply(t *testing.T) {
	t.Parallel()
	record(t, "apply", recordedStore, "rm team/app:v1.1 -d --plan {DIR}/plan.txt", "apply {DIR}/plan.txt -d", "apply {DIR}/plan.txt < n", "apply {DIR}/plan.txt < y", "apply {DIR}/plan.txt", "apply {DIR}/other.txt = 1")
}

func TestRecordingOfTrash(t *testing.T) {
	t.Parallel()
	record(t, "trash", recordedStore, "trash ls", "rm team/app:v1.1 --trash < y", "trash ls", "trash restore {RUN} -d", "trash restore {RUN} < n", "trash restore {RUN} < y",
		"trash ls", "gc --trash -y", "trash empty -d", "trash empty < n", "trash empty < y", "trash empty", "trash restore = 2")
}

func TestRecordingOfProtect(t *testing.T) {
	t.Parallel()
	record(t, "protect", recordedStore, "protect ls", "protect add 'team/**' until=2099-06-30 '# audit of the year, which takes some time and has a note that is long'",
		"protect add a/repository/with/quite/a/long/name/of/many/parts:a-tag-with-a-long-name nothing/here", "protect ls", "rm team/app:v1.1 = 1", "ls", "why team/app:v1.1", "protect rm nowhere = 1", "protect rm 'team/**'", "protect ls -q", "gc -d")
}

func TestRecordingOfUndelete(t *testing.T) {
	t.Parallel()
	record(t, "undelete", recordedLosses, "undelete", "ls --deleted", "undelete team/old@{old} --tag v1 -d", "undelete team/old@{old} --tag v1 < n", "undelete team/old@{old} --tag v1 < y", "undelete team/old@{kept}", "undelete team/old@{o} = 1")
}

func TestRecordingOfTag(t *testing.T) {
	t.Parallel()
	record(t, "tag", recordedStore, "tag team/app:v1.2 stable", "tag team/app:v1.2 stable", "tag team/app:v1.1 stable = 1", "tag team/app:v1.1 stable --force < n", "tag team/app:v1.1 stable --force < y", "tag team/app:v9 stable = 1")
}

func TestRecordingOfExport(t *testing.T) {
	t.Parallel()
	record(t, "export", recordedStore, "export team/app:latest {DIR}/app -d", "export team/app:latest a/repository/with/quite/a/long/name/of/many/parts@{q} {DIR}/app", "export team/none {DIR}/none = 1")
}

// Most of what doctor finds is about the machine: here it is held to the rules for
// all commands, and what it says of the store itself is compared.
func TestRecordingOfDoctor(t *testing.T) {
	t.Parallel()
	record(t, "doctor", recordedStore, "rm team/app:v1.1 --trash --yes -q", "protect add 'team/**' -q", "doctor = any")
}

func TestRecordingOfRepair(t *testing.T) {
	t.Parallel()
	record(t, "repair", recordedStore+"raw repositories/team/app/_manifests/tags/v1.1/current/link nothing", "repair --quick -d", "repair --quick < n", "repair --quick < y", "repair --quick")
}

func TestRecordingOfPulls(t *testing.T) {
	t.Parallel()
	record(t, "pulls", recordedStore, "pulls ls", "pulls read {DIR}/none.log = 1")
}
