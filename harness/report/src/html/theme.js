// The switch between light, dark and what the system prefers. The choice is kept where the browser lets a file keep one.
(() => {
  "use strict";
  const KEY = "clsrl-bench.theme";
  const select = document.getElementById("theme");

  function kept() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function show(theme) {
    if (theme === "light" || theme === "dark") {
      document.documentElement.dataset.theme = theme;
    } else {
      delete document.documentElement.dataset.theme;
    }
  }

  select.addEventListener("change", () => {
    show(select.value);
    try {
      localStorage.setItem(KEY, select.value);
    } catch {
      // A choice that cannot be kept holds for this visit.
    }
  });
  const theme = kept();
  if (theme === "light" || theme === "dark") {
    select.value = theme;
    show(theme);
  }
})();
