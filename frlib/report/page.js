/* Draws the charts of a report in the colours that the reader's system asks for. */
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  window.FRLIB_CHARTS.start(
    () => (dark.matches ? "dark" : "light"),
    (again) => dark.addEventListener("change", again),
  );
})();
