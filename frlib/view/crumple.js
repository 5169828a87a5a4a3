/* A sheet that the reader folds and crumples: its lines along u, which are the field, and the energy of that field in
 * a small and in a large ball, at every amount of crumpling.
 *
 * Everything is computed here. frlib.training.sheet gives the same points and vectors, and frlib.geometry.energy_sweep
 * the same energies (tests/view/test_crumple.py).
 *
 * State, from frlib.view.crumple: fold, crumple, waves, side, steps (the constants of frlib.training.sheet), scales
 * (of the small and of the large ball), amount, title, description.
 */

const CRUMPLE_STYLE = `
.frw-mesh, .frw-warp { fill: none; stroke: var(--frw-line); stroke-width: 1; stroke-linejoin: round; }
.frw-warp { stroke: var(--frw-soft); stroke-width: 1.2; }
.frw-round { fill: var(--frw-accent); fill-opacity: 0.09; stroke: var(--frw-accent); }
.frw-inside { fill: none; stroke-width: 2.2; }
.frw-picked { fill: none; stroke: var(--frw-ink); stroke-width: 3.4; }
.frw-amounts { cursor: ew-resize; touch-action: pan-y; }
.frw-amounts-grid { stroke: var(--frw-line); }
.frw-small, .frw-large { fill: none; stroke: var(--frw-soft); stroke-width: 1.8; stroke-linejoin: round; }
.frw-small { stroke-dasharray: 6 4; }
.frw-amounts .frw-chosen-ball { stroke: var(--frw-accent); stroke-width: 3; }
.frw-amounts-now { stroke: var(--frw-ink); stroke-width: 1.2; }
.frw-amounts circle { fill: var(--frw-accent); stroke: var(--frw-page); stroke-width: 1.5; }
`;

const CRUMPLE_AMOUNTS = Array.from({ length: 41 }, (_, k) => k / 40);
const CRUMPLE_NAMES = [[0, "flat"], [0.5, "folded"], [1, "crumpled"]];
const CRUMPLE_BALLS = ["small", "large"];
const CRUMPLE_BINS = 9;
const CRUMPLE_GLIDE = 700; /* ms from one stage to another */
const CRUMPLE_UNIT = 136; /* of the map, for a length of 1 on the sheet */
const CRUMPLE_VIEW = { turn: Math.PI / 7, rise: Math.PI / 6 };

/* ------------------------------------------------------------------------------------------------------- the maths */

/* Direction of the line along u at (u, v): a unit vector. */
function sheetDirection({ fold, crumple, waves }, u, v, amount) {
  const folded = Math.min(1, 2 * amount),
    crumpled = Math.max(0, 2 * amount - 1);
  let bend = folded * fold * Math.cos(2 * Math.PI * u),
    tilt = 0;
  for (const [along, across, phase, other] of waves) {
    bend += crumpled * crumple[0] * Math.sin(along * u + across * v + phase);
    tilt += crumpled * crumple[1] * Math.sin(along * u - across * v + other);
  }
  return [Math.cos(bend) * Math.cos(tilt), Math.sin(tilt), Math.sin(bend) * Math.cos(tilt)];
}

/* Points and unit vectors (side * side, 3), line by line, and the lines along u with all their steps, for drawing. */
function crumpledSheet(constants, amount) {
  const { side, steps } = constants,
    parts = (side - 1) * steps,
    step = 2 / parts;
  const points = new Float64Array(3 * side * side),
    field = new Float64Array(3 * side * side),
    lines = [];
  for (let line = 0; line < side; line++) {
    const v = -1 + (2 * line) / (side - 1),
      place = [0, 0, 0],
      mean = [0, 0, 0],
      path = [];
    for (let k = 0; k <= parts; k++) {
      path.push([...place]);
      const way = sheetDirection(constants, -1 + step * (k + 0.5), v, amount);
      for (const axis of [0, 1, 2]) {
        mean[axis] += place[axis] / (parts + 1);
        place[axis] += step * way[axis];
      }
    }
    mean[1] -= v;
    lines.push(Float64Array.from(path.flatMap((spot) => spot.map((value, axis) => value - mean[axis]))));
    for (let k = 0; k < side; k++) {
      const way = sheetDirection(constants, -1 + (2 * k) / (side - 1), v, amount);
      for (const axis of [0, 1, 2]) {
        points[3 * (line * side + k) + axis] = lines[line][3 * k * steps + axis];
        field[3 * (line * side + k) + axis] = way[axis];
      }
    }
  }
  return { points, field, lines };
}

