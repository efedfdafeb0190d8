// A node of the map has name, bytes, shared, unique and reclaim, which add up
// to bytes, and children unless it is a leaf.
const mostTiles = 120, mostInner = 40;

function repositoryNode(r) {
  // The plan takes of what manifests name only what no tag keeps; the rest of
  // it is linked here and named by none.
  const going = (r.images ?? []).filter((i) => i.goes);
  const loose = r.untagged + going.reduce((sum, i) => sum + i.unique, 0) + (going.length > 0 ? r.shared : 0);
  const inside = Math.min(r.reclaim, r.images ? loose : r.bytes), outside = r.reclaim - inside;
  const unique = Math.min(Math.max(r.unique - inside, 0), r.bytes - inside);
  const node = { name: r.name, label: r.name, bytes: r.bytes + outside, reclaim: r.reclaim, unique, shared: r.bytes - inside - unique, repository: r };
  if (r.images) node.children = () => imageNodes(r, inside, outside);
  return node;
}

// imageNodes divides a repository: what one image alone needs is its tile, and
// what several need is a tile of its own.
function imageNodes(r, inside, outside) {
  const list = r.images.map((i) => ({
    name: i.tags, label: i.tags, bytes: i.unique, all: i.bytes,
    unique: i.goes ? 0 : i.unique, reclaim: i.goes ? i.unique : 0, shared: 0,
  }));
  let left = Math.max(inside - list.reduce((sum, n) => sum + n.reclaim, 0), 0);
  const add = (label, bytes, most, rest) => {
    const reclaim = Math.min(most, bytes);
    if (bytes > 0) list.push({ name: label, label, bytes, reclaim, shared: 0, unique: 0, [rest]: bytes - reclaim });
    return reclaim;
  };
  left -= add("reached by no tag", r.untagged, left, "unique");
  add("shared by several tags", r.shared, left, "shared");
  add("smaller images", r.rest, 0, "unique");
  add("linked, and named by no manifest", outside, outside, "unique");
  return list;
}

// tree groups the repositories by the parts of their names.
function tree(repositories) {
  const root = { name: "", label: "all repositories", inner: new Map() };
  for (const r of repositories) {
    const path = r.name.split("/");
    let at = root;
    for (const part of path.slice(0, -1)) {
      if (!at.inner.has(part)) at.inner.set(part, { name: (at.name ? at.name + "/" : "") + part, label: part + "/", inner: new Map() });
      at = at.inner.get(part);
    }
    // A repository may be a namespace as well: the two have keys of their own.
    at.inner.set("\0" + path[path.length - 1], { ...repositoryNode(r), label: path[path.length - 1] });
  }
  return sumUp(root);
}

function sumUp(node) {
  if (!node.inner) return node;
  let list = [...node.inner.values()].map(sumUp);
  // A namespace with one entry is no level of its own.
  if (list.length === 1 && node.name !== "") return { ...list[0], label: node.label + list[0].label };
  node.bytes = node.reclaim = node.unique = node.shared = 0;
  for (const c of list) for (const key of ["bytes", "reclaim", "unique", "shared"]) node[key] += c[key];
  node.children = () => list;
  return node;
}

// visible are the children with a size, the largest first; the smallest of many are one.
function visible(node, most = mostTiles) {
  const list = node.children().filter((c) => c.bytes > 0).sort((a, b) => b.bytes - a.bytes);
  if (list.length <= most) return list;
  const rest = { name: "", label: number(list.length - most + 1) + " smaller ones", bytes: 0, reclaim: 0, unique: 0, shared: 0 };
  for (const c of list.slice(most - 1)) for (const key of ["bytes", "reclaim", "unique", "shared"]) rest[key] += c[key];
  return [...list.slice(0, most - 1), rest];
}

// squarify lays tiles out in a rectangle, each near a square: rows along the
// shorter side take tiles as long as that makes the worst of them no worse.
function squarify(list, width, height) {
  const scale = width * height / list.reduce((sum, n) => sum + n.bytes, 0);
  const out = [];
  let x = 0, y = 0, w = width, h = height, at = 0;
  while (at < list.length) {
    const side = Math.min(w, h);
    let sum = 0, worst = Infinity, end = at;
    while (end < list.length) {
      const area = sum + list[end].bytes * scale, thick = area / side;
      const least = list[end].bytes * scale / thick, most = list[at].bytes * scale / thick;
      const now = Math.max(most / thick, thick / least, thick / most, least / thick);
      if (now > worst) break;
      worst = now;
      sum = area;
      end++;
    }
    const thick = sum / side;
    let along = 0;
    for (; at < end; at++) {
      const long = list[at].bytes * scale / thick;
      out.push(w >= h ? { node: list[at], x, y: y + along, w: thick, h: long } : { node: list[at], x: x + along, y, w: long, h: thick });
      along += long;
    }
    if (w >= h) { x += thick; w -= thick; } else { y += thick; h -= thick; }
  }
  return out;
}

