// Run published networks in their own runtime, TensorFlow.js on its WebAssembly backend.
// Arguments: a folder with jobs.json, images.bin files and the model files. See make_references.py.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { join, dirname } from "node:path";

const folder = process.argv[2];
const require = createRequire(join(folder, "package.json"));
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")), "/"));
await tf.setBackend("wasm");
await tf.ready();

function floats(path, shape) {
  const bytes = readFileSync(path);
  return tf.tensor(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), shape);
}

async function graphModel(job) {
  const model = JSON.parse(readFileSync(job.model));
  const weights = model.weightsManifest.flatMap((group) => group.weights);
  const parts = model.weightsManifest.flatMap((group) => group.paths.map((p) => readFileSync(join(dirname(job.model), p))));
  const data = Buffer.concat(parts);
  const artifacts = { modelTopology: model.modelTopology, format: "graph-model", weightSpecs: weights,
    weightData: data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) };
  const network = await tf.loadGraphModel({ load: async () => artifacts });
  const rows = [];
  const images = floats(job.input, job.shape);
  for (const image of tf.unstack(images)) rows.push(network.execute(image.expandDims(0), job.output));
  return tf.concat(rows.map((row) => row.reshape([1, -1])));
}

async function faceApi(job) {
  const faceapi = require("@vladmandic/face-api/dist/face-api.node-wasm.js");
  const network = new faceapi.FaceRecognitionNet();
  await network.loadFromDisk(dirname(job.model));
  const rows = [];
  for (const image of tf.unstack(floats(job.input, job.shape))) rows.push(tf.tensor(await network.computeFaceDescriptor(image)));
  return tf.stack(rows);
}

for (const job of JSON.parse(readFileSync(join(folder, "jobs.json")))) {
  const result = await (job.output ? graphModel(job) : faceApi(job));
  writeFileSync(job.result, Buffer.from((await result.data()).buffer));
  console.log(job.name, result.shape, tf.getBackend());
}
