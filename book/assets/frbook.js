/* Starts the charts and widgets of a page that has no kernel. `frlib.view.static` wrote them into the page as JSON. */
(function () {
  "use strict";
  const root = document.documentElement;
  const mode = () => (root.dataset.theme === "dark" ? "dark" : "light");

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
    for (const data of document.querySelectorAll("script.frlib-widget-data")) {
      paintWidget(document.getElementById(data.dataset.target), JSON.parse(data.textContent));
    }
    const themes = { attributes: true, attributeFilter: ["data-theme"] };
    window.FRLIB_CHARTS?.start(mode, (again) => new MutationObserver(again).observe(root, themes));
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
