// The page: controls, figures and keys around one session at a time.

import { Figures } from "./figures.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const stage = new Stage($("stage"));
const figures = new Figures();
const legend = new Map(); // class key -> { count, share }
const STAGES = ["wait", "decode", "resize", "network", "draw", "encode", "send", "total"];
const OPACITY_STEP = 0.05;
const REFRESH_MS = 250;
let session = null;
let latest = null;
let shownPlace = "";

function say(text, state = "") {
  const status = $("status");
  status.textContent = text;
  status.dataset.state = state;
}

const chosen = () => document.querySelector('input[name="input"]:checked').value;
const drawnHere = () => chosen() !== "source" && $("drawn").value === "mask";

function wish() {
  return {
    input: chosen(),
    device: $("camera").value,
    file: $("file").files[0],
    source: $("source").value,
    network: $("network").value,
    smoothing: Number($("smoothing").value),
    output: drawnHere() ? "mask" : "overlay",
    opacity: $("show").checked ? stage.opacity : 0,
  };
}

async function start() {
  stop();
  figures.clear();
  latest = null;
  turnTo(wish());
  const mine = new Session($("video"), wish());
  session = mine;
  $("start").textContent = "Stop";
  $("latency-name").textContent = mine.isFramed ? "end to end, p50" : "in the gateway, p50";
  say(chosen() === "camera" ? "Waiting for the camera; the browser may ask whether this page may use it." : "Connecting …");
  mine.addEventListener("ready", () => say(mine.isFramed ? "Live." : "Connected; waiting for the source.", "live"));
  mine.addEventListener("source", ({ detail }) => hearSource(detail));
  mine.addEventListener("lost", ({ detail }) => say(`Trouble: ${detail.reason}. Next try in ${detail.seconds} s.`, "trouble"));
  mine.addEventListener("paused", () => say("Paused, since no frames come. It goes on with the next one.", "idle"));
  mine.addEventListener("error", ({ detail }) => say(`Trouble with a frame: ${detail.detail}.`, "trouble"));
  mine.addEventListener("ended", ({ detail }) => { finish(); say(detail.reason, detail.isDone ? "idle" : "trouble"); });
  mine.addEventListener("frame", ({ detail }) => show(mine, detail));
  try {
    await mine.start();
    if (chosen() === "camera") await listCameras();
  } catch (error) {
    if (session !== mine) return;
    stop();
    say(error.message, "trouble");
  }
}

/** Of another input nothing old is left standing. */
function turnTo({ input, device, file, source }) {
  const place = JSON.stringify([input, device, file?.name, source]);
  if (place === shownPlace) return;
  shownPlace = place;
  stage.clear();
  $("hint").hidden = false;
  $("snapshot").disabled = true;
}

function stop() {
  session?.stop();
  finish();
}

function finish() {
  render();
  session = null;
  $("start").textContent = "Start";
}

function hearSource({ state, detail }) {
  const words = { connecting: "Opening the source …", playing: "Live." };
  if (state === "lost") say(`The source is lost: ${detail}. It is opened again by itself.`, "trouble");
  else say(words[state] ?? state, state === "playing" ? "live" : "");
}

function show(mine, { message, frame, mask, latencyMs }) {
  if (session !== mine || !frame) return;
  const before = stage.show(frame, mask);
  if (before !== frame) {
    mine.giveBack(before);
    before?.close?.();
  }
  figures.add(performance.now(), latencyMs);
  latest = message;
  $("hint").hidden = true;
  $("snapshot").disabled = false;
  if ($("status").dataset.state === "trouble") say("Live.", "live");
}

function render() {
  const number = (value, digits, unit = "") => (value === null || value === undefined ? "–" : value.toFixed(digits) + unit);
  const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);
  if (session) {
    const now = performance.now();
    $("fps").textContent = number(figures.fps(now), 1);
    $("p50").textContent = number(figures.quantile(0.5, now), 0, " ms");
    $("p95").textContent = number(figures.quantile(0.95, now), 0, " ms");
    $("dropped").textContent = session.dropped;
    $("skipped").textContent = session.skipped;
  }
  const { confidence, flicker, coverage, counts = {}, shares = {}, timings = {} } = latest ?? {};
  $("confidence").textContent = percent(confidence);
  $("flicker").textContent = percent(flicker);
  $("coverage").textContent = percent(coverage);
  for (const [key, cells] of legend) {
    cells.count.textContent = key in counts ? `${counts[key]} ×` : "";
    cells.share.textContent = key in shares ? percent(shares[key]) : "";
  }
  const rows = STAGES.filter((name) => name in timings).map((name) => {
    const row = document.createElement("tr");
    for (const text of [name, `${timings[name].toFixed(1)} ms`]) row.insertCell().textContent = text;
    return row;
  });
  $("stages").replaceChildren(...rows);
}

