/* A map of embeddings with faces: pick an image to see it, colour the images by an attribute, and zoom out: images that
 * lie closer than the chosen distance merge into one disc.
 *
 * State, from frlib.view.facemap: spaces (see `_space` there), scales, columns (see `_column`), faces (see `_sprite`),
 * space, layout, attribute (names), scale (index), point (number of the image), title, description.
 */

const FACEMAP_STYLE = `
.frw-duo { display: grid; gap: 1rem 1.4rem; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 600px) { .frw-duo { grid-template-columns: minmax(0, 3fr) minmax(11rem, 2fr); } }
.frw-face { background-repeat: no-repeat; background-size: var(--fm-size); background-image: var(--fm-sheet);
  border-radius: 4px; aspect-ratio: 1; }
.frw-picked { display: grid; grid-template-columns: 6rem minmax(0, 1fr); gap: 0.3rem 0.9rem; align-content: start; }
.frw-picked > .frw-face { width: 6rem; }
.frw-picked p { margin: 0; font-size: 0.85rem; }
.frw .frw-facts { grid-column: 1 / -1; display: grid; grid-template-columns: auto auto; gap: 0.1rem 0.9rem;
  margin: 0.4rem 0 0; font-size: 0.82rem; justify-content: start; }
.frw .frw-facts dt { color: var(--frw-soft); font-weight: 400; margin: 0; }
.frw .frw-facts dd { margin: 0; font-variant-numeric: tabular-nums; color: var(--frw-ink); }
.frw-crowd { grid-column: 1 / -1; display: grid; grid-template-columns: repeat(auto-fill, 2.2rem); gap: 2px;
  margin-top: 0.5rem; }
.frw-key { display: flex; flex-wrap: wrap; gap: 0.2rem 0.9rem; font-size: 0.82rem; margin: 0.5rem 0 0; padding: 0;
  list-style: none; color: var(--frw-ink); align-items: center; }
.frw-key li { display: flex; gap: 0.35rem; align-items: center; margin: 0; }
.frw-key i { width: 0.75rem; height: 0.75rem; border-radius: 50%; background: var(--tone); }
.frw-key .frw-ramp { width: 7rem; border-radius: 4px; }
`;

const FACEMAP_CROWD = 24; /* faces shown of one disc */
/* Ends and middle of the shades for numbers; each has at least 3:1 against the light and the dark page. */
const RAMP = [
  [24, 144, 240],
  [160, 144, 152],
  [176, 80, 24],
];

/* Which images form one group at a distance: the number of the first image of the group, for each image. */
function groupsAt(children, heights, count, distance) {
  const first = new Int32Array(2 * count - 1).fill(-1),
    parent = Int32Array.from(first, (_, k) => k);
  children.forEach(([a, b], k) => {
    if (heights[k] <= distance) parent[a] = parent[b] = count + k;
  });
  /* The parents of a linkage come after their children, so one pass downwards finds every root. */
  for (let k = 2 * count - 2; k >= 0; k--) parent[k] = parent[parent[k]];
  return Int32Array.from({ length: count }, (_, i) => {
    if (first[parent[i]] < 0) first[parent[i]] = i;
    return first[parent[i]];
  });
}

/* The groups as discs: members, mean position, the most frequent class or the mean of the number, people inside. */
function discsOf(groups, pixels, column, people) {
  const members = new Map();
  groups.forEach((g, i) => (members.has(g) ? members.get(g).push(i) : members.set(g, [i])));
  const mean = (list, value) => list.reduce((sum, i) => sum + value(i), 0) / list.length;
  return [...members.values()].map((list) => ({
    list,
    x: mean(list, (i) => pixels[i][0]),
    y: mean(list, (i) => pixels[i][1]),
    value: column.kind === "number" ? mean(list, (i) => column.values[i]) : mostFrequent(list.map((i) => column.values[i])),
    people: new Set(list.map((i) => people[i])).size,
  }));
}
function mostFrequent(codes) {
  const counts = new Map();
  codes.forEach((code) => counts.set(code, (counts.get(code) || 0) + 1));
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0][0];
}

