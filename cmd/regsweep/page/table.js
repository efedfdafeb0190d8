const pageOfRows = 100;

// Table is rows that can be searched and sorted. A column has title, value (of
// a row, for sorting), and text (for people) unless that is the value; number
// columns begin with the largest, and click makes the cell a button.
class Table {
  constructor(title, id, columns, rows, note) {
    Object.assign(this, { columns, rows, shown: pageOfRows, order: null, descending: false });
    this.texts = null; // of all rows, for the search
    this.section = element("section", "list");
    this.section.id = id;
    const tools = element("div", "tools"), heading = element("h2", "", title + " (" + number(rows.length) + ")");
    heading.id = id + "-title";
    this.section.setAttribute("aria-labelledby", heading.id);
    this.search = element("input");
    this.search.type = "search";
    this.search.placeholder = "search";
    this.search.setAttribute("aria-label", "search in " + title.toLowerCase());
    this.search.addEventListener("input", () => { this.shown = pageOfRows; this.fill(); });
    tools.append(heading, this.search);
    const scroll = element("div", "scroll"), table = element("table", "data");
    table.setAttribute("aria-labelledby", heading.id);
    this.body = element("tbody");
    table.append(this.head(), this.body);
    scroll.append(table);
    this.count = element("p", "note");
    this.count.setAttribute("aria-live", "polite");
    this.more = element("button", "more", "show more");
    this.more.addEventListener("click", () => { this.shown += 5 * pageOfRows; this.fill(); });
    this.section.append(tools, scroll, this.count, this.more);
    if (note) this.section.append(element("p", "note", note));
    byId("tables").append(this.section);
    const first = columns.find((c) => c.first);
    if (first) this.sort(first); else this.fill();
  }

  head() {
    const head = element("thead"), row = element("tr");
    for (const c of this.columns) {
      c.th = element("th", c.number ? "number" : "");
      c.th.scope = "col";
      const button = element("button", "", c.title);
      button.addEventListener("click", () => this.sort(c));
      c.th.append(button);
      row.append(c.th);
    }
    head.append(row);
    return head;
  }

  sort(column) {
    this.descending = this.order === column ? !this.descending : !!column.number;
    this.order = column;
    for (const c of this.columns) c.th.removeAttribute("aria-sort");
    column.th.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
    const sign = this.descending ? -1 : 1;
    this.rows.sort((a, b) => {
      const x = column.value(a), y = column.value(b);
      return sign * (column.number ? x - y : x < y ? -1 : x > y ? 1 : 0);
    });
    this.texts = null;
    this.fill();
  }

  text(column, row) { return column.text ? column.text(row) : String(column.value(row)); }

  found() {
    const wanted = this.search.value.toLowerCase().split(/\s+/).filter((w) => w !== "");
    if (wanted.length === 0) return this.rows;
    this.texts ||= this.rows.map((r) => this.columns.map((c) => this.text(c, r)).join("\n").toLowerCase());
    return this.rows.filter((_, i) => wanted.every((w) => this.texts[i].includes(w)));
  }

  fill() {
    const found = this.found(), list = found.slice(0, this.shown);
    this.body.replaceChildren(...list.map((r) => this.row(r)));
    this.more.hidden = list.length === found.length;
    this.count.textContent = found.length === this.rows.length && this.more.hidden ? "" : number(list.length) + " of " + number(found.length) + (found.length < this.rows.length ? " that match" : "");
  }

  row(row) {
    const tr = element("tr");
    for (const c of this.columns) {
      const text = this.text(c, row);
      const td = element("td", c.number ? "number" + (c.value(row) === 0 ? " zero" : "") : c.className || "");
      if (c.click) {
        const button = element("button", "name", text);
        button.addEventListener("click", () => c.click(row));
        td.append(button);
      } else {
        td.append(element("span", c.number ? "" : "name", text));
      }
      tr.append(td);
    }
    return tr;
  }
}
