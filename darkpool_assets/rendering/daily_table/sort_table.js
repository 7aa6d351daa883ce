
// Sorts the rows of each table by the header that was pressed: best first, then the other way, then as it was.
// Cells without a value stay last in either direction.
"use strict";
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const headers = [...table.querySelectorAll("thead th[data-kind]")];

  const compare = (column, kind, sign) => (one, other) => {
    const [a, b] = [one.cells[column].dataset.sort, other.cells[column].dataset.sort];
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return sign * (kind === "number" ? a - b : a < b ? -1 : Number(a > b));
  };

  for (const header of headers) {
    if (header.dataset.kind === "graphic") continue;
    header.querySelector("button").addEventListener("click", () => {
      const kind = header.dataset.kind;
      const turns = kind === "number" ? ["none", "descending", "ascending"] : ["none", "ascending", "descending"];
      const next = turns[(turns.indexOf(header.getAttribute("aria-sort")) + 1) % turns.length];
      for (const each of headers) if (each.hasAttribute("aria-sort")) each.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", next);
      const column = headers.indexOf(header);
      const order = compare(column, kind, next === "descending" ? -1 : 1);
      body.append(...(next === "none" ? original : [...original].sort(order)));
    });
  }
}
