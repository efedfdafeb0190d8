const rowsOf = (id) => [...document.querySelectorAll("#" + id + " tbody tr")];

// repositories are read from the tables, which have all figures.
function repositories() {
  const byName = new Map(rowsOf("repositories").map((row) => {
    const [name, tags, manifests, bytes, unique, reclaim] = row.cells;
    const [shared, untagged] = (row.dataset.map || "").split(" ").map(Number);
    return [name.textContent, {
      name: name.textContent, tags: value(tags), manifests: value(manifests), bytes: value(bytes), unique: value(unique), reclaim: value(reclaim),
      shared, untagged: untagged || 0, images: row.dataset.map === undefined ? null : [],
    }];
  }));
  for (const row of rowsOf("images")) {
    const [name, tags, digest, bytes, only, goes] = row.cells;
    byName.get(name.textContent)?.images?.push({ tags: tags.textContent, digest: digest.textContent, bytes: value(bytes), unique: value(only), goes: goes.textContent === "all tags" });
  }
  const list = [...byName.values()];
  for (const r of list) {
    if (r.images) r.rest = Math.max(r.bytes - r.shared - r.untagged - r.images.reduce((sum, i) => sum + i.unique, 0), 0);
  }
  // What is in no repository, or in one that is not on the page.
  for (const row of document.querySelectorAll("#repositories tfoot tr[data-map]")) {
    const [name, , , bytes, , reclaim] = row.cells;
    list.push({ name: name.textContent, bytes: value(bytes), unique: value(bytes), reclaim: value(reclaim), untagged: 0, images: null });
  }
  return list;
}

// linkToMap makes the names of repositories buttons that go to the map.
function linkToMap(row, map) {
  const cell = row.cells[0], button = element("button", "", cell.textContent);
  button.type = "button";
  button.addEventListener("click", () => map.show(button.textContent));
  cell.replaceChildren(button);
}

const place = byId("map-place");
if (place) {
  const map = new Treemap(tree(repositories()), byId("key-reclaim").textContent);
  place.hidden = false;
  map.draw();
  for (const row of rowsOf("repositories")) linkToMap(row, map);
}
for (const table of document.querySelectorAll("table.data")) new Rows(table.closest("section"));
