// What stands behind a matrix's number: shown where the mouse or the keyboard's focus is. One cell of a matrix is in the
// order of tabs; arrows, Home and End go to the others, Escape takes the tip away.
(() => {
  "use strict";
  const tip = document.getElementById("tip");
  let shownFor = null;

  function hide() {
    tip.hidden = true;
    if (shownFor) shownFor.removeAttribute("aria-describedby");
    shownFor = null;
  }

  function show(cell) {
    if (shownFor !== cell) hide();
    shownFor = cell;
    tip.textContent = cell.dataset.tip;
    tip.hidden = false;
    cell.setAttribute("aria-describedby", "tip");
    const at = cell.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const left = Math.min(Math.max(at.left + at.width / 2 - size.width / 2, 8), innerWidth - size.width - 8);
    const isRoomBelow = at.bottom + size.height + 8 < innerHeight;
    tip.style.left = `${Math.max(left, 8)}px`;
    tip.style.top = `${isRoomBelow ? at.bottom + 6 : at.top - size.height - 6}px`;
  }

  // The mouse has gone: what has the focus shows its tip again.
  function showFocused() {
    const cell = document.activeElement;
    if (cell.dataset.tip) show(cell);
    else hide();
  }

  // The next cell with a tip in a direction, or null at the edge.
  function next(cell, rows, columns) {
    const all = cell.closest("table").rows;
    let row = cell.parentNode.rowIndex + rows;
    let column = cell.cellIndex + columns;
    for (; all[row] && all[row].cells[column]; row += rows, column += columns) {
      if (all[row].cells[column].dataset.tip) return all[row].cells[column];
    }
    return null;
  }

  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  function reached(cell, key) {
    if (ARROWS[key]) return next(cell, ...ARROWS[key]);
    const inRow = cell.parentNode.querySelectorAll("[data-tip]");
    return { Home: inRow[0], End: inRow[inRow.length - 1] }[key];
  }

  for (const matrix of document.querySelectorAll("table.matrix")) {
    for (const cell of matrix.querySelectorAll("[data-tip]")) {
      cell.addEventListener("focus", () => show(cell));
      cell.addEventListener("blur", hide);
      cell.addEventListener("mouseenter", () => show(cell));
      cell.addEventListener("mouseleave", showFocused);
    }
    matrix.addEventListener("keydown", (event) => {
      const cell = event.target.closest("[data-tip]");
      const to = cell && !event.ctrlKey && !event.altKey && !event.metaKey && reached(cell, event.key);
      if (!to) return;
      event.preventDefault();
      cell.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });

  // A cell that is clicked is in the address, and one that is in the address has the focus: a link to it can be sent.
  document.addEventListener("click", (event) => {
    const cell = event.target.closest("td[data-tip]");
    if (cell) history.replaceState(null, "", `#${cell.id}`);
  });
  function follow() {
    const cell = document.getElementById(location.hash.slice(1));
    if (cell && cell.dataset.tip) cell.focus();
  }
  addEventListener("hashchange", follow);
  follow();
  addEventListener("scroll", () => shownFor && showFocused(), true);
})();
