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
    printLight();
    offerPrinting();
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

  /* Paper is light. */
  function printLight() {
    let theme;
    addEventListener("beforeprint", () => {
      theme = root.dataset.theme;
      root.dataset.theme = "light";
    });
    addEventListener("afterprint", () => (root.dataset.theme = theme));
  }

  /* A page with code is printed with all of its code, or with none; the browser's own command leaves folds as they are. */
  function offerPrinting() {
    const downloads = document.querySelector(".frlib-downloads");
    if (!downloads || !document.querySelector(".cell_input")) return;
    const line = document.createElement("p");
    line.className = "frlib-print";
    for (const [code, words] of [["shown", "Print with code"], ["hidden", "Print without code"]]) {
      const button = document.createElement("button");
      button.textContent = words;
      button.addEventListener("click", () => {
        root.dataset.printCode = code;
        window.print();
        delete root.dataset.printCode;
      });
      line.append(button);
    }
    downloads.after(line);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
