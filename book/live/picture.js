/* Pictures: a file of the site or of the reader becomes pixels; the crop is drawn with the marks of the template. */

/* Longest side that is kept of a photograph, in pixels. */
const LONGEST = 1024;

/* {width, height, data} of a file, upright. It stays in the memory of the page. */
async function openedPicture(blob) {
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  const shrink = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height)),
    [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * shrink)));
  const canvas = createElement("canvas", { width, height }),
    pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return pen.getImageData(0, 0, width, height);
}

/* The crop on a canvas, under the marks. onDrag(across, down) follows a pointer, in pixels of the crop.
 * Returns {draw, showMarks, letDrag}; letDrag(true) takes drags of a finger, which else scroll the page. */
function cropView(parent, marks, onDrag) {
  const canvas = createElement("canvas", { width: CROP, height: CROP, role: "img" }),
    pen = canvas.getContext("2d"),
    svg = createSvg("svg", { viewBox: `0 0 ${CROP} ${CROP}`, "aria-hidden": "true" }),
    host = createElement("div", { class: "frw-crop" }, canvas, svg);
  for (const [x, y] of marks)
    for (const name of ["frw-halo", "frw-mark"])
      svg.append(createSvg("path", { class: name, d: `M${x - 4} ${y}h8M${x} ${y - 4}v8` }));
  parent.append(host);
  let last = null;
  host.addEventListener("pointerdown", (event) => {
    last = [event.clientX, event.clientY];
    host.setPointerCapture(event.pointerId);
  });
  host.addEventListener("pointermove", (event) => {
    if (!last) return;
    const unit = CROP / host.getBoundingClientRect().width;
    onDrag((event.clientX - last[0]) * unit, (event.clientY - last[1]) * unit);
    last = [event.clientX, event.clientY];
  });
  for (const name of ["pointerup", "pointercancel"]) host.addEventListener(name, () => (last = null));
  const pixels = pen.createImageData(CROP, CROP);
  return {
    draw(image, words) {
      for (let p = 0; p < CROP * CROP; p++) {
        for (let c = 0; c < 3; c++) pixels.data[4 * p + c] = Math.round(image[3 * p + c]);
        pixels.data[4 * p + 3] = 255;
      }
      pen.putImageData(pixels, 0, 0);
      canvas.setAttribute("aria-label", words);
    },
    showMarks: (shown) => (svg.style.display = shown ? "" : "none"),
    letDrag: (able) => host.classList.toggle("frw-drag", able),
  };
}

/* Choose a file, or drop one anywhere on the page. onFile(file). */
function fileChooser(parent, onFile) {
  const input = createElement("input", { type: "file", accept: "image/*" });
  const words = createElement("span", {}, "A photograph of your own: choose it, or drop it on the page");
  parent.append(createElement("label", { class: "frw-control frw-file" }, words, input));
  input.addEventListener("change", () => input.files.length && onFile(input.files[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) onFile(event.dataTransfer.files[0]);
  });
}
