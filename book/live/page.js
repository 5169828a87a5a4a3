/* The page "Move a face yourself". State: what still.json of book/live holds, and `description`. */

/* Where this script lies, and beside it what it loads; null where a test runs the text in Node. */
const FILES = typeof document === "undefined" ? null : new URL("../live/", document.currentScript?.src || document.baseURI).href;

const STUDIO_STYLE = `
.frw-faces { display: flex; flex-wrap: wrap; gap: 0.35rem; margin: 0.6rem 0; padding: 0; border: 0; }
.frw .frw-faces button { padding: 0.15rem; line-height: 0; border-radius: 8px; }
.frw-faces img { width: 3rem; height: 3rem; border-radius: 6px; display: block; }
.frw .frw-faces button[aria-pressed="true"] { box-shadow: 0 0 0 2px var(--frw-accent); border-color: var(--frw-accent); }
.frw-file input { max-width: 100%; font: inherit; color: var(--frw-ink); }
.frw-still img { width: 100%; border-radius: 8px; }
.frw-see { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0.5rem 1.6rem; margin: 0.6rem 0;
  align-items: start; background: var(--frw-page); }
@container (max-width: 599px) { .frw-see { gap: 0.5rem; position: sticky; top: 3rem; z-index: 2; padding: 0.3rem 0; } }
.frw-crop { position: relative; line-height: 0; }
.frw-crop canvas { width: 100%; height: auto; border-radius: 10px; }
.frw .frw-crop svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.frw-drag { touch-action: none; cursor: move; }
.frw-halo { stroke: #000; stroke-width: 2; } .frw-mark { stroke: #fff; stroke-width: 0.9; }
.frw-now { fill: var(--frw-accent); stroke: var(--frw-ink); stroke-width: 1.5; }
.frw-ring { fill: none; stroke: var(--frw-ink); stroke-width: 1.5; }
.frw-other { fill: none; stroke: var(--frw-soft); }
.frw-sliders { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 0.5rem 1.2rem; margin: 0.6rem 0; }
.frw-part { margin: 0.2rem 0 0.3rem; font-weight: 600; font-size: 0.88rem; }
.frw-said { margin: 0.5rem 0; font-size: 0.95rem; }
.frw-kinds + svg { margin-top: 0.5rem; }
.frw-start { margin: 0.8rem 0; display: flex; flex-wrap: wrap; gap: 0.6rem 1rem; align-items: center; }
.frw-start p { margin: 0; }
`;

const OBSTACLES = {
  disk: "You opened this page from the disk, and browsers run no network from there. Run `make serve` in the folder of the book and open the page at the address that it prints. Below is what one face did when the book was built.",
  vectors: "This browser has no WebAssembly SIMD, which the network needs. Below is what one face did when the book was built.",
  old: "This browser cannot unpack the network: it is too old. Below is what one face did when the book was built.",
};
const STILL_KEYS = ["who", "places", "way", "nearest", "shifts", "crops", "share", "threshold"];
const PRIVATE = "A photograph that you choose is read by this page only. It is not sent anywhere, and it is forgotten when you leave.";

const megabytes = (sizes) => `${(Object.values(sizes).reduce((sum, size) => sum + size, 0) / 1e6).toFixed(1)} MB`;

function render({ model, el }) {
  const frame = widgetFrame(el, {
    title: "A face and where the network puts it",
    description: model.get("description"),
    style: STUDIO_STYLE,
  });
  const still = Object.fromEntries(STILL_KEYS.map((key) => [key, model.get(key)]));
  const problem = obstacle();
  const row = createElement("div", { class: "frw-start" }),
    said = createElement("p", { class: "frw-lead", role: "status" }, problem ? OBSTACLES[problem] : PRIVATE);
  frame.card.append(row, stillPicture(frame, still));
  if (!problem) startButton(row, said, frame, el, model.get("sizes"));
  row.append(said);
  return frame.stop;
}

/* The picture before the network is there. */
function stillPicture(frame, still) {
  const [first, last] = [still.nearest[0], still.nearest.at(-1)].map((value) => formatNumber(value));
  const words = `Drawn when the book was built: one face as it moves by ${still.shifts.at(-1)} of the ${CROP} pixels of its crop. The distance to the nearest
    image of a drawn person goes from ${first} to ${last}; beyond ${formatNumber(still.threshold)} the rule knows nobody.`;
  const shown = createElement("img", { src: still.crops, alt: "The crop at the start, half way, and at the end.", class: "dark-light" });
  const left = createElement("div", { class: "frw-panel" }, shown, createElement("p", { class: "frw-note" }, words)),
    right = createElement("div", { class: "frw-panel" }),
    draw = peopleMap(right, still);
  const paint = () => draw({ person: still.who[0], way: still.way }, frame.colors());
  frame.onTheme(paint);
  paint();
  mapLegend(right);
  right.append(createElement("p", { class: "frw-note" }, inPercent(still.share)));
  return createElement("div", { class: "frw-panels frw-still" }, left, right);
}
const inPercent = (share) => `The plane shows ${Math.round(100 * share)} % of the variance of these embeddings.`;