function setOpacity(value) {
  stage.opacity = Math.min(1, Math.max(0, value));
  $("opacity").value = stage.opacity;
  $("opacity-value").textContent = `${Math.round(100 * stage.opacity)} %`;
  applyClasses();
}

function applyClasses() {
  stage.shown = $("show").checked;
  stage.draw();
  if (session && !drawnHere()) session.change({ opacity: stage.shown ? stage.opacity : 0 });
}

async function snapshot() {
  const blob = await stage.snapshot();
  if (!blob) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `shelf-${new Date().toISOString().replace(/[:.]/g, "-")}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function fill(select, names) {
  select.replaceChildren(...names.map((name) => new Option(name, name)));
}

async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter((device) => device.kind === "videoinput" && device.deviceId);
  const kept = $("camera").value;
  $("camera").replaceChildren($("camera").options[0], ...cameras.map((device, index) => new Option(device.label || `camera ${index + 1}`, device.deviceId)));
  $("camera").value = kept;
}

function fillLegend(classes) {
  for (const { key, label, colour } of classes) {
    const item = document.createElement("li");
    const [swatch, name, count, share] = ["swatch", "name", "count", "share"].map((kind) => {
      const part = document.createElement("span");
      part.className = kind;
      item.append(part);
      return part;
    });
    swatch.style.background = key === "background" ? "transparent" : colour;
    name.textContent = label;
    legend.set(key, { count, share });
    $("legend").append(item);
  }
}

async function load() {
  try {
    const answer = await fetch("api/stream/sources");
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const { sources, networks, classes } = await answer.json();
    fill($("source"), sources);
    $("relay-choice").hidden = !sources.length;
    if (networks.length) fill($("network"), networks);
    else say("No network for shelves is served at the moment; the gateway's /health says why.", "trouble");
    fillLegend(classes);
  } catch (error) {
    say(`The gateway does not answer: ${error.message}. Load the page again later.`, "trouble");
  }
}

function follow() {
  for (const part of document.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== chosen();
  $("drawn").parentElement.hidden = chosen() === "source"; // the gateway does
}

const KEYS = {
  " ": () => $("start").click(),
  m: () => $("show").click(),
  s: () => $("snapshot").click(),
  f: () => stage.fullscreen(),
  ArrowLeft: () => setOpacity(stage.opacity - OPACITY_STEP),
  ArrowRight: () => setOpacity(stage.opacity + OPACITY_STEP),
};

document.addEventListener("keydown", (event) => {
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea")) return;
  // These keys belong to the widget that has the focus.
  if (event.key === " " && event.target.closest("button, summary, input")) return;
  if (event.key.startsWith("Arrow") && event.target.closest("input")) return;
  event.preventDefault();
  act();
});
$("controls").addEventListener("submit", (event) => {
  event.preventDefault();
  if (session) { stop(); say("Stopped.", "idle"); } else start();
});
for (const radio of document.querySelectorAll('input[name="input"]')) radio.addEventListener("change", () => { follow(); if (session) start(); });
for (const id of ["camera", "file", "source", "network", "smoothing", "drawn"]) $(id).addEventListener("change", () => { if (session) start(); });
$("smoothing").addEventListener("input", () => { $("smoothing-value").textContent = $("smoothing").value; });
$("opacity").addEventListener("input", () => setOpacity(Number($("opacity").value)));
$("show").addEventListener("change", applyClasses);
$("snapshot").addEventListener("click", snapshot);
window.addEventListener("pagehide", () => { if (session) { stop(); say("Stopped.", "idle"); } });

follow();
setOpacity(Number($("opacity").value));
load();
setInterval(render, REFRESH_MS);
