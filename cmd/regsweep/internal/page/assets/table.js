const pageOfRows = 100;

// value is what a cell is sorted by.
function value(cell) {
  const v = cell?.dataset.v;
  return v === undefined ? null : Number(v);
}

// Rows makes the rows of a table sortable and searchable. All of them are in the
// page; of many, some are shown.
class Rows {
  constructor(section) {
    Object.assign(this, { section, shown: pageOfRows, texts: null });
    this.table = section.querySelector("table");
    this.body = this.table.tBodies[0];
    this.rows = [...this.body.rows];
    this.heads = [...this.table.tHead.rows[0].cells];
    this.heads.forEach((th, i) => this.makeSortable(th, i));
    const title = section.querySelector("h2"), tools = element("div", "tools");
    this.search = element("input");
    this.search.type = "search";
    this.search.placeholder = "search";
    this.search.setAttribute("aria-label", "search in " + title.textContent.replace(/ \(.*/, "").toLowerCase());
    this.search.addEventListener("input", () => { this.shown = pageOfRows; this.fill(); });
    title.replaceWith(tools);
    tools.append(title, this.search);
    this.count = element("p", "note");
    this.count.setAttribute("role", "status");
    this.more = element("button", "more", "show more");
    this.more.type = "button";
    this.more.addEventListener("click", () => { this.shown += 5 * pageOfRows; this.fill(); });
    this.table.after(this.count, this.more);
    addEventListener("beforeprint", () => this.fill());
    this.fill();
  }

  makeSortable(th, i) {
    const button = element("button", "", th.textContent);
    button.type = "button";
    button.addEventListener("click", () => this.sort(i));
    th.replaceChildren(button);
  }

  sort(at) {
    const th = this.heads[at], numeric = "number" in th.dataset;
    const was = th.getAttribute("aria-sort");
    const descending = was ? was === "ascending" : numeric;
    for (const other of this.heads) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const sign = descending ? -1 : 1;
    const keyed = this.rows.map((row) => ({ row, key: numeric ? value(row.cells[at]) : row.cells[at].textContent }));
    // What is not known comes last, however it is sorted.
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      return sign * (numeric ? a.key - b.key : a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
    });
    this.rows = keyed.map((k) => k.row);
    this.texts = null;
    this.fill();
  }

  found() {
    const wanted = this.search.value.toLowerCase().split(/\s+/).filter((w) => w !== "");
    if (wanted.length === 0) return this.rows;
    this.texts ||= this.rows.map((r) => [...r.cells].map((c) => c.textContent).join("\n").toLowerCase());
    return this.rows.filter((_, i) => wanted.every((w) => this.texts[i].includes(w)));
  }

  fill() {
    const found = this.found(), list = found.slice(0, this.shown);
    this.body.replaceChildren(...list);
    this.more.hidden = list.length === found.length;
    this.count.textContent = found.length === this.rows.length && this.more.hidden ? ""
      : number(list.length) + " of " + number(found.length) + " are shown" + (found.length < this.rows.length ? ", which match" : "");
  }
}
