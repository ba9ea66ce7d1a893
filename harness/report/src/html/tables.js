// Tables that sort. What moves is a body with all its rows where a table has several, else a row. Heads and feet stay.
(() => {
  "use strict";
  const announce = document.getElementById("announced");

  function text(unit, column) {
    const row = unit.rows ? unit.rows[0] : unit;
    return row.cells[column].textContent.trim();
  }

  // KEYS has a table's numbers, column by column in the order of its units; null for a column of texts.
  function unitsOf(table) {
    const keys = KEYS[table.getAttribute("aria-labelledby")];
    const units = table.tBodies.length === 1 ? [...table.tBodies[0].rows] : [...table.tBodies];
    return units.map((unit, place) => ({
      unit,
      value: (column) => (keys[column] === null ? text(unit, column) : keys[column][place]),
    }));
  }

  function sort(table, units, column, descending) {
    const sign = descending ? -1 : 1;
    units.sort((one, other) => {
      const [a, b] = [one.value(column), other.value(column)];
      // What is missing stands last, whatever the direction.
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (a < b ? -1 : a > b ? 1 : 0);
    });
    const parent = units[0].unit.parentNode;
    const after = table.tBodies.length === 1 ? null : table.tFoot;
    for (const { unit } of units) parent.insertBefore(unit, after);
  }

  for (const table of document.querySelectorAll("table.sorts")) {
    const units = unitsOf(table);
    for (const head of table.tHead.rows[0].cells) {
      const button = head.querySelector("button");
      if (!button) continue;
      button.addEventListener("click", () => {
        // Numbers are looked at from the largest on, names from A on.
        const first = head.classList.contains("n") ? "descending" : "ascending";
        const other = first === "descending" ? "ascending" : "descending";
        const direction = head.getAttribute("aria-sort") === first ? other : first;
        for (const other of table.tHead.rows[0].cells) {
          if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
        }
        head.setAttribute("aria-sort", direction);
        sort(table, units, head.cellIndex, direction === "descending");
        announce.textContent = `Sorted by ${button.textContent.trim()}, ${direction}.`;
      });
    }
  }

  // A table as CSV, at a click. What a spreadsheet would compute stands behind an apostrophe.
  function field(cell) {
    const text = cell.textContent.trim().replaceAll("−", "-");
    const isNumber = /^[+-]?[\d.,]+[*†°]*$/.test(text);
    const safe = !isNumber && /^[=+\-@\t]/.test(text) ? `'${text}` : text;
    return `"${safe.replaceAll('"', '""')}"`;
  }

  for (const frame of document.querySelectorAll(".table")) {
    const table = frame.querySelector("table");
    const caption = frame.querySelector(".caption");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "csv";
    button.textContent = "CSV";
    button.setAttribute("aria-label", `Download ${caption.querySelector("b").textContent.replace(".", "").toLowerCase()} as CSV`);
    button.addEventListener("click", () => {
      const lines = [...table.rows].map((row) => [...row.cells].map(field).join(","));
      const file = new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = `${caption.id.replace("table-", "")}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href));
    });
    caption.append(" ", button);
  }
})();
