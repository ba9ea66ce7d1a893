// Tables that sort. What moves is a body with all its rows where a table has several, else a row. Heads and feet stay.
(() => {
  "use strict";
  const announce = document.getElementById("announced");

  // A cell's number, or null where it shows none: marks behind a number and spreads do not count.
  function number(text) {
    const plain = text.trim().replace(/[\u2212\u2013]/, "-").replace(/(\d)[\u2009\u202f,\u00a0 ](?=\d{3})/g, "$1");
    const found = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?/i.exec(plain);
    return found ? Number(found[0]) : null;
  }

  function unitsOf(table) {
    return table.tBodies.length === 1 ? [...table.tBodies[0].rows] : [...table.tBodies];
  }

  function key(unit, column) {
    const row = unit.rows ? unit.rows[0] : unit;
    return row.cells[column].textContent.trim();
  }

  function sort(table, head, descending) {
    const column = head.cellIndex;
    const units = unitsOf(table).map((unit) => {
      const text = key(unit, column);
      return { unit, text, value: number(text) };
    });
    const isNumeric = units.every(({ text, value }) => value !== null || text === "" || text === "–");
    const sign = descending ? -1 : 1;
    units.sort((a, b) => {
      if (isNumeric) {
        // What is missing stands last, whatever the direction.
        if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
        return sign * (a.value - b.value);
      }
      return sign * (a.text < b.text ? -1 : a.text > b.text ? 1 : 0);
    });
    const parent = units[0].unit.parentNode;
    const after = table.tBodies.length === 1 ? null : table.tFoot;
    for (const { unit } of units) parent.insertBefore(unit, after);
  }

  for (const table of document.querySelectorAll("table.sorts")) {
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
        sort(table, head, direction === "descending");
        announce.textContent = `Sorted by ${button.textContent.trim()}, ${direction}.`;
      });
    }
  }
})();
