package sweep_test

// sample is a store with something of all that gc -m meets: for every kind of
// item one that goes, and of most one that stays. It is small, since thousands
// of copies are made. What is fresh is from the future, so that it is still
// fresh for a later run.
const sample = `
age 30d
image a:v1 layers=base as=app1
image a:v1 layers=base as=app2
copy b:keep app1
image a layers=base as=child1
index a:multi of=child1 as=multi1
image a layers=base as=child2
index a:multi of=child2 as=multi2
referrer a of=app1 as=ref1 fallback
cosign a of=child1 as=sig1
cosign a of=app2 as=sig2
image c/gone layers=base alias=1 as=gone
image h:v1 layers=1 as=h1 type=schema1 signatures=1
image h:v1 layers=base as=h2
delete-manifest h h1
image h:x layers=base as=h3
remove repositories/h/_manifests/revisions/sha256/{h3}/link
layer h stray
orphan as=orphan
upload h kind=patched size=100
upload a kind=started age=-10h
tmp repositories/h/_manifests/revisions/sha256/{h1}/link
orphan as=fresh age=-10h
`
