// A table that stays quick at 100,000 rows: sorted and filtered in slices, one page of it in the document.
// Whatever hosts say goes into the page as text, never as markup.
(() => {
  "use strict";
  const one = (what, within = document) => within.querySelector(what);
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const make = (tag, properties = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...inside);
    return made;
  };
  const icons = document.querySelector("script[data-icons]").dataset.icons;
  const say = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };
  const number = (value) => value.toLocaleString("en");
  const many = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

  const PAGE = 200, KEPT = 500_000, PART = 30, LOOKED_AT = 50, SLICE_MS = 8, CHUNK = 1000;

  // The next turn of the loop, without the pause that timers have.
  const turns = [];
  const channel = new MessageChannel();
  channel.port1.onmessage = () => turns.shift()();
  const soon = (step) => {
    turns.push(step);
    channel.port2.postMessage(null);
  };

  // Long work is a generator that yields often; it is run in slices, so that no task is long.
  function inSlices(work, done) {
    const job = { cancelled: false };
    const step = () => {
      if (job.cancelled) return;
      const until = performance.now() + SLICE_MS;
      do {
        const { done: ended, value } = work.next();
        if (ended) return done(value);
      } while (performance.now() < until);
      soon(step);
    };
    queueMicrotask(step); // not before the caller knows the job
    return job;
  }

  const NUMERIC = /^-?\d+(\.\d+)?$/;
  const sortKey = (text) => (NUMERIC.test(text) ? Number(text) : text.toLowerCase());
  const compare = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  };

  function* merged(left, right, order) {
    const out = [];
    let i = 0, j = 0;
    while (i < left.length && j < right.length) {
      out.push(order(left[i], right[j]) <= 0 ? left[i++] : right[j++]);
      if (out.length % CHUNK === 0) yield;
    }
    for (; i < left.length; out.length % CHUNK || (yield)) out.push(left[i++]);
    for (; j < right.length; out.length % CHUNK || (yield)) out.push(right[j++]);
    return out;
  }

  function* sorted(rows, order) {
    let parts = [];
    for (let at = 0; at < rows.length; at += CHUNK) {
      parts.push(rows.slice(at, at + CHUNK).sort(order));
      yield;
    }
    while (parts.length > 1) {
      const next = [];
      for (let at = 0; at < parts.length; at += 2) next.push(at + 1 < parts.length ? yield* merged(parts[at], parts[at + 1], order) : parts[at]);
      parts = next;
    }
    return parts[0] ?? [];
  }

  // A table over rows {host, cells, late}. Only one page of it is in the document.
  class Grid {
    constructor(panel, { empty, paint, showCell, name }) {
      this.panel = panel;
      this.paint = paint;
      this.showCell = showCell;
      this.name = name;
      this.rows = [];
      this.view = [];
      this.fresh = []; // in the view as soon as it is merged
      this.columns = [];
      this.hidden = new Set();
      this.filters = new Map();
      this.sort = { column: null, down: false };
      this.page = 0;
      this.dropped = 0;
      this.job = null;
      this.drawn = [];
      this.empty = empty;
      this.body = one("tbody", panel);
      this.addColumn("Host");
      for (const name of panel.dataset.grid.split(",").filter(Boolean)) this.addColumn(name);
      one("[data-export]", panel).addEventListener("click", () => this.save());
      for (const button of all("[data-page]", panel)) button.addEventListener("click", () => this.turn(button.dataset.page));
      this.body.addEventListener("click", ({ target }) => target.closest("td") && this.showCell(target.closest("td")));
      this.body.addEventListener("mouseover", ({ target }) => target.matches("td") && (target.title = target.textContent));
      this.body.addEventListener("keydown", (event) => this.move(event));
    }

    addColumn(name) {
      const first = this.columns.length === 0;
      const button = make("button", { type: "button", textContent: name });
      const head = make("th", { scope: "col", className: first ? "key" : "" }, button);
      const input = make("input", { type: "search", className: "input small", ariaLabel: `Filter ${name}`, placeholder: "Filter", autocomplete: "off" });
      const column = { name, first, head, looked: 0, words: first, numeric: false, filter: make("th", { className: first ? "key" : "" }, input) };
      button.addEventListener("click", () => this.sortBy(column));
      let waiting = 0;
      input.addEventListener("input", () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => {
          if (input.value) this.filters.set(column, input.value.toLowerCase());
          else this.filters.delete(column);
          this.page = 0;
          this.rebuild();
        }, 150);
      });
      if (!first) {
        const box = make("input", { type: "checkbox", checked: true });
        box.addEventListener("change", () => {
          if (box.checked) this.hidden.delete(column);
          else this.hidden.add(column);
          column.head.hidden = column.filter.hidden = !box.checked;
          this.drawn = [];
          this.body.replaceChildren();
          this.paint();
        });
        one("[data-columns] .items", this.panel).append(make("label", { className: "item" }, box, ` ${name}`));
      }
      this.columns.push(column);
      one("thead tr", this.panel).append(head);
      one("thead .filters", this.panel).append(column.filter);
    }

    add(rows) {
      for (const row of rows) {
        if (this.rows.length >= KEPT) {
          this.dropped += 1;
          continue;
        }
        this.rows.push(row);
        if (this.rows.length <= 20 * LOOKED_AT) this.look(row);
        if (this.matches(row)) this.fresh.push(row);
      }
      if (!this.sort.column && !this.job) this.flush();
    }

    // A column is of numbers until one of its first values is none; then it is of text for good.
    look(row) {
      for (const column of this.columns) {
        const text = this.text(row, column);
        if (text === "" || column.looked >= LOOKED_AT) continue;
        column.looked += 1;
        column.words ||= !NUMERIC.test(text);
        if (column.numeric !== column.words) continue;
        column.numeric = !column.words;
        column.head.classList.toggle("num", column.numeric);
        this.drawn = [];
      }
    }

    flush() {
      for (const row of this.fresh) this.view.push(row);
      this.fresh = [];
    }

    text(row, column) {
      return column.first ? row.host : row.cells[column.name] ?? "";
    }

    matches(row) {
      for (const [column, wanted] of this.filters) if (!this.text(row, column).toLowerCase().includes(wanted)) return false;
      return true;
    }

    order() {
      const turn = this.sort.down ? -1 : 1;
      return (a, b) => turn * compare(a.key, b.key) || a.number - b.number;
    }

    *prepared(rows) {
      const found = [];
      const { column } = this.sort;
      for (let at = 0; at < rows.length; at += 1) {
        const row = rows[at];
        if (this.matches(row)) {
          found.push(row);
          if (column) row.key = sortKey(this.text(row, column));
        }
        if (at % CHUNK === 0) yield;
      }
      return column ? yield* sorted(found, this.order()) : found;
    }

    rebuild() {
      if (this.job) this.job.cancelled = true;
      this.panel.setAttribute("aria-busy", "true");
      this.fresh = [];
      const known = this.rows.length;
      this.job = inSlices(this.prepared(this.rows.slice(0, known)), (view) => {
        this.job = null;
        this.view = view;
        this.fresh = this.rows.slice(known).filter((row) => this.matches(row));
        if (!this.sort.column) this.flush();
        this.panel.removeAttribute("aria-busy");
        this.paint();
      });
    }

    // Sorted: what has come meanwhile is merged in every now and then.
    merge() {
      if (this.job || !this.sort.column || !this.fresh.length) return;
      const taken = this.fresh.splice(0);
      const order = this.order();
      for (const row of taken) row.key = sortKey(this.text(row, this.sort.column));
      const { view } = this;
      const work = function* () {
        return yield* merged(view, yield* sorted(taken, order), order);
      };
      this.job = inSlices(work(), (result) => {
        this.job = null;
        this.view = result;
        this.paint();
      });
    }

    sortBy(column) {
      const { sort } = this;
      if (sort.column !== column) this.sort = { column, down: false };
      else this.sort = sort.down ? { column: null, down: false } : { column, down: true };
      for (const each of this.columns) {
        const on = each === this.sort.column;
        each.head.ariaSort = on ? (this.sort.down ? "descending" : "ascending") : null;
        one(".icon", each.head)?.remove();
        if (on) one("button", each.head).append(drawing(this.sort.down ? "arrow-down" : "arrow-up"));
      }
      this.page = 0;
      this.rebuild();
    }

    turn(where) {
      const last = Math.max(0, Math.ceil(this.view.length / PAGE) - 1);
      this.page = { first: 0, previous: Math.max(0, this.page - 1), next: Math.min(last, this.page + 1), last }[where];
      one(".table-wrap", this.panel).scrollTop = 0;
      this.paint();
    }

    draw() {
      const last = Math.max(0, Math.ceil(this.view.length / PAGE) - 1);
      this.page = Math.min(this.page, last);
      const from = this.page * PAGE;
      const shown = this.view.slice(from, from + PAGE);
      const columns = this.columns.filter((column) => !this.hidden.has(column));
      while (this.body.rows.length > shown.length) this.body.lastElementChild.remove();
      // Laid out in parts: a whole new page at once would be a long task.
      let left = PART;
      for (let at = 0; at < shown.length && left; at += 1) {
        const row = shown[at];
        const line = this.body.rows[at] ?? this.body.appendChild(make("tr"));
        if (this.drawn[at] === row && line.cells.length === columns.length) continue;
        left -= 1;
        this.drawn[at] = row;
        line.className = row.late ? "late" : "";
        columns.forEach((column, place) => {
          const cell = line.cells[place] ?? line.appendChild(make("td", { tabIndex: at || place ? -1 : 0 }));
          cell.className = column.first ? "key" : column.numeric ? "num" : "";
          say(cell, this.text(row, column));
        });
      }
      if (!left) this.paint();
      this.drawn.length = Math.min(this.drawn.length, shown.length);
      one("table", this.panel).hidden = this.rows.length === 0;
      one("[data-empty]", this.panel).hidden = this.view.length > 0;
      say(one("[data-empty] p", this.panel), this.rows.length ? "No row matches these filters." : this.empty());
      const counted = this.view.length === this.rows.length ? many(this.rows.length, "row") : `${number(this.view.length)} of ${many(this.rows.length, "row")}`;
      const dropped = this.dropped ? `, ${number(this.dropped)} more were counted but not kept` : "";
      say(one("[data-count]", this.panel), counted + dropped);
      one(".pager", this.panel).hidden = last === 0;
      say(one(".range", this.panel), `${number(from + 1)}–${number(Math.min(from + PAGE, this.view.length))} of ${number(this.view.length)}`);
      for (const button of all("[data-page]", this.panel)) button.disabled = ["first", "previous"].includes(button.dataset.page) ? this.page === 0 : this.page === last;
    }

    move(event) {
      const cell = event.target.closest("td");
      if (!cell) return;
      if (event.key === "Enter") return this.showCell(cell);
      const line = cell.parentElement;
      const next = {
        ArrowRight: cell.nextElementSibling, ArrowLeft: cell.previousElementSibling,
        ArrowDown: line.nextElementSibling?.cells[cell.cellIndex], ArrowUp: line.previousElementSibling?.cells[cell.cellIndex],
      }[event.key];
      if (!next) return;
      event.preventDefault();
      next.focus();
    }

    // What is filtered and sorted, as CSV; a cell that a spreadsheet would run as a formula gets an apostrophe.
    save() {
      const columns = this.columns.filter((column) => !this.hidden.has(column));
      const quoted = (text) => {
        const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
        return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
      };
      const { view } = this;
      const line = (row) => columns.map((column) => quoted(this.text(row, column))).join(",") + "\r\n";
      const first = one("[data-export]", this.panel).dataset.export;
      const work = (function* () {
        const parts = [columns.map((column) => quoted(column.first ? first : column.name)).join(",") + "\r\n"];
        for (let at = 0; at < view.length; at += CHUNK) {
          parts.push(view.slice(at, at + CHUNK).map(line).join(""));
          yield;
        }
        return new Blob(parts, { type: "text/csv;charset=utf-8" });
      })();
      inSlices(work, (blob) => {
        const link = make("a", { href: URL.createObjectURL(blob), download: `${this.name}-${this.panel.id}.csv` });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      });
    }
  }

  function drawing(name) {
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    picture.setAttribute("class", "icon");
    picture.setAttribute("aria-hidden", "true");
    const use = picture.appendChild(document.createElementNS(space, "use"));
    use.setAttribute("href", `${icons}#${name}`);
    return picture;
  }

  window.fleetGrid = Object.freeze({ Grid, inSlices, one, all, say, number, many, CHUNK });
})();