/* The sheet at an amount, the energies of both balls, and how far the ends of a line are apart, over its length. */
function openSheet(constants, amount) {
  const { side, scales } = constants,
    count = side * side,
    { points, field, lines } = crumpledSheet(constants, amount);
  const distances = pairDistances(points, count, 3, "euclidean"),
    cosines = innerProducts(field, count, 3),
    mean = meanPairDistance(distances, count),
    radii = scales.map((scale) => scale * mean),
    rows = radii.map((radius) => energyAt(distances, cosines, count, radius));
  let reach = 0;
  for (let line = 0; line < side; line++) {
    const [first, last] = [line * side, line * side + side - 1];
    reach += distances[first * count + last] / (2 * side);
  }
  return { points, field, lines, distances, cosines, radii, rows, reach };
}

/* Points or vectors as they are seen from a little above: pairs of coordinates on the map, y downwards. */
function seenFrom(values, origin) {
  const { turn, rise } = CRUMPLE_VIEW;
  return Array.from({ length: values.length / 3 }, (_, i) => {
    const [x, y, z] = values.subarray(3 * i, 3 * i + 3),
      back = y * Math.cos(turn) - x * Math.sin(turn);
    return [
      origin + CRUMPLE_UNIT * (x * Math.cos(turn) + y * Math.sin(turn)),
      origin - CRUMPLE_UNIT * (z * Math.cos(rise) + back * Math.sin(rise)),
    ];
  });
}

/* ----------------------------------------------------------------------------------------------------- the pictures */

/* The sheet: lines across, lines along u, the ball of the picked point and the vectors in it. Returns draw(look). */
function sheetMap(parent, side, now, onPick) {
  const { svg } = pickableMap(parent, { mark: "point", now, onPick });
  const mesh = createSvg("path", { class: "frw-mesh" }),
    warp = createSvg("path", { class: "frw-warp" }),
    round = createSvg("circle", { class: "frw-round" }),
    inside = Array.from({ length: CRUMPLE_BINS }, () => createSvg("path", { class: "frw-inside" })),
    picked = createSvg("path", { class: "frw-picked" }),
    spot = createSvg("circle", { r: 4.5, fill: "var(--frw-ink)" });
  svg.append(mesh, warp, round, ...inside, picked, spot);
  const drawn = (pixels) => `M${pixels.map((at) => at.map((value) => value.toFixed(1)).join(" ")).join("L")}`;
  return ({ pixels, field, lines, cosines, radii, chosen, ball, point, dark }) => {
    const ways = seenFrom(field, 0),
      arrow = (i) => arrowPath(...pixels[i], 0.14 * ways[i][0], 0.14 * ways[i][1], 5),
      across = Array.from({ length: side }, (_, k) => pixels.filter((_, i) => i % side === k)),
      share = (j) => (cosines[point * side * side + j] + 1) / 2,
      bin = (j) => Math.min(CRUMPLE_BINS - 1, Math.floor(share(j) * CRUMPLE_BINS));
    mesh.setAttribute("d", across.map(drawn).join(""));
    warp.setAttribute("d", lines.map((line) => drawn(seenFrom(line, MAP_SIDE / 2))).join(""));
    const middle = (k) => -1 + (2 * k + 1) / CRUMPLE_BINS;
    inside.forEach((path, k) =>
      setAll(path, { stroke: cosineColor(middle(k), dark), d: ball.filter((j) => bin(j) === k).map(arrow).join("") }));
    picked.setAttribute("d", arrow(point));
    const [cx, cy] = pixels[point];
    setAll(spot, { cx, cy });
    setAll(round, { cx, cy, r: CRUMPLE_UNIT * radii[chosen] });
  };
}

