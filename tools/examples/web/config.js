"use strict";
// Each of these can also stand in the address of the page: index.html?broker=ws://host:9001/&zone=2
const CONFIG = {
  title: "Living room",
  broker: "",                 // "ws://host:port/" or "wss://host:port/"; "": port 9001 of the host of this page
  user: "",                   // of the broker; the page asks nobody
  password: "",
  events: "vscp",             // the router publishes on events/GUID/class/type
  commands: "vscp-in",        // the router subscribes to commands/#
  thermometer: "FF:FF:FF:FF:FF:FF:FF:F5:44:45:4D:4F:00:00:00:01",
  sensor: "0",                // index of the sensor in that node
  lamp: "FF:FF:FF:FF:FF:FF:FF:F5:44:45:4D:4F:00:00:00:02",
  zone: "1",                  // where the lamp hangs
  subzone: "1",
};
for (const [key, value] of new URLSearchParams(location.search)) {
  if (key in CONFIG) CONFIG[key] = value;
}
if (!CONFIG.broker) {
  const secure = location.protocol === "https:";
  CONFIG.broker = `${secure ? "wss" : "ws"}://${location.hostname || "localhost"}:9001/`;
}
