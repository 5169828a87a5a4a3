/* Shared by the widgets of this book: arithmetic on fields of unit vectors, drawing, controls, colours.
 *
 * No imports and no exports: `frlib.view.static` puts this text in front of a widget's own module, so that one file
 * runs in a live kernel (as an ES module) and on a page without one (as a classic script, also from file://).
 */

/* ---------------------------------------------------------------- arithmetic (the same numbers as frlib.geometry) */

/* Inverse of frlib.view.static.pack: {shape, scale, type, data} -> Float64Array, row-major. */
function unpack(packed) {
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const codes = packed.type === "int8" ? new Int8Array(bytes.buffer) : new Int16Array(bytes.buffer);
  return Float64Array.from(codes, (code) => code * packed.scale);
}

/* Upper triangle (i < j, row by row) -> full symmetric matrix with the given diagonal. */
function symmetric(triangle, count, diagonal) {
  const full = new Float64Array(count * count);
  let k = 0;
  for (let i = 0; i < count; i++) {
    full[i * count + i] = diagonal;
    for (let j = i + 1; j < count; j++) full[i * count + j] = full[j * count + i] = triangle[k++];
  }
  return full;
}

/* Inner products of all pairs of rows; rows is a flat array (count, dim). */
function innerProducts(rows, count, dim) {
  const full = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = i; j < count; j++) {
      let sum = 0;
      for (let k = 0; k < dim; k++) sum += rows[i * dim + k] * rows[j * dim + k];
      full[i * count + j] = full[j * count + i] = sum;
    }
  }
  return full;
}

/* Rows divided by their length; a row of zeros has no direction and stays zero. */
function unitRows(rows, count, dim) {
  const unit = new Float64Array(rows.length);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let k = 0; k < dim; k++) sum += rows[i * dim + k] ** 2;
    const length = Math.sqrt(sum);
    for (let k = 0; k < dim; k++) unit[i * dim + k] = length > 0 ? rows[i * dim + k] / length : 0;
  }
  return unit;
}

/* Distances of all pairs of rows: metric "euclidean", or "cosine" for 1 - cos. */
function pairDistances(points, count, dim, metric) {
  const rows = metric === "cosine" ? unitRows(points, count, dim) : points;
  const full = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      let sum = 0;
      for (let k = 0; k < dim; k++) sum += (rows[i * dim + k] - rows[j * dim + k]) ** 2;
      full[i * count + j] = full[j * count + i] = metric === "cosine" ? sum / 2 : Math.sqrt(sum);
    }
  }
  return full;
}

/* Mean over the pairs i < j. */
function meanPairDistance(distances, count) {
  let sum = 0;
  for (let i = 0; i < count; i++) for (let j = i + 1; j < count; j++) sum += distances[i * count + j];
  return (2 * sum) / (count * (count - 1));
}

/* Indices j != center with d(center, j) <= radius. `defined` (optional) leaves points without a direction out. */
function neighborsOf(distances, count, center, radius, defined) {
  const found = [];
  for (let j = 0; j < count; j++) {
    if (j !== center && (!defined || defined[j]) && distances[center * count + j] <= radius) found.push(j);
  }
  return found;
}

/* Which of `count` points have a direction: their vector has an inner product with itself above zero. */
function definedPoints(cosines, count) {
  return Array.from({ length: count }, (_, i) => cosines[i * count + i] > 0.5);
}

/* Invariance energy of a cloud at one radius:
 *   E = 1 - mean_i mean_{j != i, d(i,j) <= radius} cos(v_i, v_j), mean over the points with a non-empty ball.
 * distances and cosines are full matrices (count, count). Returns {energy, neighbors, isolated, undefined, own}, as
 * frlib.geometry.energy_sweep does; own[i] is 1 - mean cos in the ball of point i (NaN for an empty ball).
 * includeCenter counts the pair of a point with itself, as the authors of paper A do.
 */
function energyAt(distances, cosines, count, radius, includeCenter = false) {
  const defined = definedPoints(cosines, count);
  const own = new Float64Array(count).fill(NaN);
  let sum = 0,
    counted = 0,
    neighbors = 0,
    isolated = 0,
    present = 0;
  for (let i = 0; i < count; i++) {
    if (!defined[i]) continue;
    present++;
    const ball = neighborsOf(distances, count, i, radius, defined);
    if (!ball.length) isolated++;
    if (includeCenter) ball.push(i);
    neighbors += ball.length;
    if (!ball.length) continue;
    own[i] = 1 - ball.reduce((total, j) => total + cosines[i * count + j], 0) / ball.length;
    sum += own[i];
    counted++;
  }
  return {
    energy: counted ? sum / counted : NaN,
    neighbors: present ? neighbors / present : NaN,
    isolated: isolated / count,
    undefined: (count - present) / count,
    own,
  };
}

