/* The page "Move a face yourself". State: what still.json of book/live holds, and `description`. */

/* Where this script lies, and beside it what it loads; null where a test runs the text in Node. */
const FILES =
  typeof document === "undefined" ? null : new URL("../live/", document.currentScript?.src || document.baseURI).href;

const OBSTACLES = {
  disk:
    "You opened this page from the disk, and browsers run no network from there. Run “make serve” in the folder of " +
    "the book, and open the page at the address that it prints.",
  vectors: "This browser has no WebAssembly SIMD, which the network needs.",
  old: "This browser cannot unpack the network: it is too old.",
};
const STILL_KEYS = ["who", "places", "way", "nearest", "shifts", "crops", "share", "threshold"];
const PRIVATE =
  "A photograph that you choose is read by this page only. It is sent nowhere, and it is forgotten when you leave.";

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
  const words =
    `Drawn when the book was built: one face as it moves by ${still.shifts.at(-1)} of the ${CROP} pixels of its ` +
    `crop. The distance to the nearest image of a drawn person goes from ${first} to ${last}; beyond ` +
    `${formatNumber(still.threshold)} the rule knows nobody.`;
  const shown = createElement("img", {
    src: still.crops,
    alt: "The crop at the start, half way, and at the end.",
    class: "dark-light",
  });
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
  const onShare = (share) => (said.textContent = `Loading: ${Math.round(100 * share)} %`);
  const button = addButton(row, {
    label: `Start the network: ${megabytes(sizes)}`,
    onClick: async () => {
      button.disabled = true;
      try {
        studio(frame, el, await startNetwork(FILES, sizes, onShare));
      } catch (error) {
        button.disabled = false;
        said.textContent = `The network did not start: ${error.message}. Press the button to try again.`;
      }
    },
  });
}
