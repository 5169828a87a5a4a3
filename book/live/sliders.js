/* The sliders: what a reader can change. */

const AT_REST = { brightness: 0, hue: 0, image_quality: 0, across: 0, down: 0, turn: 0, zoom: 0 };
const signed = (value, unit, digits) => `${value > 0 ? "+" : ""}${formatNumber(value, digits)}${unit}`;
const quality = (value) =>
  value === 0 ? "unchanged" : `${value < 0 ? "blur" : "contrast"} ${formatNumber(Math.abs(value))}`;

/* Sliders by name: label, step, how a value is said, and its ends for a drawn face and for a photograph. */
function sliderList(attributes) {
  const ends = (name) => [attributes[name].low, attributes[name].high];
  const pixels = [
    ["brightness", "Brightness", 1, (value) => signed(value, " of 255", 0)],
    ["hue", "Hue", 0.1, (value) => signed(2 * value, "°", 1)],
    ["image_quality", "Image quality", 0.05, quality],
  ].map(([name, ...rest]) => [name, ...rest, ends(name), ends(name)]);
  const shift = (value) => signed(value, " px", 1),
    angle = (value) => signed(value, "°", 1),
    percent = (value) => `${Math.round(100 * 2 ** value)} %`;
  return [
    ...pixels,
    ["across", "Move to the right", 0.5, shift, [-20, 20], [-112, 112]],
    ["down", "Move down", 0.5, shift, [-20, 20], [-112, 112]],
    ["turn", "Turn", 0.5, angle, [-30, 30], [-90, 90]],
    ["zoom", "Zoom", 0.02, percent, [-0.5, 0.5], [-1, 3]],
  ];
}

/* A titled group of sliders of the list, which are put into `made` by name. */
function sliderGroup(parent, title, part, made, onChange) {
  const group = createElement("div", { class: "frw-sliders", role: "group", "aria-label": title });
  parent.append(createElement("p", { class: "frw-part" }, title), group);
  for (const [name, label, step, format, [min, max]] of part) {
    const range = { min, max, step, value: AT_REST[name] };
    made[name] = addSlider(group, { label, ...range, format, onInput: (value) => onChange(name, value) });
  }
}

/* The sliders in two groups, and two buttons. Returns {set, move, range}. */
function studioSliders(parent, attributes, on) {
  const list = sliderList(attributes),
    made = {},
    onChange = (name, value) => on.change(name, value);
  sliderGroup(parent, "Change the image", list.slice(0, 3), made, onChange);
  sliderGroup(parent, "Move the face in its crop", list.slice(3), made, onChange);
  const buttons = createElement("div", { class: "frw-controls" });
  parent.append(buttons);
  addButton(buttons, { label: "All sliders back", onClick: () => on.rest() });
  addButton(buttons, { label: "Start the way from here", onClick: () => on.here() });
  const set = (values) => Object.entries(made).forEach(([name, slider]) => slider.set(values[name]));
  return {
    set,
    range: (own) =>
      list.forEach(([name, , , , drawn, photograph]) => {
        const [min, max] = own ? photograph : drawn;
        setAll(made[name].input, { min, max });
      }),
    move: (values, by) => {
      for (const [name, amount] of Object.entries(by)) {
        const { min, max } = made[name].input;
        values[name] = Math.min(Number(max), Math.max(Number(min), values[name] + amount));
      }
      set(values);
    },
  };
}
