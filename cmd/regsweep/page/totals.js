// parts divides the store's blobs: they add up to rep.store.
function parts(rep) {
  const live = { blobs: rep.live.blobs, bytes: rep.live.bytes };
  const kept = [
    ["fresh", "kept only for their age", rep.kept.fresh],
    ["protected", "kept only for --protect", rep.kept.protected],
    ["broken", "kept only since their repository is broken", rep.kept.brokenRepository],
  ];
  for (const [, , k] of kept) { live.blobs -= k.blobs; live.bytes -= k.bytes; }
  return [
    ["stays", data.byName ? "stays" : "live", live],
    ...kept,
    ["removed", rep.dryRun ? "would be removed" : "removed", rep.removed],
    ["failed", "was to go, and is still there", rep.failed],
  ].filter(([kind, , a]) => a.blobs > 0 || kind === "stays" || kind === "removed");
}

function drawTotals(rep) {
  const card = (label, value) => {
    const c = element("div", "card");
    c.append(element("div", "value", value), element("div", "label", label));
    byId("cards").append(c);
  };
  card("in the store", size(rep.store.bytes));
  card(rep.dryRun ? "would be removed" : "removed", size(rep.removed.bytes));
  if (rep.failed.items > 0) card("not removed: " + plural(rep.failed.items, "item"), size(rep.failed.bytes));
  card(rep.dryRun ? "free space after it" : "free space now", size(rep.filesystem.freeAfter));
  card("free space before", size(rep.filesystem.freeBefore));

  const list = parts(rep);
  const bar = byId("bar"), legend = byId("legend");
  const head = element("thead"), titles = element("tr");
  titles.append(element("td"));
  for (const t of ["blobs", "size", "share"]) {
    const th = element("th", "", t);
    th.scope = "col";
    titles.append(th);
  }
  head.append(titles);
  const body = element("tbody");
  for (const [kind, label, a] of list) {
    if (a.bytes > 0) {
      const piece = element("span", kind);
      piece.style.flexGrow = a.bytes;
      piece.style.flexBasis = "0";
      piece.title = label + ": " + size(a.bytes);
      piece.dataset.bytes = a.bytes;
      bar.append(piece);
    }
    body.append(legendRow(kind, label, a, rep.store.bytes));
  }
  const sum = legendRow("", "in the store", rep.store, rep.store.bytes);
  sum.className = "sum";
  body.append(sum);
  legend.append(head, body);
  bar.setAttribute("aria-label", list.map(([, label, a]) => label + " " + size(a.bytes)).join(", "));
  const gone = things(rep.removed);
  byId("counts").textContent = "In the store: " + (things(rep.store) || "nothing") + "." +
    (gone ? (rep.dryRun ? " Would be removed besides: " : " Removed besides: ") + gone + "." : "");
}

// things are what there is besides blobs.
function things(c) {
  const named = [["repositories", "repository"], ["tags", "tag"], ["manifests", "manifest"], ["layerLinks", "layer link"], ["uploads", "upload"], ["tagHistory", "entry"]];
  return named.filter(([key]) => c[key] > 0).map(([key, word]) =>
    plural(c[key], word) + (key === "uploads" ? " (" + size(c.uploadBytes) + ")" : key === "tagHistory" ? " of tags' histories" : "")).join(", ");
}

function legendRow(kind, label, a, all) {
  const row = element("tr"), th = element("th");
  th.scope = "row";
  if (kind) th.append(element("span", "swatch " + kind));
  th.append(label);
  row.append(th);
  for (const text of [number(a.blobs), size(a.bytes), percent(a.bytes, all)]) row.append(element("td", "", text));
  return row;
}
