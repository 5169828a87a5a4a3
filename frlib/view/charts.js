/* Draws the charts of a page that has no kernel: of the site and of a report. `frlib.view.static` wrote them as JSON. */
window.FRLIB_CHARTS = (function () {
  "use strict";

  /* Room for the axis and its title beside a view, in pixels. */
  const MARGIN = 64;

  /* Narrow the views of a specification to the room there is; views side by side go below each other. */
  function fit(spec, room) {
    const copy = { ...spec };
    if (copy.hconcat && room < 560) {
      copy.vconcat = copy.hconcat;
      delete copy.hconcat;
    }
    if (copy.vconcat) copy.vconcat = copy.vconcat.map((view) => fit(view, room));
    if (copy.hconcat) copy.hconcat = copy.hconcat.map((view) => fit(view, room / copy.hconcat.length));
    if (typeof copy.width === "number") copy.width = Math.max(120, Math.min(copy.width, room - MARGIN));
    else if (copy.mark && copy.width === undefined) copy.width = Math.max(120, Math.min(480, room - MARGIN));
    return copy;
  }

  /* What the reader set with sliders and lists survives a repaint. */
  const bound = (view) => (view._bind || []).map((binding) => binding.param.signal);
  async function keep(from, to) {
    const names = bound(to);
    for (const name of from ? bound(from) : []) if (names.includes(name)) to.signal(name, from.signal(name));
    await to.runAsync();
  }

  /* Vega leaves the inputs of some bindings without a name for screen readers. A list of one leaves no choice. */
  function nameInputs(place) {
    for (const row of place.querySelectorAll(".vega-bind")) {
      row.hidden = row.querySelector("select")?.options.length === 1;
      const name = row.querySelector(".vega-bind-name")?.textContent.trim();
      for (const input of row.querySelectorAll("input:not([type=radio]), select"))
        input.setAttribute("aria-label", name || "value");
    }
  }

  async function paint(job, mode) {
    const drawn = document.createElement("div");
    job.width = job.place.clientWidth;
    const config = window.FRLIB_THEMES[mode];
    /* With `ast`, Vega interprets its expressions, so that the page's policy need not allow texts that become code. */
    const options = { actions: false, renderer: "svg", config, tooltip: { theme: mode }, ast: true };
    const result = await window.vegaEmbed(drawn, fit(job.spec, job.width), options);
    await keep(job.view, result.view);
    if (job.view) job.view.finalize();
    job.place.replaceChildren(drawn);
    job.view = result.view;
    nameInputs(job.place);
    job.place.dataset.ready = mode;
  }

  /* `mode` tells "light" or "dark"; `watch` gets a function to call when that changes. */
  function start(mode, watch) {
    const jobs = [...document.querySelectorAll("script.frlib-chart-data")].map((data) => ({
      place: document.getElementById(data.dataset.target),
      spec: JSON.parse(data.textContent),
    }));
    for (const job of jobs)
      if (!job.spec.description) console.error(`${job.place.id}: the chart has no description`);
    /* One after the other: a repaint that is asked for while another one runs waits for it. */
    let last = Promise.resolve();
    function repaint(wanted) {
      for (const job of jobs)
        last = last
          .then(() => wanted(job) && paint(job, mode()))
          .catch((error) => console.error(`${job.place.id}: ${error}`));
    }
    repaint(() => true);
    watch(() => repaint((job) => job.place.dataset.ready !== mode()));
    const resized = (job) => job.place.clientWidth > 0 && job.place.clientWidth !== job.width;
    let timer = 0;
    window.addEventListener("resize", () => {
      clearTimeout(timer);
      timer = setTimeout(() => repaint(resized), 150);
    });
    /* What is folded has no room; this event does not bubble. */
    document.addEventListener("toggle", () => repaint(resized), true);
  }

  return { start };
})();