/* Energy in both balls at every amount. Returns draw(look). */
const CRUMPLE_CURVES = { width: 320, height: 214, left: 46, right: 14, top: 14, bottom: 40 };
function amountCurves(parent, energies, onAmount) {
  const { width, height, left, right, top, bottom } = CRUMPLE_CURVES,
    toX = scaleLinear([0, 1], [left, width - right]),
    toY = scaleLinear([0, 1.1], [height - bottom, top]);
  const svg = createSvg("svg", { class: "frw-amounts", viewBox: `0 0 ${width} ${height}`, role: "img" }),
    rule = createSvg("line", { class: "frw-amounts-now", y1: top, y2: height - bottom }),
    spots = CRUMPLE_BALLS.map(() => createSvg("circle", { r: 5 }));
  const lines = CRUMPLE_BALLS.map((name, ball) => createSvg("path", { class: `frw-${name}`,
    d: `M${energies.map((row, k) => `${toX(CRUMPLE_AMOUNTS[k])} ${toY(row[ball]).toFixed(1)}`).join("L")}` }));
  svg.append(...amountAxes(toX, toY), ...lines, rule, ...spots);
  parent.append(svg);
  followPointer(svg, (event) => {
    const box = svg.getBoundingClientRect(),
      share = (((event.clientX - box.left) / box.width) * width - left) / (width - right - left);
    onAmount(Math.round(40 * Math.min(1, Math.max(0, share))) / 40);
  });
  return ({ amount, chosen, rows }) => {
    setAll(rule, { x1: toX(amount), x2: toX(amount) });
    lines.forEach((line, ball) => line.classList.toggle("frw-chosen-ball", ball === chosen));
    spots.forEach((spot, ball) => setAll(spot, { cx: toX(amount), cy: toY(rows[ball].energy) }));
    svg.setAttribute("aria-label", `Energy against the amount of crumpling. ${sheetInWords({ amount, rows })}`);
  };
}

/* Axes and grid. */
function amountAxes(toX, toY) {
  const { width, height, left, right, top, bottom } = CRUMPLE_CURVES,
    [end, middle] = [width - right, (top + height - bottom) / 2];
  const text = (words, attributes) => createSvg("text", { "text-anchor": "middle", ...attributes }, words);
  return [
    ...[0, 0.5, 1].flatMap((tick) => [
      createSvg("line", { class: "frw-amounts-grid", x1: left, x2: end, y1: toY(tick), y2: toY(tick) }),
      text(formatNumber(tick, 1), { x: left - 7, y: toY(tick) + 4, "text-anchor": "end" }),
    ]),
    ...CRUMPLE_NAMES.map(([amount, name]) =>
      text(name, { x: toX(amount), y: height - 20, "text-anchor": ["start", "middle", "end"][2 * amount] })),
    text("energy", { x: 12, y: middle, transform: `rotate(-90 12 ${middle})` }),
  ];
}

/* What the reader looks at, in words. */
function amountInWords(amount) {
  const name = CRUMPLE_NAMES.find(([stage]) => stage === amount);
  return name ? name[1] : amount < 0.5 ? "between flat and folded" : "between folded and crumpled";
}
function sheetInWords({ amount, rows: [small, large] }) {
  return `${amountInWords(amount)}: energy ${formatNumber(small.energy)} in small balls, ` +
    `${formatNumber(large.energy)} in large ones.`;
}

/* ------------------------------------------------------------------------------------------------------- the widget */

const CRUMPLE_LEAD = "Fold the sheet, then crumple it. Pick a point with the pointer, a finger or the arrow keys.";
const CRUMPLE_NOTE =
  "The lines run along the attribute. Arrows: the field in the ball of the picked point (thick arrow); blue ones " +
  "agree with it, orange ones oppose it. The ball is round in space, so it can hold several layers. All arrows have " +
  "one length in space: a short one points at you or away.";
const CRUMPLE_READOUT = [
  "energy, small balls",
  "energy, large balls",
  "1 − mean cosine, this ball",
  "end to end ÷ length",
];