function startButton(row, said, frame, el, sizes) {
  const button = addButton(row, {
    label: `Start the network: ${megabytes(sizes)}`,
    onClick: async () => {
      button.disabled = true;
      try {
        const onShare = (share) => (said.textContent = `Loading: ${Math.round(100 * share)} %`);
        const network = await startNetwork(FILES, sizes, onShare);
        const first = frame.card.querySelector(".frw-title");
        frame.card.replaceChildren(first);
        await studio(frame, el, network);
        frame.card.querySelector("button").focus();
      } catch (error) {
        button.disabled = false;
        said.textContent = `The network did not start: ${error.message}. Press the button to try again.`;
      }
    },
  });
}

const AT_REST = { brightness: 0, hue: 0, image_quality: 0, across: 0, down: 0, turn: 0, zoom: 0 };
const signed = (unit, digits = 0) => (value) => `${value > 0 ? "+" : ""}${formatNumber(value, digits)}${unit}`;
const quality = (value) => (value === 0 ? "unchanged" : `${value < 0 ? "blur" : "contrast"} ${formatNumber(Math.abs(value))}`);

/* Sliders by name: label, step, how a value is said, and its ends for a drawn face and for a photograph. */
function sliderList(attributes) {
  const ends = (name) => [attributes[name].low, attributes[name].high];
  const pixels = [
    ["brightness", "Brightness", 1, signed(" of 255")],
    ["hue", "Hue", 0.1, (value) => signed("°", 1)(2 * value)],
    ["image_quality", "Image quality", 0.05, quality],
  ].map(([name, ...rest]) => [name, ...rest, ends(name), ends(name)]);
  const percent = (value) => `${Math.round(100 * 2 ** value)} %`;
  return [
    ...pixels,
    ["across", "Move to the right", 0.5, signed(" px", 1), [-20, 20], [-112, 112]],
    ["down", "Move down", 0.5, signed(" px", 1), [-20, 20], [-112, 112]],
    ["turn", "Turn", 0.5, signed("°", 1), [-30, 30], [-90, 90]],
    ["zoom", "Zoom", 0.02, percent, [-0.5, 0.5], [-1, 3]],
  ];
}

/* Everything that a reader does once the network is there. */
async function studio(frame, el, { people, embed }) {
  const known = openedPeople(people),
    state = { values: { ...AT_REST }, attribute: "brightness", way: [], start: null };
  const view = studioView(frame, known, {
    choose: (face) => choose(face),
    change: (name, value) => {
      state.values[name] = value;
      update();
    },
    drag: (across, down) => {
      view.move(state.values, { across, down });
      update();
    },
    along: (attribute) => {
      state.attribute = attribute;
      update();
    },
    rest: () => {
      state.values = { ...AT_REST };
      view.set(state.values);
      update();
    },
    here: () => {
      state.start = null;
      update();
    },
  });
  let wanted = 0;
  async function update() {
    const turn = ++wanted,
      { face, values, attribute } = state,
      image = view.draw(face, values);
    const at = (step) => embed(changed(face.crop, CROP, { ...values, [attribute]: values[attribute] + step }));
    const now = performance.now(),
      raw = await embed(image),
      point = unit(raw),
      took = performance.now() - now;
    if (turn !== wanted) return; /* the reader went on */
    const ends = [unit(await at(-known.step[attribute])), unit(await at(known.step[attribute]))];
    if (turn !== wanted) return;
    if (!state.start) [state.start, state.way] = [point, []];
    state.way = [...state.way, inPlane(point, known.plane)].slice(-400);
    const field = directionOf(...ends);
    const found = { point, field, took, attribute, face, moved: apart(point, state.start), way: state.way };
    view.show(found);
    el.dispatchEvent(new CustomEvent("frlib-moved", { detail: { ...found, raw, values: { ...values } } }));
  }
  async function choose(face) {
    const picture = await openedPicture(face.blob || (await (await fetch(FILES + face.file)).blob()));
    Object.assign(state, { face: { ...face, picture, frame: face.frame || middleFrame(picture) }, values: { ...AT_REST }, start: null });
    view.choose(state.face);
    view.set(state.values);
    await update();
  }
  await choose(known.faces[0]);
}

/* What people.json holds, with lists of numbers unpacked. */
function openedPeople(people) {
  const center = unpack(people.plane.center),
    rows = (packed) => rowsOf(unpack(packed), center.length),
    { scale, x, y, marks } = people.frame;
  const faces = people.chosen.map(({ person, image }) => {
    const known = people.who.includes(person);
    return { file: `${person}-${image}.jpg`, person: known ? person : null, image, frame: { a: scale, b: 0, x, y } };
  });
  const plane = { center, axes: rows(people.plane.axes), share: people.plane.share },
    points = rows(people.points).map(unit);
  const fields = Object.fromEntries(Object.entries(people.fields).map(([name, field]) => [name, rows(field).map(unit)]));
  return { ...people, faces, plane, points, fields, marks, places: points.map((point) => inPlane(point, plane)) };
}
