/* Draws the charts and widgets of a page that has no kernel. `frlib.view.static` wrote them into the page as JSON. */
(function () {
  "use strict";
  const root = document.documentElement;
  const mode = () => (root.dataset.theme === "dark" ? "dark" : "light");

  /* ---------------------------------------------------------------------------------------------------- charts */

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

  async function paintChart(job) {
    if (job.busy) return (job.again = true);
    job.busy = true;
    job.width = job.place.clientWidth;
    const values = job.view && readParameters(job.view);
    try {
      const options = {
        actions: false,
        renderer: "svg",
        config: window.FRLIB_THEMES[mode()],
        tooltip: { theme: mode() },
      };
      const drawn = document.createElement("div");
      const result = await window.vegaEmbed(drawn, fit(job.spec, job.width), options);
      await writeParameters(result.view, values);
      if (job.view) job.view.finalize();
      job.place.replaceChildren(drawn);
      job.view = result.view;
      nameInputs(job.place);
      job.place.dataset.ready = mode();
    } catch (error) {
      console.error(`${job.place.id}: ${error}`);
    }
    job.busy = false;
    if (job.again) {
      job.again = false;
      paintChart(job);
    }
  }

  /* What the reader set with sliders and lists survives a repaint. */
  function readParameters(view) {
    const signals = view.getState({ signals: (name, operator) => Boolean(operator) }).signals;
    return Object.fromEntries(
      Object.entries(signals).filter(([, value]) => ["number", "string"].includes(typeof value)),
    );
  }
  async function writeParameters(view, values) {
    const bound = new Set((view._bind || []).map((binding) => binding.param.signal));
    for (const [name, value] of Object.entries(values || {})) if (bound.has(name)) view.signal(name, value);
    await view.runAsync();
  }

  /* Vega leaves the inputs of some bindings without a name for screen readers. */
  function nameInputs(place) {
    for (const row of place.querySelectorAll(".vega-bind")) {
      const name = row.querySelector(".vega-bind-name")?.textContent.trim();
      for (const input of row.querySelectorAll("input:not([type=radio]), select"))
        input.setAttribute("aria-label", name || "value");
    }
  }

  /* --------------------------------------------------------------------------------------------------- widgets */

  /* What a live kernel gives a widget: get, set, on, off. Here the state stays in the page. */
  function localModel(state) {
    const listeners = {};
    const names = (text) => text.split(/\s+/);
    return {
      get: (key) => state[key],
      set(key, value) {
        if (state[key] === value) return;
        state[key] = value;
        for (const event of [`change:${key}`, "change"]) (listeners[event] || []).forEach((listener) => listener());
      },
      on: (events, listener) => names(events).forEach((e) => (listeners[e] = listeners[e] || []).push(listener)),
      off: (events, listener) =>
        names(events).forEach(
          (e) => (listeners[e] = (listeners[e] || []).filter((other) => listener && other !== listener)),
        ),
      save_changes() {},
      send() {},
    };
  }

  function paintWidget(place, state) {
    const module = (window.FRLIB_MODULES || {})[place.dataset.widget];
    if (!module) return console.error(`${place.id}: no widget ${place.dataset.widget}`);
    try {
      module.render({ model: localModel(state), el: place });
      place.dataset.ready = "1";
    } catch (error) {
      console.error(`${place.id}: ${error}`);
    }
  }

  /* ------------------------------------------------------------------------------------------------------ page */

  function start() {
    guardTheme();
    const jobs = [];
    for (const data of document.querySelectorAll("script.frlib-chart-data")) {
      const place = document.getElementById(data.dataset.target),
        spec = JSON.parse(data.textContent);
      if (!spec.description) console.error(`${place.id}: the chart has no description`);
      jobs.push({ place, spec });
    }
    for (const data of document.querySelectorAll("script.frlib-widget-data")) {
      paintWidget(document.getElementById(data.dataset.target), JSON.parse(data.textContent));
    }
    jobs.forEach(paintChart);
    new MutationObserver(() => jobs.filter((job) => job.place.dataset.ready !== mode()).forEach(paintChart)).observe(
      root,
      {
        attributes: true,
        attributeFilter: ["data-theme"],
      },
    );
    let timer = 0;
    window.addEventListener("resize", () => {
      clearTimeout(timer);
      timer = setTimeout(() => jobs.filter((job) => job.place.clientWidth !== job.width).forEach(paintChart), 150);
    });
  }

  /* sphinx-book-theme looks for the secondary sidebar on every page with margin notes, and throws where there is none. */
  function guardTheme() {
    if (document.querySelector("div.bd-sidebar-secondary")) return;
    const stub = document.createElement("div");
    stub.className = "bd-sidebar-secondary";
    stub.hidden = true;
    stub.style.display = "none";
    document.body.append(stub);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
