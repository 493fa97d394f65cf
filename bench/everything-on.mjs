#!/usr/bin/env node
// What it costs a node to have everything on: one-way messages to one that has, and to one that has not, in turn.
//
//   node bench/everything-on.mjs PROGRAM [PAIRS]
//
// For Linux with two processors, and Node 20 or later. PROGRAM is a published devp2p. All nodes are on 127.0.0.1. The figure is CPU time of
// both ends; sender and receiver have a processor each, and both receivers are started anew every few pairs: with one pair of
// processes for all runs the result was off by some percent.
import { spawn, execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createServer } from "node:net";

const Size = 1024;
const Time = "0.8s";
const PairsOfProcesses = 6;
const ScrapeEvery = 5000;
const Limits = ["--upload-limit", "4000M", "--download-limit", "4000M", "--peer-upload-limit", "3000M", "--peer-download-limit", "3000M"];

const [program, pairsText] = process.argv.slice(2);
const pairs = Number(pairsText ?? 120);
if (!program || !Number.isInteger(pairs) || pairs < 3) {
  console.error("usage: node bench/everything-on.mjs PROGRAM [PAIRS]");
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "devp2p-everything-on-"));
const children = new Set();
const httpPort = await freePort();
let scrapes = 0;

const scraper = setInterval(() => fetch(`http://127.0.0.1:${httpPort}/metrics`).then(r => r.text()).then(() => scrapes++, () => {}), ScrapeEvery);
try {
  await measure();
} finally {
  clearInterval(scraper);
  await stopAll();
  rmSync(directory, { recursive: true, force: true });
}

async function measure() {
  const ratios = [];
  let nodes;
  for (let i = 0; i < pairs; i++) {
    if (i % PairsOfProcesses === 0) {
      await stopAll();
      nodes = await startBoth(i);
      await cost(nodes.off);
      await cost(nodes.on);
    }

    const onFirst = i % 2 === 1;
    const first = await cost(onFirst ? nodes.on : nodes.off);
    const second = await cost(onFirst ? nodes.off : nodes.on);
    ratios.push(onFirst ? first / second : second / first);
    const [low, middle, high] = [0.25, 0.5, 0.75].map(part => quantile(ratios, part));
    console.log(`${i + 1} pairs: on / off = ${middle.toFixed(4)} (median; quartiles ${low.toFixed(3)} and ${high.toFixed(3)}), ${scrapes} scrapes`);
  }
}

async function startBoth(number) {
  const ipc = join(directory, `${number}.ipc`);
  const on = () => start(`on-${number}`, ["--http", `127.0.0.1:${httpPort}`, "--ipc", ipc, ...Limits]);
  const off = () => start(`off-${number}`, []);
  // Who is started first shall not matter either.
  const isOnFirst = (number / PairsOfProcesses) % 2 === 1;
  const first = await (isOnFirst ? on() : off());
  const second = await (isOnFirst ? off() : on());
  run([program, "attach", ipc, "events", "--follow"]).stdout.resume();
  return isOnFirst ? { on: first, off: second } : { on: second, off: first };
}

async function start(name, more) {
  const child = run(["taskset", "-c", "1", program, "run", "--echo", "--no-discovery", "--nat", "none", "--listen", "127.0.0.1:0", "--data-dir", join(directory, name), "--verbosity", "error", ...more]);
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /enode:\/\/[0-9a-f]+@127\.0\.0\.1:\d+/.exec(line);
    if (url) {
      child.stdout.resume();
      return { url: url[0], pid: child.pid };
    }
  }

  throw new Error(`${name} has ended`);
}

function run([command, ...args]) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  child.on("exit", () => children.delete(child));
  return child;
}

async function stopAll() {
  await Promise.all([...children].map(child => new Promise(resolve => child.on("exit", resolve).kill())));
}

function cost(node) {
  const args = ["-c", "0", program, "bench", "rlpx", "--size", `${Size}`, "--runs", "1", "--time", Time, "--target", node.url, "--target-pid", `${node.pid}`, "--json"];
  return new Promise((resolve, reject) => execFile("taskset", args, (error, out) => (error ? reject(error) : resolve(JSON.parse(out).value))));
}

function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  return sorted[Math.floor(at)] + (at % 1) * (sorted[Math.ceil(at)] - sorted[Math.floor(at)]);
}

function freePort() {
  return new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
