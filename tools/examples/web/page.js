"use strict";
// Shows events of the site, and sends one when the button is pressed. Uses CONFIG (config.js) and MqttClient (mqtt.js).

const CLASS_MEASUREMENT = 10, CLASS_INFORMATION = 20, CLASS_CONTROL = 30;
const TYPE_TEMPERATURE = 6;            // of CLASS1.MEASUREMENT
const TYPE_ON = 3, TYPE_OFF = 4;       // of CLASS1.INFORMATION
const TYPE_TURN_ON = 5, TYPE_TURN_OFF = 6; // of CLASS1.CONTROL
const ANSWER_MS = 4000;                // within which a lamp that was switched tells its state
const OLD_MS = 120000;                 // a temperature older than this is shown as old
const SHOWN_MAX = 60;

const find = (id) => document.getElementById(id);
const temperatureTopic = `${CONFIG.events}/${CONFIG.thermometer}/${CLASS_MEASUREMENT}/${TYPE_TEMPERATURE}`;
const lampTopics = [TYPE_ON, TYPE_OFF].map((type) => `${CONFIG.events}/${CONFIG.lamp}/${CLASS_INFORMATION}/${type}`);

const client = new MqttClient({ url: CONFIG.broker, user: CONFIG.user, password: CONFIG.password,
  topics: [temperatureTopic, ...lampTopics] });

// ---- connection ----

client.onState = (state, reason) => {
  document.body.dataset.connection = state;
  find("connection-text").textContent = { connected: "Live", connecting: "Connecting", waiting: "Offline" }[state];
  // While it tries again, the reason of the last failure stays to be read.
  if (state === "waiting") showNotice("connection", `${reason}. Trying again.`, CONFIG.broker);
  if (state === "connected") clearNotice("connection");
  showLamp();
};

let noticeKind = "";
function showNotice(kind, text, detail = "") {
  noticeKind = kind;
  find("notice-text").textContent = text;
  find("notice-detail").textContent = detail;
  find("notice").hidden = false;
}

function clearNotice(kind) {
  if (noticeKind === kind) find("notice").hidden = true;
}

client.onMessage = (topic, text, retained) => {
  let event;
  try {
    event = JSON.parse(text);
  } catch {
    return; // somebody else's message
  }
  if (topic === temperatureTopic) takeTemperature(event);
  if (lampTopics.includes(topic)) takeLamp(event, retained);
};

/// When the event happened, in milliseconds since 1970.
const timeOf = (event) => Number(BigInt(event.timestamp_ns ?? 0) / 1000000n);

// ---- thermometer ----

const shown = []; // the last temperatures
let temperatureTime = 0;

function takeTemperature(event) {
  const measured = event.measurement;
  if (!measured || String(measured.sensorindex) !== CONFIG.sensor) return;
  // Units of a temperature: 0 kelvin, 1 degrees Celsius, 2 degrees Fahrenheit.
  const celsius = [measured.value - 273.15, measured.value, (measured.value - 32) / 1.8][measured.unit];
  if (!Number.isFinite(celsius)) return;
  temperatureTime = timeOf(event);
  shown.push(celsius);
  if (shown.length > SHOWN_MAX) shown.shift();
  find("temperature").textContent = celsius.toFixed(1).replace("-", "\u2212");
  find("temperature-low").textContent = Math.min(...shown).toFixed(1).replace("-", "\u2212");
  find("temperature-high").textContent = Math.max(...shown).toFixed(1).replace("-", "\u2212");
  // The scale goes from -10 to 40 degrees.
  const part = Math.min(1, Math.max(0, (celsius + 10) / 50));
  find("mercury").style.transform = `scaleY(${0.06 + 0.94 * part})`;
  document.body.classList.toggle("freezing", celsius < 0);
  drawHistory();
  showAge();
}

function drawHistory() {
  const middle = (Math.min(...shown) + Math.max(...shown)) / 2;
  const range = Math.max(1, Math.max(...shown) - Math.min(...shown));
  const points = shown.map((value, i) =>
    [300 - (shown.length - 1 - i) * 300 / Math.max(11, shown.length - 1), 30 - (value - middle) / range * 44]);
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" L");
  find("history-line").setAttribute("d", `M${line}`);
  find("history-area").setAttribute("d", `M${points[0][0].toFixed(1)},64 L${line} L300,64 Z`);
  find("history-now").setAttribute("transform", `translate(${points.at(-1).map((n) => n.toFixed(1)).join(" ")})`);
  find("history").style.visibility = "visible";
}

function showAge() {
  if (!temperatureTime) return;
  const age = Math.max(0, Date.now() - temperatureTime), seconds = Math.round(age / 1000);
  find("temperature-age").textContent = seconds < 5 ? "just now" : seconds < 90 ? `${seconds} s ago` :
    seconds < 5400 ? `${Math.round(seconds / 60)} min ago` : `since ${new Date(temperatureTime).toLocaleString()}`;
  document.body.classList.toggle("old", age > OLD_MS);
}
setInterval(showAge, 1000);

// ---- lamp ----

let lampOn = null; // not known yet
let lampTime = -1;
let answerTimer = null; // runs while the lamp owes an answer

function takeLamp(event, retained) {
  // The last ON and the last OFF are both retained: the later one counts.
  const time = timeOf(event);
  if (retained && time < lampTime) return;
  lampTime = time;
  lampOn = event.type === TYPE_ON;
  if (!retained) {
    clearTimeout(answerTimer);
    answerTimer = null;
    clearNotice("lamp");
  }
  showLamp();
}

function showLamp() {
  const live = document.body.dataset.connection === "connected";
  document.body.dataset.lamp = lampOn === null ? "unknown" : lampOn ? "on" : "off";
  document.body.classList.toggle("switching", answerTimer !== null);
  find("lamp-state").textContent = answerTimer !== null ? "Switching\u2026" : lampOn === null ? "Not known" : lampOn ? "On" : "Off";
  find("switch").disabled = !live || answerTimer !== null;
  find("switch").setAttribute("aria-checked", String(lampOn === true));
  find("switch-text").textContent = lampOn ? "Turn off" : "Turn on";
}

function switchLamp() {
  clearTimeout(answerTimer);
  answerTimer = setTimeout(() => failSwitch("The lamp does not answer."), ANSWER_MS);
  clearNotice("lamp");
  showLamp();
  const event = { class: CLASS_CONTROL, type: lampOn ? TYPE_TURN_OFF : TYPE_TURN_ON,
    data: [0, Number(CONFIG.zone), Number(CONFIG.subzone)] };
  client.publish(`${CONFIG.commands}/page`, JSON.stringify(event)).catch((error) =>
    failSwitch(`The lamp was perhaps not switched: ${error.message}.`));
}

function failSwitch(text) {
  if (answerTimer === null) return;
  clearTimeout(answerTimer);
  answerTimer = null;
  showNotice("lamp", text);
  showLamp();
}

find("switch").addEventListener("click", switchLamp);
find("notice-close").addEventListener("click", () => { find("notice").hidden = true; });

document.title = CONFIG.title;
find("title").textContent = CONFIG.title;
find("lamp-place").textContent = `Zone ${CONFIG.zone}, subzone ${CONFIG.subzone}`;
showLamp();
client.start();
