/* The network in the page: fetched when the reader asks, from files beside the page's own, and run by WebAssembly. */

/* A program of one vector instruction: valid where the browser has them. */
const WITH_VECTORS = "0 97 115 109 1 0 0 0 1 5 1 96 0 1 123 3 2 1 0 10 10 1 8 0 65 0 253 15 253 98 11".split(" ");

/* Why the network cannot run here; empty if it can. */
function obstacle(view = window) {
  if (view.location.protocol === "file:") return "disk";
  if (!view.WebAssembly?.validate(Uint8Array.from(WITH_VECTORS, Number))) return "vectors";
  if (!view.DecompressionStream || !view.createImageBitmap) return "old";
  return "";
}

/* A file as {blob}, unpacked if it is still gzipped. onBytes(count) is called as it arrives. */
async function fetched(address, onBytes = () => {}, signal = undefined) {
  const response = await fetch(address, { signal });
  if (!response.ok) throw new Error(`${address.split("/").pop()}: ${response.status} ${response.statusText}`);
  const parts = [],
    reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    onBytes(part.value.length);
  }
  const blob = new Blob(parts),
    [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  if (first !== 0x1f || second !== 0x8b) return { blob };
  return { blob: await new Response(blob.stream().pipeThrough(new DecompressionStream("gzip"))).blob() };
}

function scriptAdded(address) {
  return new Promise((resolve, reject) => {
    const script = createElement("script", { src: address });
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${address.split("/").pop()} did not load`));
    document.head.append(script);
  });
}

/* Load everything. Returns {people, embed}: what people.json holds, and embed(crop), a promise of the raw embedding.
 * onShare(share) follows the bytes; it is not called any more once a file has failed. */
async function startNetwork(base, sizes, onShare) {
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0),
    stop = new AbortController();
  let bytes = sizes["runtime.js"];
  const onBytes = (count) => !stop.signal.aborted && onShare(Math.min(1, (bytes += count) / total));
  const file = (name) => fetched(base + name, onBytes, stop.signal);
  const [program, network, people] = await Promise.all([
    file("runtime.wasm.gz").then(({ blob }) => blob.arrayBuffer()),
    file("network.onnx.gz").then(({ blob }) => blob.arrayBuffer()),
    file("people.json.gz").then(async ({ blob }) => JSON.parse(await blob.text())),
    window.ort || scriptAdded(base + "runtime.js"),
  ]).catch((error) => {
    stop.abort();
    throw error;
  });
  const address = URL.createObjectURL(new Blob([program], { type: "application/wasm" }));
  Object.assign(ort.env.wasm, { numThreads: 1, simd: true, wasmPaths: { "ort-wasm-simd.wasm": address } });
  const session = await ort.InferenceSession.create(network, { executionProviders: ["wasm"] });
  URL.revokeObjectURL(address);
  return { people, embed: (crop) => embedded(session, crop) };
}

/* The session runs one image at a time, so each waits for those before it. */
let before = Promise.resolve();
function embedded(session, crop) {
  const run = async () => {
    const image = new ort.Tensor("float32", channelsFirst(crop), [1, 3, CROP, CROP]);
    const { embedding } = await session.run({ image });
    return Float64Array.from(embedding.data);
  };
  before = before.then(run, run);
  return before;
}

/* Rows of pixels with three channels -> three images of one channel. */
function channelsFirst(crop) {
  const count = CROP * CROP;
  return Float32Array.from({ length: 3 * count }, (_, k) => crop[3 * (k % count) + Math.floor(k / count)]);
}