class Treemap {
  constructor(root, goes) {
    this.path = [root];
    this.goes = goes;
    this.box = byId("treemap");
    byId("map").addEventListener("keydown", (e) => {
      if ((e.key === "Escape" || e.key === "Backspace") && this.path.length > 1) { this.up(this.path.length - 1); e.preventDefault(); }
    });
    addEventListener("resize", () => this.draw());
    addEventListener("beforeprint", () => this.draw());
  }

  enter(node) { this.path.push(node); this.draw(true); }

  up(length) { this.path.length = length; this.draw(true); }

  // show goes to a repository, from a table.
  show(name) {
    const way = (node) => {
      if (node.repository) return node.repository.name === name ? [node] : null;
      for (const c of node.children()) {
        if (!c.repository && !(name + "/").startsWith(c.name + "/")) continue;
        const found = way(c);
        if (found) return [node, ...found];
      }
      return null;
    };
    const found = way(this.path[0]);
    if (!found) return;
    this.path = found[found.length - 1].children ? found : found.slice(0, -1);
    this.draw(true);
    byId("map").scrollIntoView({ block: "start" });
  }

  draw(focus) {
    const buttons = () => [...byId("map").querySelectorAll("button")];
    const focused = buttons().indexOf(document.activeElement); // all of them are made anew
    this.drawCrumbs();
    const node = this.path[this.path.length - 1], list = visible(node), box = this.box;
    const tiles = list.length > 0 ? squarify(list, box.clientWidth, box.clientHeight) : [];
    box.replaceChildren(...tiles.map((t) => this.tile(t)));
    if (tiles.length === 0) box.append(element("p", "note", "nothing here takes space"));
    box.setAttribute("aria-label", "Sizes of what is in " + node.label);
    byId("map-hint").textContent = this.path.length > 1 ? "Escape goes up" : "choose a tile to look into it";
    if (!focus && focused >= 0) buttons()[focused]?.focus({ preventScroll: true });
    if (focus) (box.querySelector("button") || byId("crumbs").querySelector("button"))?.focus({ preventScroll: true });
  }

  drawCrumbs() {
    const crumbs = byId("crumbs");
    crumbs.replaceChildren();
    this.path.forEach((node, i) => {
      if (i > 0) crumbs.append(" › ");
      const last = i === this.path.length - 1;
      const step = element(last ? "span" : "button", "name", node.label);
      if (last) {
        step.setAttribute("aria-current", "location");
        crumbs.append(step, element("span", "hint", " " + size(node.bytes) + (i === 0 ? ", what several share counted in each" : "")));
        return;
      }
      step.addEventListener("click", () => this.up(i + 1));
      crumbs.append(step);
    });
  }

  tile({ node, x, y, w, h }) {
    const tile = element(node.children ? "button" : "div", "tile");
    const text = describe(node, this.goes);
    tile.title = text;
    if (node.children) {
      tile.addEventListener("click", () => this.enter(node));
    }
    fillTile(tile, node, { x, y, w, h }, 1, this.goes);
    if (node.children && tile.textContent === "") tile.setAttribute("aria-label", text); // there is no room for its name
    return tile;
  }
}

const labelHeight = 36, border = 4;

// fillTile draws what is in a tile: its own parts, or, if there is room, the
// tiles of the next level.
function fillTile(tile, node, { x, y, w, h }, deeper, goes) {
  Object.assign(tile.style, { left: x + "px", top: y + "px", width: w + "px", height: h + "px" });
  const inner = deeper > 0 && node.children && w > 130 && h > 110 ? visible(node, mostInner) : [];
  if (inner.length > 1) {
    tile.classList.add("outer");
    const room = { w: w - 2 * border - 2, h: h - labelHeight - border - 2 };
    for (const t of squarify(inner, room.w, room.h)) {
      const below = element("span", "tile");
      below.title = describe(t.node, goes);
      fillTile(below, t.node, { ...t, x: t.x + border, y: t.y + labelHeight }, deeper - 1, goes);
      tile.append(below);
    }
  } else {
    tile.append(colors(node));
  }
  if (w > (deeper > 0 ? 44 : 64) && h > 20) {
    const label = element("span", "label");
    label.append(element("b", "name", node.label));
    if (h > 38) label.append(size(node.bytes));
    tile.append(label);
  }
}

function colors(node) {
  const box = element("span", "parts");
  for (const key of ["shared", "unique", "reclaim"]) {
    if (node[key] <= 0) continue;
    const part = element("span", key);
    part.style.flexGrow = node[key] / node.bytes;
    part.style.flexBasis = "0";
    box.append(part);
  }
  return box;
}

function describe(node, goes) {
  const text = [(node.name || node.label) + ": " + size(node.bytes)];
  if (node.all !== undefined) text[0] = node.name + ": " + size(node.all) + ", of which only this image needs " + size(node.bytes);
  if (node.unique > 0 && node.all === undefined) text.push("unique " + size(node.unique));
  if (node.shared > 0) text.push("shared " + size(node.shared));
  if (node.reclaim > 0) text.push(goes + " " + size(node.reclaim));
  return text.join(", ");
}
