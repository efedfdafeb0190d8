const data = JSON.parse(byId("data").textContent);

function repositories() {
  return data.repositories.map(([name, tags, manifests, bytes, unique, reclaim, images, sums]) => ({
    name, tags, manifests, bytes, unique, reclaim,
    images: images?.map(([names, digest, size, only, goes]) => ({ repository: name, tags: names, digest, bytes: size, unique: only, goes: !!goes })),
    shared: sums?.[0] ?? 0, untagged: sums?.[1] ?? 0, rest: sums?.[2] ?? 0, restBytes: sums?.[3] ?? 0,
  }));
}

function drawHead(rep) {
  const what = !data.planned && !rep.error ? "found " + plural(rep.problems.length + data.leftOut.problems, "problem") : rep.error ? "did not do all that it was to do" : rep.dryRun ? "would free " + size(rep.removed.bytes) : "freed " + size(rep.removed.bytes);
  byId("title").textContent = rep.command + (rep.dryRun ? " --dry-run " : " ") + what;
  document.title = "regsweep " + byId("title").textContent;
  const about = byId("about");
  about.append(element("code", "name", rep.root), " · " + rep.started.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC") + " · took " + rep.elapsedSeconds.toFixed(1) + " s");
  if (rep.error) {
    byId("error").textContent = rep.error;
    byId("error").hidden = false;
  }
  byId("key-reclaim").textContent = rep.dryRun ? "would be removed" : "removed";
  for (const text of data.next) byId("next-list").append(element("li", "name", text));
  byId("next").hidden = data.next.length === 0;
  byId("foot").textContent = "Written by regsweep " + data.version + ". Blobs that several repositories share count in each of them. This page is complete in itself and asks nothing of any network.";
}

const bytesColumn = (title, key, first) => ({ title, number: true, first, value: (r) => r[key], text: (r) => size(r[key]) });
const countColumn = (title, key) => ({ title, number: true, value: (r) => r[key], text: (r) => number(r[key]) });
const textColumn = (title, key, className) => ({ title, className, value: (r) => r[key] });

function leftOut(n) { return n > 0 ? number(n) + " more are not on this page; the report as JSON has all of them." : ""; }

function drawTables(rep, list, map) {
  const go = rep.dryRun ? "to remove" : "removed";
  const show = (r) => map.show(r.repository ?? r.name);
  if (rep.problems.length > 0) {
    new Table("Problems", "problems", [
      textColumn("kind", "kind", "fixed"), textColumn("path", "path", "mono"), textColumn("what is wrong", "detail"),
      { title: "breaks", value: (p) => (p.breaks ?? []).join(", ") }, { title: "cure", className: "mono", value: (p) => p.cure ?? "" },
    ], rep.problems, leftOut(data.leftOut.problems));
  }
  if (list.length > 0) {
    new Table("Repositories", "repositories", [
      { ...textColumn("repository", "name"), click: show }, countColumn("tags", "tags"), countColumn("manifests", "manifests"),
      bytesColumn("size", "bytes", true), bytesColumn("unique", "unique"), bytesColumn(go, "reclaim"),
    ], list.slice(), leftOut(data.leftOut.repositories));
  }
  const images = list.flatMap((r) => r.images ?? []);
  if (images.length > 0) {
    const columns = [
      { ...textColumn("repository", "repository"), click: show }, { title: "tags", value: (i) => i.tags.join(", ") }, textColumn("digest", "digest", "mono fixed"),
      bytesColumn("size", "bytes", true), bytesColumn("only this image", "unique"),
    ];
    if (images.some((i) => i.goes)) columns.push({ title: go, value: (i) => (i.goes ? "yes" : "") });
    new Table("Images", "images", columns, images, leftOut(data.leftOut.images));
  }
  if (data.decisions) {
    new Table("Decisions", "decisions", ["repository", "tag", "digest", "action", "rule", "reasons", "time"].map((title, at) =>
      ({ title, className: at === 2 ? "mono" : "", value: (d) => d[at] })), data.decisions, leftOut(data.leftOut.decisions));
  }
  if (data.items) {
    new Table(rep.dryRun ? "Items that would go" : "Items that went", "items", [
      ...["kind", "repository", "name", "digest"].map((title, at) => ({ title, className: ["fixed", "", "", "mono fixed"][at], value: (i) => i[at] })),
      { title: "size", number: true, value: (i) => i[4], text: (i) => size(i[4]) },
    ], data.items, leftOut(data.leftOut.items));
  }
}

const list = repositories();
drawHead(data.report);
byId("totals").hidden = byId("map").hidden = !data.planned;
if (data.planned) drawTotals(data.report);
drawTables(data.report, list, data.planned ? new Treemap(tree(list)) : null);