/* Colour of a value of a column. */
function toneOf(column, value, series) {
  if (column.kind === "class") return series[value % series.length];
  const at = (2 * (value - column.low)) / (column.high - column.low || 1),
    k = Math.min(1, Math.floor(at));
  return `rgb(${RAMP[k].map((low, c) => Math.round(low + (at - k) * (RAMP[k + 1][c] - low))).join(",")})`;
}

/* Positions of a layout in the map's own units. */
function placesOf(layout) {
  const flat = unpack(layout.positions),
    count = flat.length / 2,
    range = (k) => {
      let [low, high] = [Infinity, -Infinity];
      for (let i = 0; i < count; i++) [low, high] = [Math.min(low, flat[2 * i + k]), Math.max(high, flat[2 * i + k])];
      return [low, high];
    };
  const [x, y] = [range(0), range(1)],
    unit = (MAP_SIDE - 40) / Math.max(x[1] - x[0], y[1] - y[0], 1e-12);
  const place = (value, [low, high], sign) => MAP_SIDE / 2 + sign * unit * (value - (low + high) / 2);
  return Array.from({ length: count }, (_, i) => [place(flat[2 * i], x, 1), place(flat[2 * i + 1], y, -1)]);
}

/* The map. Returns {draw}. */
function facesOnMap(parent, onPick) {
  let discs = [],
    current = 0;
  const now = () => ({
    pixels: discs.map((d) => [d.x, d.y]),
    current: discs.findIndex((d) => d.list.includes(current)),
  });
  const pick = (k) => onPick(discs[k].list.includes(current) ? current : discs[k].list[0]);
  const { svg } = pickableMap(parent, { mark: "image", now, hover: true, onPick: pick });
  function draw(look, column, homes, colors) {
    [discs, current] = [look.discs, look.point];
    const threads = discs.filter((d) => d.people === 1).map((d) => threadTo(homes, d, colors));
    svg.replaceChildren(...threads, ...discs.map((d) => discMark(d, column, colors, d.list.includes(current))));
  }
  return { draw };
}

/* A thin line from a disc to the middle of its person. */
function threadTo(homes, disc, colors) {
  const [x2, y2] = homes[disc.list[0]];
  return createSvg("line", { x1: disc.x, y1: disc.y, x2, y2, stroke: colors.soft, "stroke-width": 0.5, opacity: 0.45 });
}

/* A disc; its area grows with the number of images. A dashed rim says that it holds several people. */
function discMark(disc, column, colors, chosen) {
  const r = 3 * Math.sqrt(disc.list.length),
    mark = createSvg("g", { class: chosen ? "frw-chosen" : "frw-disc" });
  const at = { cx: disc.x, cy: disc.y };
  mark.append(createSvg("circle", { ...at, r, fill: toneOf(column, disc.value, colors.series), "fill-opacity": 0.85 }));
  if (disc.people > 1)
    mark.append(
      createSvg("circle", { ...at, r, fill: "none", stroke: colors.ink, "stroke-width": 1.2, "stroke-dasharray": "3 2" }),
    );
  if (chosen)
    mark.append(createSvg("circle", { ...at, r: r + 3, fill: "none", stroke: colors.ink, "stroke-width": 2.2 }));
  return mark;
}