/* Seeded uniform numbers in [0, 1) (mulberry32); `normals(random)` turns them into standard normal ones. */
function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
function normals(random) {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/* ------------------------------------------------------------------------------------------------------- drawing */

/* value -> pixel; scaleLog for a logarithmic axis. */
function scaleLinear([low, high], [from, to]) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}
function scaleLog([low, high], range) {
  const linear = scaleLinear([Math.log(low), Math.log(high)], range);
  return (value) => linear(Math.log(value));
}

/* About `count` round numbers between low and high. */
function ticksBetween(low, high, count = 5) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(k * step);
  return ticks;
}

/* A number as a reader wants it: fixed digits, a true minus sign, a dash when there is none. */
function formatNumber(value, digits = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value
    .toFixed(digits)
    .replace(/^-(0(?:\.0*)?)$/, "$1")
    .replace("-", "−");
}

/* A number as short as three digits allow. */
function shortNumber(value) {
  return String(Number(value.toPrecision(3)));
}

/* New HTML or SVG element with attributes; a string child becomes text. */
function createElement(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}
function createSvg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}
function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
function setAll(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/* Path data of an arrow from (x, y) along (dx, dy), with a small head. */
function arrowPath(x, y, dx, dy, head = 4) {
  const length = Math.hypot(dx, dy);
  const tip = [x + dx, y + dy];
  const shaft = `M${x.toFixed(1)} ${y.toFixed(1)}L${tip[0].toFixed(1)} ${tip[1].toFixed(1)}`;
  if (length < 1.5 * head) return shaft;
  const [ux, uy] = [dx / length, dy / length];
  const wing = (side) => {
    const [wx, wy] = [tip[0] - head * ux + side * 0.55 * head * uy, tip[1] - head * uy - side * 0.55 * head * ux];
    return `${wx.toFixed(1)} ${wy.toFixed(1)}`;
  };
  return `${shaft}M${wing(1)}L${tip[0].toFixed(1)} ${tip[1].toFixed(1)}L${wing(-1)}`;
}

/* The closest point within 45 degrees of a direction, or null at the edge. */
function pointTowards(pixels, from, [wx, wy]) {
  let best = null,
    least = Infinity;
  pixels.forEach(([x, y], i) => {
    const dx = x - pixels[from][0],
      dy = y - pixels[from][1];
    const along = dx * wx + dy * wy,
      across = Math.abs(dx * wy - dy * wx);
    if (along > 0.01 && across <= along && along + across < least) {
      best = i;
      least = along + across;
    }
  });
  return best;
}

/* Side of a square map, in its own units. */
const MAP_SIDE = 400;

/* A square map whose marks can be picked: by click, by mouse (on hover, or else in a drag), and by arrow keys. now()
 * gives {pixels, current}: where the marks are, and which of them is picked. Returns {element, svg}. */
function pickableMap(parent, { mark, now, hover = false, onPick }) {
  const label = `Map of the ${mark}s. Arrow keys pick the next ${mark} in that direction.`;
  const element = createElement("div", { class: "frw-map", tabindex: 0, role: "application", "aria-label": label });
  const svg = createSvg("svg", { viewBox: `0 0 ${MAP_SIDE} ${MAP_SIDE}`, "aria-hidden": "true" });
  element.append(svg);
  parent.append(element);
  const nearest = (event) => {
    const box = element.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * MAP_SIDE,
      y = ((event.clientY - box.top) / box.height) * MAP_SIDE;
    const far = now().pixels.map(([px, py]) => Math.hypot(px - x, py - y));
    return far.indexOf(Math.min(...far));
  };
  element.addEventListener("click", (event) => onPick(nearest(event)));
  element.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" && (hover || event.buttons)) onPick(nearest(event));
  });
  element.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const next = pointTowards(now().pixels, now().current, way);
    if (next !== null) onPick(next);
  });
  return { element, svg };
}

