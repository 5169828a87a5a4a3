/* Shows what a link leads to, beside the link: for a mouse that rests on it, and for a keyboard that has come to it.
   Escape closes it. What stands on another page comes as a script that the build wrote, so no server is needed. */
(function () {
  "use strict";
  const LINKS = "article.bd-article a.reference.internal[href*='#']:not([role='doc-backlink'])";
  const root = new URL(document.documentElement.dataset.content_root || "./", location.href).href;
  const place = Object.assign(document.createElement("div"), { id: "frlib-preview", className: "frlib-preview", hidden: true });
  place.setAttribute("role", "tooltip");
  let shown = null; // the link
  let timer = 0;

  /* ------------------------------------------------------------------------------------------------- what is shown */

  /* Copies of what says most about an element of this page. */
  function partsOf(target) {
    if (target.matches("dt")) return [target.nextElementSibling];
    if (target.matches("span") && !target.textContent.trim()) target = target.closest("section") || target;
    if (target.matches("section")) return [target.querySelector("h1, h2, h3"), target.querySelector(":scope > p")];
    return [target];
  }

  function copy(element) {
    const made = element.cloneNode(true);
    for (const part of made.querySelectorAll("script, .headerlink, .eqno, .vega-bindings, details, .cell_input")) part.remove();
    for (const part of [made, ...made.querySelectorAll("[id]")]) if (!part.closest("svg")) part.removeAttribute("id");
    for (const link of made.querySelectorAll("a, [tabindex]")) {
      link.removeAttribute("href");
      link.removeAttribute("tabindex");
    }
    return made;
  }

  const scripts = {};
  function loaded(page) {
    scripts[page] ??= new Promise((resolve) => {
      const name = page.replace(/\.html$/, "").replaceAll("/", "-");
      const script = Object.assign(document.createElement("script"), { src: `${root}_static/previews/${name}.js` });
      script.onload = script.onerror = resolve;
      document.head.append(script);
    });
    return scripts[page];
  }

  /* Fill the place; false if there is nothing to show. */
  async function fill(link) {
    const url = new URL(link.href);
    const name = decodeURIComponent(url.hash.slice(1));
    if (url.pathname === location.pathname) {
      const target = document.getElementById(name);
      place.replaceChildren(...(target ? partsOf(target) : []).filter(Boolean).map(copy));
    } else {
      const page = url.href.slice(root.length).split("#")[0];
      await loaded(page);
      place.innerHTML = window.FRLIB_PREVIEWS?.[page]?.[name] || "";
      await window.MathJax?.typesetPromise?.([place]);
    }
    return place.childNodes.length > 0;
  }

  /* ------------------------------------------------------------------------------------------------ when and where */

  async function show(link) {
    hide();
    shown = link;
    if (!(await fill(link)) || shown !== link) return;
    place.hidden = false;
    link.setAttribute("aria-describedby", place.id);
    const at = link.getBoundingClientRect();
    const size = place.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - size.width - 8));
    const below = at.bottom + size.height + 12 < innerHeight || at.top < size.height + 12;
    place.style.left = `${left + scrollX}px`;
    place.style.top = `${(below ? at.bottom + 6 : at.top - size.height - 6) + scrollY}px`;
  }

  function hide() {
    clearTimeout(timer);
    place.hidden = true;
    shown?.removeAttribute("aria-describedby");
    shown = null;
  }

  function later(action, milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  }

  document.body.append(place);
  for (const link of document.querySelectorAll(LINKS)) {
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && later(() => show(link), 300));
    link.addEventListener("pointerleave", () => later(hide, 250));
    link.addEventListener("focus", () => link.matches(":focus-visible") && show(link));
    link.addEventListener("blur", hide);
  }
  place.addEventListener("pointerenter", () => clearTimeout(timer));
  place.addEventListener("pointerleave", () => later(hide, 250));
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