/* The picked image, what is said about it, and who shares its disc. Returns show(point, disc, columns). */
function pickedPanel(parent, faces) {
  const panel = createElement("div", { class: "frw-picked" }),
    face = createElement("div", { class: "frw-face", role: "img" }),
    words = createElement("p"),
    facts = createElement("dl", { class: "frw-facts" }),
    crowd = createElement("div", { class: "frw-crowd", "aria-hidden": "true" });
  panel.append(face, words, crowd, facts);
  parent.append(panel);
  const place = (element, i) => {
    const share = (k, n) => (n > 1 ? (100 * k) / (n - 1) : 0);
    const [column, row] = [i % faces.columns, Math.floor(i / faces.columns)];
    element.style.backgroundPosition = `${share(column, faces.columns)}% ${share(row, faces.rows)}%`;
    return element;
  };
  return (point, disc, columns) => {
    place(face, point);
    const said = columns.map((c) => [c.name, valueOf(c, point)]);
    face.setAttribute("aria-label", `Drawn face, ${said.map(([name, value]) => `${name} ${value}`).join(", ")}`);
    words.textContent = discInWords(disc);
    const shown = disc.list.length > 1 ? disc.list.slice(0, FACEMAP_CROWD) : [];
    crowd.replaceChildren(...shown.map((i) => place(createElement("div", { class: "frw-face" }), i)));
    facts.replaceChildren(
      ...said.flatMap(([name, value]) => [createElement("dt", {}, name), createElement("dd", {}, value)]),
    );
  };
}
function valueOf(column, i) {
  if (column.kind === "class") return column.classes[column.values[i]];
  return formatNumber(column.values[i], column.high - column.low > 10 ? 0 : 2);
}
function discInWords({ list, people }) {
  if (list.length === 1) return "One image, not merged.";
  const more = list.length > FACEMAP_CROWD ? ` The first ${FACEMAP_CROWD}:` : "";
  return `Merged: ${list.length} images of ${people === 1 ? "one person" : `${people} people`}.${more}`;
}

/* The key of the colours. Returns show(column, colors). */
function colorKey(parent) {
  const key = createElement("ul", { class: "frw-key" });
  parent.append(key);
  const item = (tone, text, ramp) =>
    createElement("li", {}, createElement("i", { style: `--tone:${tone}`, class: ramp ? "frw-ramp" : "" }), text);
  return (column, { series }) => {
    const tone = (value) => toneOf(column, value, series);
    if (column.kind === "number") {
      const middle = (column.low + column.high) / 2,
        shades = [column.low, middle, column.high].map(tone).join(",");
      const digits = column.high - column.low > 10 ? 0 : 2;
      const ends = `${formatNumber(column.low, digits)} to ${formatNumber(column.high, digits)}`;
      key.replaceChildren(item(`linear-gradient(90deg,${shades})`, `${column.name}: ${ends}`, true));
    } else if (column.classes.length > series.length) {
      key.replaceChildren(createElement("li", {}, `${column.classes.length} values share ${series.length} colours.`));
    } else key.replaceChildren(...column.classes.map((name, code) => item(tone(code), name)));
  };
}

/* What the reader chose. Layouts and merges are unpacked once. */
function facemapChoices(model) {
  const opened = {};
  return () => {
    const named = (list, name) => list.find((entry) => entry.name === name) || list[0];
    const packed = named(model.get("spaces"), model.get("space")),
      layout = named(packed.layouts, model.get("layout")),
      key = `${packed.name}\n${layout.name}`;
    opened[key] = opened[key] || { pixels: placesOf(layout), heights: unpack(packed.heights) };
    const scale = model.get("scales")[model.get("scale")] ?? 0;
    return { ...opened[key], children: packed.children, column: named(model.get("columns"), model.get("attribute")), scale };
  };
}

/* Middle of each image's person, in pixels. */
function homesOf(pixels, people) {
  const sums = new Map();
  people.forEach((p, i) => {
    const [x, y, n] = sums.get(p) || [0, 0, 0];
    sums.set(p, [x + pixels[i][0], y + pixels[i][1], n + 1]);
  });
  return people.map((p) => sums.get(p).slice(0, 2).map((sum) => sum / sums.get(p)[2]));
}

/* Positions as seen through a lens at one of them. */
const LENS = 6;
function throughLens(pixels, [cx, cy]) {
  const place = (value, center) => MAP_SIDE / 2 + LENS * (value - center);
  return pixels.map(([x, y]) => [place(x, cx), place(y, cy)]);
}