/* Follow a pointer on `svg`: press, then drag. */
function followPointer(svg, onMove) {
  let held = false;
  svg.addEventListener("pointerdown", (event) => {
    held = true;
    svg.setPointerCapture(event.pointerId);
    onMove(event);
  });
  svg.addEventListener("pointermove", (event) => {
    if (held) onMove(event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    svg.addEventListener(name, () => {
      held = false;
    });
  }
}

/* Moves lists of numbers smoothly to new ones, unless the reader wants no motion. paint(lists); time in ms. */
function gliding(time, paint) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let shown = null,
    frame = 0;
  function to(lists, smooth) {
    cancelAnimationFrame(frame);
    const from = shown,
      begin = performance.now();
    const show = (share) => {
      const mix = (list, l) => list.map((value, k) => from[l][k] + share * (value - from[l][k]));
      shown = share < 1 ? lists.map(mix) : lists;
      paint(shown);
    };
    const step = (now) => {
      const passed = Math.min(1, Math.max(0, (now - begin) / time));
      show(passed * passed * (3 - 2 * passed));
      if (passed < 1) frame = requestAnimationFrame(step);
    };
    if (smooth && from && !still.matches) frame = requestAnimationFrame(step);
    else show(1);
  }
  return { to, stop: () => cancelAnimationFrame(frame) };
}

/* -------------------------------------------------------------------------------------------------------- colours */

/* The same list as frlib.view.COLORS: at least 3:1 against the light and against the dark page. */
const SERIES = ["#1890f0", "#b05018", "#388058", "#984890", "#b88808", "#7888c8", "#c02840", "#a09098"];
const LIGHT = { ink: "#1f2933", soft: "#52606d", line: "#d5dae1", fill: "#f4f6f8", page: "#ffffff", accent: "#0063a0" };
const DARK = { ink: "#e6e9ed", soft: "#a9b4c0", line: "#3b4654", fill: "#1c232c", page: "#14181e", accent: "#6cb8f0" };

/* Is the page that holds `el` dark? Asks the page's own switch, then JupyterLab's, VS Code's and Colab's. */
function isDark(el) {
  const root = document.documentElement,
    body = document.body;
  if (root.dataset.theme) return root.dataset.theme === "dark";
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (body.classList.contains("vscode-dark") || root.getAttribute("theme") === "dark") return true;
  for (let node = el; node; node = node.parentElement) {
    const [r, g, b, a = 1] = (getComputedStyle(node).backgroundColor.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
    if (a > 0) return 0.2126 * r + 0.7152 * g + 0.0722 * b < 110;
  }
  return false;
}

/* {ink, soft, line, fill, page, accent, series, dark} for the page that holds `el`. */
function themeColors(el) {
  const dark = isDark(el);
  return { ...(dark ? DARK : LIGHT), series: SERIES, dark };
}

/* Colour of a cosine: blue for 1, vermilion for -1, the grey of the theme for 0; the two ends differ for every eye. */
const COSINE_ENDS = { same: [0, 114, 178], opposed: [213, 94, 0] };
function cosineColor(cosine, dark) {
  const middle = dark ? [160, 168, 176] : [130, 138, 146];
  const end = cosine > 0 ? COSINE_ENDS.same : COSINE_ENDS.opposed;
  const share = Math.abs(cosine);
  const lift = dark ? 40 : 0;
  const mixed = middle.map((value, k) => Math.round(value + share * (Math.min(255, end[k] + lift) - value)));
  return `rgb(${mixed.join(",")})`;
}

/* ------------------------------------------------------------------------------------------------------- controls */

const WIDGET_STYLE = `
.frw { container-type: inline-size; color: var(--frw-ink); font: 400 0.9rem/1.45 system-ui, "Segoe UI", Roboto,
  "Helvetica Neue", sans-serif; box-sizing: border-box; max-width: 100%; text-align: left; }
.frw *, .frw *::before { box-sizing: border-box; }
.frw-card { border: 1px solid var(--frw-line); border-radius: 12px; background: var(--frw-page); padding: 1.1rem; }
.frw-title { font-size: 1.02rem; font-weight: 650; margin: 0 0 0.15rem; color: var(--frw-ink); }
.frw-lead { color: var(--frw-soft); font-size: 0.85rem; margin: 0; max-width: 75ch; }
.frw-note { color: var(--frw-soft); font-size: 0.8rem; margin: 0.6rem 0 0; max-width: 70ch; }
.frw-controls { display: flex; flex-wrap: wrap; gap: 0.7rem 1.4rem; align-items: end; margin: 0.8rem 0; }
.frw-kinds { display: flex; flex-wrap: wrap; gap: 0.4rem; margin: 0.7rem 0 0; padding: 0; border: 0; }
.frw-kinds button[aria-pressed="true"] { border-color: var(--frw-accent); box-shadow: inset 0 0 0 1px var(--frw-accent);
  font-weight: 600; }
.frw-control { display: grid; gap: 0.2rem; flex: 0 1 auto; min-width: 8rem; margin: 0; color: var(--frw-ink); }
.frw-control.frw-wide { flex: 1 1 12rem; }
.frw-control > span { display: flex; justify-content: space-between; gap: 0.8rem; font-size: 0.8rem;
  color: var(--frw-soft); }
.frw-control output { font-variant-numeric: tabular-nums; color: var(--frw-ink); font-weight: 600; }
.frw input[type="range"] { width: 100%; height: 2rem; margin: 0; accent-color: var(--frw-accent); cursor: pointer;
  touch-action: pan-y; }
.frw select, .frw button { font: inherit; font-size: 0.85rem; min-height: 2.25rem; padding: 0.25rem 0.7rem;
  color: var(--frw-ink); background: var(--frw-fill); border: 1px solid var(--frw-line); border-radius: 8px;
  max-width: 100%; cursor: pointer; }
.frw button:hover, .frw select:hover { border-color: var(--frw-soft); }
.frw :focus-visible { outline: 3px solid var(--frw-accent); outline-offset: 2px; border-radius: 6px; }
.frw input[type="checkbox"], .frw input[type="radio"] { accent-color: var(--frw-accent); width: 1.05rem;
  height: 1.05rem; margin: 0; }
.frw-check { display: flex; gap: 0.5rem; align-items: center; min-height: 2.25rem; font-size: 0.85rem; margin: 0; }
.frw dl.frw-readout { display: grid; grid-template-columns: repeat(auto-fit, minmax(5.2rem, 1fr)); gap: 0.5rem 1rem;
  margin: 0.9rem 0 0; padding: 0; }
.frw-readout div { display: grid; align-content: start; }
.frw dl.frw-readout dt { font-size: 0.75rem; font-weight: 400; color: var(--frw-soft); margin: 0; }
.frw dl.frw-readout dd { font-size: 1.12rem; font-weight: 600; font-variant-numeric: tabular-nums; margin: 0;
  color: var(--frw-ink); }
.frw .frw-legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; margin: 0 0 0.3rem; padding: 0; list-style: none;
  font-size: 0.8rem; color: var(--frw-soft); }
.frw-legend li { display: flex; gap: 0.45rem; align-items: center; margin: 0; }
.frw .frw-legend svg { width: 1.7rem; height: 0.6rem; flex: none; }
.frw-panels { display: grid; gap: 1.1rem 1.6rem; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 600px) { .frw-panels { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } }
.frw-panel { margin: 0; min-width: 0; }
.frw-panel > p { font-size: 0.8rem; color: var(--frw-soft); margin: 0 0 0.35rem; }
.frw-side { display: grid; gap: 1rem; align-content: space-between; min-width: 0; }
.frw svg { display: block; width: 100%; height: auto; overflow: visible; }
.frw svg text { font-family: inherit; fill: var(--frw-soft); font-size: 12px; }
@container (max-width: 430px) { .frw svg text { font-size: 14px; } }
.frw-map { border-radius: 10px; background: var(--frw-fill); cursor: crosshair; touch-action: pan-y;
  outline-offset: 3px; }
.frw .frw-map svg { overflow: hidden; border-radius: 10px; }
.frw-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; margin: 0; }
`;

/* Frame of a widget inside `el`: title, a card, colours as CSS variables (--frw-ink, --frw-soft, --frw-line,
 * --frw-fill, --frw-page, --frw-accent) that follow the page's theme.
 * Returns {root, card, colors, onTheme, announce, stop}: draw into card; colors() gives themeColors; onTheme(f) calls f
 * after the theme changed; announce(text) tells a screen reader, politely; stop() ends the watching (return it from
 * render). */
function widgetFrame(el, { title, description, style = "" }) {
  const root = createElement("div", { class: "frw", role: "group", "aria-label": title || "interactive figure" });
  const card = createElement("div", { class: "frw-card" });
  const live = createElement("p", { class: "frw-hidden", role: "status", "aria-live": "polite" });
  root.append(createElement("style", {}, WIDGET_STYLE + style), card, live);
  if (title) card.append(createElement("p", { class: "frw-title" }, title));
  if (description) card.append(createElement("p", { class: "frw-hidden" }, description));
  el.replaceChildren(root);
  const listeners = [];
  let dark = null;
  const paint = () => {
    const colors = themeColors(el);
    for (const [key, value] of Object.entries(colors)) {
      if (typeof value === "string") root.style.setProperty(`--frw-${key}`, value);
    }
    if (dark !== null && colors.dark !== dark) listeners.forEach((listener) => listener(colors));
    dark = colors.dark;
  };
  paint();
  const observer = new MutationObserver(paint);
  const watched = { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class", "theme"] };
  observer.observe(document.documentElement, watched);
  observer.observe(document.body, watched);
  let timer = 0;
  const announce = (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => (live.textContent = text), 250);
  };
  return {
    root,
    card,
    announce,
    colors: () => themeColors(el),
    onTheme: (listener) => listeners.push(listener),
    stop: () => {
      observer.disconnect();
      clearTimeout(timer);
    },
  };
}

/* A labelled slider. format(value) is shown beside the label and read out. Returns {element, input, set}. */
function addSlider(parent, { label, min, max, step, value, format = String, onInput }) {
  /* A label names the first thing in it that can have one, which is the output. */
  const input = createElement("input", { type: "range", min, max, step, value, "aria-label": label });
  const output = createElement("output");
  const element = createElement(
    "label",
    { class: "frw-control frw-wide" },
    createElement("span", {}, label, output),
    input,
  );
  const show = () => {
    output.textContent = format(Number(input.value));
    input.setAttribute("aria-valuetext", format(Number(input.value)));
  };
  input.addEventListener("input", () => {
    show();
    onInput(Number(input.value));
  });
  parent.append(element);
  show();
  return {
    element,
    input,
    set: (next) => {
      input.value = next;
      show();
    },
  };
}

/* A labelled list of choices; options is a list of strings or of [value, label]. Returns {element, input, set}. */
function addSelect(parent, { label, options, value, onInput }) {
  const input = createElement("select");
  for (const option of options) {
    const [key, text] = Array.isArray(option) ? option : [option, option];
    input.append(createElement("option", { value: key }, text));
  }
  input.value = value;
  const element = createElement("label", { class: "frw-control" }, createElement("span", {}, label), input);
  input.addEventListener("input", () => onInput(input.value));
  parent.append(element);
  return {
    element,
    input,
    set: (next) => {
      input.value = next;
    },
  };
}

/* A labelled check box. Returns {element, input, set}. */
function addCheckbox(parent, { label, value, onInput }) {
  const input = createElement("input", { type: "checkbox" });
  input.checked = value;
  const element = createElement("label", { class: "frw-check" }, input, label);
  input.addEventListener("input", () => onInput(input.checked));
  parent.append(element);
  return {
    element,
    input,
    set: (next) => {
      input.checked = next;
    },
  };
}

/* A button. */
function addButton(parent, { label, onClick }) {
  const element = createElement("button", { type: "button" }, label);
  element.addEventListener("click", onClick);
  parent.append(element);
  return element;
}

/* A row of named numbers; names is a list of strings. Returns set(values), values in the same order. */
function addReadout(parent, names) {
  const cells = names.map((name) => [createElement("dt", {}, name), createElement("dd", {}, "–")]);
  parent.append(
    createElement(
      "dl",
      { class: "frw-readout" },
      ...cells.map(([term, value]) => createElement("div", {}, term, value)),
    ),
  );
  return (values) =>
    cells.forEach(([, cell], k) => {
      cell.textContent = values[k];
    });
}

/* What marks mean: pairs of a small svg and words. */
function addLegend(parent, items) {
  const rows = items.map(([sample, words]) => createElement("li", {}, sample, words));
  parent.append(createElement("ul", { class: "frw-legend" }, ...rows));
}
function lineSample(name) {
  const svg = createSvg("svg", { viewBox: "0 0 27 10", "aria-hidden": "true" });
  svg.append(createSvg("path", { class: name, d: "M1 5H26" }));
  return svg;
}