/* Buttons for the stages, the slider, and buttons for the balls. Returns show(look). */
function sheetControls(parent, scales, start, set) {
  const controls = createElement("div", { class: "frw-controls" }),
    group = (label) => createElement("div", { class: "frw-kinds", role: "group", "aria-label": label });
  const [stages, balls] = [group("Stage"), group("Ball")];
  const names = CRUMPLE_NAMES.map(([amount, label]) =>
    addButton(stages, { label, onClick: () => set({ amount }, true) }));
  const kinds = CRUMPLE_BALLS.map((name, chosen) =>
    addButton(balls, { label: `${name} ball, ε = ${shortNumber(scales[chosen])}`, onClick: () => set({ chosen }) }));
  parent.append(stages, controls);
  const slider = addSlider(controls, { label: "Crumpling", min: 0, max: 1, step: 0.025, value: start,
    format: amountInWords, onInput: (amount) => set({ amount }) });
  slider.input.setAttribute("aria-label", "Crumpling");
  controls.append(balls);
  return ({ amount, chosen }) => {
    slider.set(amount);
    names.forEach((button, k) => button.setAttribute("aria-pressed", String(CRUMPLE_NAMES[k][0] === amount)));
    kinds.forEach((button, k) => button.setAttribute("aria-pressed", String(k === chosen)));
  };
}

/* The map, and the curves with the numbers. Returns draw(look). */
function sheetPanels(parent, constants, now, set) {
  const [left, right] = [0, 1].map(() => createElement("div", { class: "frw-panel" }));
  parent.append(createElement("div", { class: "frw-panels" }, left, right));
  const map = sheetMap(left, constants.side, now, (point) => set({ point }));
  addLegend(right, CRUMPLE_BALLS.map((name, ball) =>
    [lineSample(`frw-${name}`), `${name} balls, ε = ${shortNumber(constants.scales[ball])}`]));
  const energies = CRUMPLE_AMOUNTS.map((amount) => openSheet(constants, amount).rows.map((row) => row.energy)),
    curves = amountCurves(right, energies, (amount) => set({ amount })),
    readout = addReadout(right, CRUMPLE_READOUT);
  return (look) => {
    const { rows, chosen, point, reach } = look;
    map(look);
    curves(look);
    readout([rows[0].energy, rows[1].energy, rows[chosen].own[point], reach].map((value) => formatNumber(value)));
  };
}

function render({ model, el }) {
  const keys = ["fold", "crumple", "waves", "side", "steps", "scales"],
    constants = Object.fromEntries(keys.map((key) => [key, model.get(key)])),
    count = constants.side ** 2;
  const frame = widgetFrame(el, { title: model.get("title"), description: model.get("description"),
    style: CRUMPLE_STYLE });
  const state = { amount: model.get("amount"), chosen: 0, point: Math.floor((count + constants.side) / 2) };
  let sheet, pixels;
  frame.card.append(createElement("p", { class: "frw-lead" }, CRUMPLE_LEAD));
  const controls = sheetControls(frame.card, constants.scales, state.amount, set),
    panels = sheetPanels(frame.card, constants, () => ({ pixels, current: state.point }), set);
  frame.card.append(createElement("p", { class: "frw-note" }, CRUMPLE_NOTE));
  function draw() {
    const ball = neighborsOf(sheet.distances, count, state.point, sheet.radii[state.chosen]),
      look = { ...sheet, ...state, pixels, ball, dark: frame.colors().dark };
    controls(look);
    panels(look);
    Object.assign(el.dataset, { amount: state.amount, chosen: state.chosen, point: state.point,
      small: sheet.rows[0].energy, large: sheet.rows[1].energy, neighbors: ball.length });
  }
  const glide = gliding(CRUMPLE_GLIDE, ([[amount]]) => {
    state.amount = amount;
    sheet = openSheet(constants, amount);
    pixels = seenFrom(sheet.points, MAP_SIDE / 2);
    draw();
  });
  function set({ amount, ...change }, smooth = false) {
    Object.assign(state, change);
    if (amount === undefined) draw();
    else glide.to([[amount]], smooth);
    const end = amount ?? state.amount;
    frame.announce(sheetInWords({ amount: end, rows: openSheet(constants, end).rows }));
  }
  frame.onTheme(draw);
  glide.to([[state.amount]], false);
  return () => {
    glide.stop();
    frame.stop();
  };
}

export default { render };