/* Lists, slider and lens. Returns {show, closer}. */
function facemapControls(parent, model, set, onLens) {
  const controls = createElement("div", { class: "frw-controls" }),
    scales = model.get("scales"),
    lists = [
      ["Network", "space", model.get("spaces").map((s) => s.name)],
      ["Map", "layout", model.get("spaces")[0].layouts.map((l) => l.name)],
      ["Colour", "attribute", model.get("columns").map((c) => c.name)],
    ];
  parent.append(controls);
  const shown = lists.map(([label, key, options]) => [
    key,
    addSelect(controls, { label, options, value: model.get(key), onInput: (name) => set(key, name) }),
  ]);
  const format = (k) => formatNumber(scales[k], 2);
  const range = { min: 0, max: scales.length - 1, step: 1, value: model.get("scale"), format };
  const slider = addSlider(controls, { label: "Merge images closer than", ...range, onInput: (k) => set("scale", k) });
  const lens = addCheckbox(controls, { label: "Look closer at the picked image", value: false, onInput: onLens });
  const show = () => {
    shown.forEach(([key, list]) => list.set(model.get(key)));
    slider.set(model.get("scale"));
  };
  return { show, closer: () => lens.input.checked };
}

const FACEMAP_LEAD = "Point at an image, tap it, or use the arrow keys. Then move the slider to zoom out.";

function render({ model, el }) {
  const heading = { title: model.get("title"), description: model.get("description"), style: FACEMAP_STYLE };
  const frame = widgetFrame(el, heading),
    choices = facemapChoices(model),
    faces = model.get("faces"),
    columns = model.get("columns"),
    people = columns[0].values;
  frame.root.style.setProperty("--fm-sheet", `url("${faces.source}")`);
  frame.root.style.setProperty("--fm-size", `${100 * faces.columns}% ${100 * faces.rows}%`);
  const set = (key, value) => {
    if (model.get(key) === value) return;
    model.set(key, value);
    model.save_changes();
  };
  frame.card.append(createElement("p", { class: "frw-lead" }, FACEMAP_LEAD));
  let focus = model.get("point");
  const onLens = () => {
    focus = model.get("point");
    draw();
  };
  const controls = facemapControls(frame.card, model, set, onLens),
    duo = createElement("div", { class: "frw-duo" }),
    left = createElement("div");
  duo.append(left);
  const map = facesOnMap(left, (i) => set("point", i)),
    key = colorKey(left),
    panel = pickedPanel(duo, faces);
  frame.card.append(duo);
  const readout = addReadout(frame.card, ["distance", "discs", "of one person", "people in one disc"]);
  let drawn = false;
  function draw() {
    const { pixels: whole, heights, children, column, scale } = choices(),
      pixels = controls.closer() ? throughLens(whole, whole[focus]) : whole,
      point = model.get("point"),
      colors = frame.colors();
    const groups = groupsAt(children, heights, pixels.length, scale),
      discs = discsOf(groups, pixels, column, people),
      chosen = discs.find((d) => d.list.includes(point)),
      tally = tallyOf(groups, people);
    controls.show();
    map.draw({ discs, point }, column, homesOf(pixels, people), colors);
    key(column, colors);
    panel(point, chosen, columns);
    readout([formatNumber(scale, 2), String(discs.length), String(tally.pure), `${tally.whole} of ${tally.people}`]);
    if (drawn) frame.announce(`${valueOf(columns[0], point)}. ${discInWords(chosen)} ${discs.length} discs in all.`);
    drawn = true;
  }
  const events = ["space", "layout", "attribute", "scale", "point"].map((name) => `change:${name}`);
  events.forEach((event) => model.on(event, draw));
  frame.onTheme(draw);
  draw();
  return () => {
    events.forEach((event) => model.off(event, draw));
    frame.stop();
  };
}

/* How groups and people agree: groups of one person, people in one group, and both at once. */
function tallyOf(groups, people) {
  const inside = new Map(),
    spread = new Map();
  groups.forEach((g, i) => {
    inside.set(g, (inside.get(g) || new Set()).add(people[i]));
    spread.set(people[i], (spread.get(people[i]) || new Set()).add(g));
  });
  const single = (map) => [...map.values()].filter((set) => set.size === 1).length;
  return { pure: single(inside), whole: single(spread), people: spread.size };
}

export default { render };
