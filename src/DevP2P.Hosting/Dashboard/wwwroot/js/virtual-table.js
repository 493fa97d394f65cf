// A table of any length of which only the rows in sight exist. Real table elements, with aria-rowcount and aria-rowindex for those who
// cannot see that. One row is in the tab order; arrow keys, Page Up, Page Down, Home and End move, Enter opens.

import { make, schedule, setAttribute, setClass, setText } from "./dom.js";

const rowHeight = 24;
const headHeight = 26;
const overscan = 6;

/**
 * Columns: { title, width, text(row), className?(row) | string, title?(row), compare?(a, b), buttons?: [{ text, label(row), act(row) }] }.
 */
export class VirtualTable {
  #scroller;
  #columns;
  #options;
  #body;
  #top = spacer();
  #bottom = spacer();
  #empty;
  #table;
  #heads = [];
  #shown = new Map();
  #spare = [];
  #rows = [];
  #order = null;
  #active = 0;
  #height = 400;
  #render = () => this.#draw();

  /** Options: label, columns, key(row), rowLabel(row), open?(row), empty, sort? {column, descending}, anchored (new rows come on top). */
  constructor(scroller, options) {
    this.#scroller = scroller;
    this.#options = options;
    this.#columns = options.columns;
    this.#order = options.sort ?? null;
    this.#body = make("tbody");
    this.#body.append(this.#top, this.#bottom);
    this.#empty = make("tr", {}, make("td", { className: "empty", colSpan: this.#columns.length, textContent: options.empty }));
    this.#table = make("table", { role: "grid", "aria-label": options.label }, this.#createHead(), this.#body);
    scroller.append(this.#table);
    scroller.tabIndex = -1;
    scroller.addEventListener("scroll", () => schedule(this.#render), { passive: true });
    scroller.addEventListener("keydown", (e) => this.#key(e));
    this.#body.addEventListener("click", (e) => this.#click(e));
    this.#body.addEventListener("focusin", (e) => {
      const tr = e.target.closest("tr");
      if (tr?.row !== undefined) this.#active = tr.index;
    });
    new ResizeObserver(([entry]) => {
      this.#height = entry.contentRect.height;
      schedule(this.#render);
    }).observe(scroller);
    this.#showOrder();
    schedule(this.#render);
  }

  /** The rows that there are now, in the order of the owner; the table's own order is applied on top. */
  setRows(rows) {
    const anchor = this.#options.anchored && this.#scroller.scrollTop > 0 ? this.#rows[Math.floor(this.#scroller.scrollTop / rowHeight)] : undefined;
    this.#rows = this.#sorted(rows);
    if (anchor !== undefined) {
      // Who reads further down is not moved.
      const index = this.#rows.indexOf(anchor);
      if (index >= 0) this.#scroller.scrollTop = index * rowHeight + (this.#scroller.scrollTop % rowHeight);
    }
    this.#active = Math.max(0, Math.min(this.#active, this.#rows.length - 1));
    schedule(this.#render);
  }

  /** Moves the focus to the row that is in the tab order, or to the list when it is empty. */
  focus() {
    this.#moveTo(this.#active);
  }

  #createHead() {
    const row = make("tr", { "aria-rowindex": 1 });
    for (const column of this.#columns) {
      const head = make("th", { scope: "col", className: typeof column.className === "string" ? column.className : "" });
      if (column.width) head.style.width = column.width;
      if (column.compare) {
        const button = make("button", { type: "button", textContent: column.title });
        button.addEventListener("click", () => this.#sortBy(column));
        head.append(button);
      } else {
        head.append(make("span", { textContent: column.title, className: column.hidden ? "visually-hidden" : "" }));
      }
      this.#heads.push(head);
      row.append(head);
    }
    return make("thead", {}, row);
  }

  #sortBy(column) {
    const descending = this.#order?.column === column.title ? !this.#order.descending : Boolean(column.descendingFirst);
    this.#order = { column: column.title, descending };
    this.#showOrder();
    this.#scroller.scrollTop = 0;
    this.#rows = this.#sorted(this.#rows, true);
    schedule(this.#render);
  }

  #showOrder() {
    this.#columns.forEach((column, i) => {
      if (!column.compare) return;
      const isKey = this.#order?.column === column.title;
      setAttribute(this.#heads[i], "aria-sort", !isKey ? "none" : this.#order.descending ? "descending" : "ascending");
    });
  }

  /** Sorted. While somebody points at a row or has the focus in one, rows keep their places: none slips away from under the pointer. */
  #sorted(rows, isAsked = false) {
    const column = this.#columns.find((c) => c.compare && c.title === this.#order?.column);
    if (!column) return rows;
    const key = this.#options.key;
    const sign = this.#order.descending ? -1 : 1;
    const places = !isAsked && this.#isInUse() ? new Map(this.#rows.map((row, i) => [key(row), i])) : null;
    return [...rows].sort((a, b) => {
      const x = places?.get(key(a));
      const y = places?.get(key(b));
      if (x !== undefined && y !== undefined) return x - y;
      if (x !== undefined || y !== undefined) return x !== undefined ? -1 : 1;
      // Equal ones have a place, too, or they would change it with every update.
      return sign * column.compare(a, b) || (key(a) < key(b) ? -1 : 1);
    });
  }

  #isInUse() {
    return this.#body.matches(":hover") || this.#body.contains(document.activeElement);
  }

  #draw() {
    const count = this.#rows.length;
    setAttribute(this.#table, "aria-rowcount", count + 1);
    const first = Math.max(0, Math.min(count, Math.floor(this.#scroller.scrollTop / rowHeight)) - overscan);
    const last = Math.min(count, first + Math.ceil(Math.max(0, this.#height - headHeight) / rowHeight) + 2 * overscan);
    if (count === 0 && !this.#empty.isConnected) this.#body.append(this.#empty);
    else if (count > 0 && this.#empty.isConnected) this.#empty.remove();

    for (const [index, tr] of this.#shown) {
      if (index < first || index >= last) {
        // The focus stays in the list; keys go on from the row that had it.
        if (tr.contains(document.activeElement)) this.#scroller.focus({ preventScroll: true });
        this.#shown.delete(index);
        this.#spare.push(tr);
      }
    }
    let next = this.#bottom;
    for (let index = last - 1; index >= first; index--) {
      let tr = this.#shown.get(index);
      if (!tr) {
        tr = this.#spare.pop() ?? this.#createRow();
        this.#shown.set(index, tr);
        this.#body.insertBefore(tr, next);
      }
      this.#fill(tr, index);
      next = tr;
    }
    for (const tr of this.#spare) tr.remove();
    this.#spare.length = 0;
    setHeight(this.#top, first * rowHeight);
    setHeight(this.#bottom, (count - last) * rowHeight);
  }

  #createRow() {
    const tr = make("tr");
    if (this.#options.open) tr.dataset.openable = "";
    tr.append(...this.#columns.map((column) => {
      const cell = make("td", { role: "gridcell" });
      if (column.buttons) {
        cell.className = "actions";
        // Not in the tab order: Enter on the row offers the same.
        cell.append(...column.buttons.map((b) => make("button", { type: "button", tabIndex: -1 })));
      }
      return cell;
    }));
    return tr;
  }

  #fill(tr, index) {
    const row = this.#rows[index];
    tr.index = index;
    tr.row = row;
    setAttribute(tr, "aria-rowindex", index + 2);
    const tabIndex = index === this.#active ? 0 : -1;
    if (tr.tabIndex !== tabIndex || !tr.hasAttribute("tabindex")) tr.tabIndex = tabIndex;
    this.#columns.forEach((column, i) => {
      const cell = tr.children[i];
      if (column.buttons) {
        column.buttons.forEach((button, j) => {
          setText(cell.children[j], typeof button.text === "function" ? button.text(row) : button.text);
          setAttribute(cell.children[j], "aria-label", button.label(row));
        });
        return;
      }
      setText(cell, column.text(row));
      const className = typeof column.className === "function" ? column.className(row) : column.className;
      if (className !== undefined) setClass(cell, className);
      if (column.hint) setAttribute(cell, "title", column.hint(row));
    });
  }

  #click(event) {
    const tr = event.target.closest("tr");
    if (!tr || tr.row === undefined) return;
    const button = event.target.closest("button");
    if (button) {
      const cell = button.parentElement;
      const column = this.#columns[[...tr.children].indexOf(cell)];
      column.buttons[[...cell.children].indexOf(button)].act(tr.row);
    } else if (!getSelection().toString()) {
      this.#options.open?.(tr.row);
    }
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("thead, button")) return;
    const page = Math.max(1, Math.floor((this.#height - headHeight) / rowHeight) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves && this.#rows.length > 0) {
      event.preventDefault();
      this.#moveTo(Math.max(0, Math.min(this.#rows.length - 1, this.#active + moves[event.key])));
    } else if (event.key === "Enter" && this.#rows[this.#active] !== undefined && this.#options.open) {
      event.preventDefault();
      this.#options.open(this.#rows[this.#active]);
    }
  }

  #moveTo(index) {
    this.#active = index;
    const top = index * rowHeight;
    const room = this.#height - headHeight - rowHeight;
    if (top < this.#scroller.scrollTop) this.#scroller.scrollTop = top;
    else if (top > this.#scroller.scrollTop + room) this.#scroller.scrollTop = top - room;
    this.#draw();
    (this.#shown.get(index) ?? this.#scroller).focus({ preventScroll: true });
  }
}

function spacer() {
  const tr = make("tr", { className: "spacer", "aria-hidden": "true" }, make("td"));
  setHeight(tr, 0);
  return tr;
}

function setHeight(tr, height) {
  const value = `${height}px`;
  if (tr.style.height !== value) {
    tr.style.height = value;
    tr.hidden = height === 0;
  }
}
