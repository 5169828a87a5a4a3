/* The parts of the page that a reader sees once the network runs. */

/* Builds the parts; `on` says what the reader does: choose(face), change(name, value), drag(across, down),
 * along(attribute), rest(), here(). Returns {pick, show, set, move, choose, draw}. */
function studioView(frame, known, on) {
  const { card } = frame,
    told = createElement("p", { class: "frw-lead", role: "status" }, PRIVATE),
    pick = picking(told, on);
  const mark = faceChooser(card, known, pick);
  const part = (name, ...children) => createElement("div", { class: name }, ...children),
    seen = part(""),
    [left, right] = [part("frw-panel"), part("frw-panel")],
    see = part("frw-see", seen);
  card.append(told, see, part("frw-panels", left, right));
  const crop = cropView(seen, known.marks, (across, down) => on.drag(across, down));
  const words = "Show where eyes, nose and mouth belong",
    marks = addCheckbox(left, { label: words, value: false, onInput: crop.showMarks });
  const { set, move, range } = studioSliders(left, known.attributes, on);
  const choose = (face) => {
    const own = !face.file;
    mark(face);
    marks.set(own);
    for (const follow of [range, crop.showMarks, crop.letDrag]) follow(own);
  };
  const draw = (face, values) => {
    const image = imageOf(face, values);
    crop.draw(image, `The crop that the network sees: ${titleOf(face)}`);
    return image;
  };
  return { pick, show: foundView(frame, see, right, known, on), set, move, choose, draw };
}

/* Returns pick(face), which chooses a face and says what went wrong. */
function picking(told, on) {
  return async (face) => {
    try {
      await on.choose(face);
      told.textContent = PRIVATE;
    } catch (error) {
      const own = `${face.name} cannot be read as an image.`;
      told.textContent = face.blob ? own : `The picture did not load: ${error.message}.`;
    }
  };
}

/* What the network sees of a face; the cut is kept while only colours change. */
function imageOf(face, values) {
  const { across, down, turn, zoom } = values,
    key = [across, down, turn, zoom].join();
  if (face.key !== key) Object.assign(face, { key, crop: cut(face.picture, movedFrame(face.frame, values)) });
  return changed(face.crop, CROP, values);
}

const titleOf = (face) => {
  if (!face.file) return "your photograph";
  const image = ["first", "second", "third"][face.image];
  return face.person === null ? `a stranger, ${image} image` : `${nameOf(face.person)}, ${image} new image`;
};

/* Drawn faces as buttons, and a file of one's own. Returns mark(face), which shows what is chosen. */
function faceChooser(parent, known, choose) {
  const faces = createElement("div", { class: "frw-faces", role: "group", "aria-label": "Drawn people" }),
    buttons = known.faces.map((face) => {
      const picture = createElement("img", { src: FILES + face.file, alt: titleOf(face), class: "dark-light" });
      const button = createElement(
        "button",
        { type: "button", "aria-pressed": "false", title: titleOf(face) },
        picture,
      );
      button.addEventListener("click", () => choose(face));
      faces.append(button);
      return [face, button];
    });
  parent.append(faces);
  fileChooser(parent, (blob) => choose({ blob, name: blob.name, person: null }));
  return ({ file }) =>
    buttons.forEach(([face, button]) => button.setAttribute("aria-pressed", String(face.file === file)));
}
