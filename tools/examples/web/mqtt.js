"use strict";
// A small MQTT 3.1.1 client over WebSocket: QoS 0 and 1, clean sessions, keep-alive, reconnects by itself.
//
//   const client = new MqttClient({ url, user, password, topics: ["a/#"] });
//   client.onState = (state, reason) => ...       "connecting", "connected", "waiting" (for the next try)
//   client.onMessage = (topic, text, retained) => ...
//   client.start();
//   await client.publish(topic, text);            QoS 1: fulfilled when the broker has it

class MqttClient {
  constructor({ url, user = "", password = "", topics = [], keepAlive = 20 }) {
    Object.assign(this, { url, user, password, topics, keepAlive });
    this.onState = () => {};
    this.onMessage = () => {};
    this.socket = null;
    this.retries = 0;
    this.nextId = 0;
    this.unanswered = new Map(); // packet id -> { resolve, reject }
    // A phone that wakes up, or a network that is back, need not wait for the next try.
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.retryNow());
  }

  start() {
    clearTimeout(this.retryTimer);
    this.retryTimer = null;
    this.input = new Uint8Array(0);
    this.ready = false;
    this.refusal = "";
    this.onState("connecting", "");
    try {
      this.socket = new WebSocket(this.url, ["mqtt"]);
    } catch (error) {
      this.socket = null;
      this.onState("waiting", `"${this.url}" is no WebSocket address`);
      return;
    }
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.sendConnect();
    this.socket.onmessage = (message) => this.take(new Uint8Array(message.data));
    this.socket.onclose = () => this.end(this.ready ? "The connection was lost" : "The broker does not answer");
    this.openTimer = setTimeout(() => this.end("The broker does not answer"), 8000);
  }

  retryNow() {
    if (this.retryTimer) this.start();
  }

  // Whatever ends a connection comes here, once per connection.
  end(reason) {
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
    clearTimeout(this.openTimer);
    clearInterval(this.pingTimer);
    for (const { reject } of this.unanswered.values()) reject(new Error("the connection was lost"));
    this.unanswered.clear();
    // Half a second, then twice as long each time, with some chance in it so that many pages do not come at once.
    const pause = Math.min(10000, 500 * 2 ** Math.min(this.retries++, 5)) * (0.75 + Math.random() / 2);
    this.retryTimer = setTimeout(() => this.start(), pause);
    this.onState("waiting", this.refusal || reason);
  }

  publish(topic, text) {
    if (!this.ready) return Promise.reject(new Error("there is no connection to the broker"));
    const id = this.newId();
    this.send(0x32, [...MqttClient.text(topic), id >> 8, id & 255, ...new TextEncoder().encode(text)]);
    return new Promise((resolve, reject) => this.unanswered.set(id, { resolve, reject }));
  }

  // ---- packets out ----

  sendConnect() {
    const flags = 2 | (this.user ? 0x80 : 0) | (this.user && this.password ? 0x40 : 0);
    const name = "page-" + Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
    const body = [...MqttClient.text("MQTT"), 4, flags, this.keepAlive >> 8, this.keepAlive & 255, ...MqttClient.text(name)];
    if (this.user) body.push(...MqttClient.text(this.user));
    if (this.user && this.password) body.push(...MqttClient.text(this.password));
    this.send(0x10, body);
  }

  sendSubscribe() {
    const id = this.newId();
    this.send(0x82, [id >> 8, id & 255, ...this.topics.flatMap((topic) => [...MqttClient.text(topic), 1])]);
  }

  keepAwake() {
    // Two intervals without a sign of life: nobody is there.
    if (performance.now() - this.heardAt > this.keepAlive * 1000) return this.end("The broker no longer answers");
    this.send(0xc0, []);
  }

  newId() {
    do this.nextId = this.nextId % 65535 + 1; while (this.unanswered.has(this.nextId));
    return this.nextId;
  }

  send(kind, body) {
    const head = [kind];
    let left = body.length;
    do {
      head.push(left % 128 | (left >= 128 ? 128 : 0));
      left = Math.floor(left / 128);
    } while (left > 0);
    if (this.socket && this.socket.readyState === WebSocket.OPEN) this.socket.send(new Uint8Array([...head, ...body]));
  }

  static text(value) {
    const bytes = new TextEncoder().encode(value);
    return [bytes.length >> 8, bytes.length & 255, ...bytes];
  }

  // ---- packets in ----

  // A packet may come in several frames, and a frame may hold several packets.
  take(piece) {
    this.heardAt = performance.now();
    const joined = new Uint8Array(this.input.length + piece.length);
    joined.set(this.input);
    joined.set(piece, this.input.length);
    this.input = joined;
    while (this.socket) {
      let size = 0, at = 1, shift = 0;
      do {
        if (at >= this.input.length) return;
        if (shift > 21) return this.end("The broker does not speak MQTT");
        size += (this.input[at] & 127) * 2 ** shift;
        shift += 7;
      } while (this.input[at++] & 128);
      if (this.input.length < at + size) return;
      const kind = this.input[0], body = this.input.subarray(at, at + size);
      this.input = this.input.subarray(at + size);
      this.handle(kind, body);
    }
  }

  handle(kind, body) {
    switch (kind >> 4) {
      case 2: // CONNACK
        if (body[1] !== 0) {
          this.refusal = ["", "The broker wants another version of MQTT", "The broker refuses this client",
            "The broker is not available", "The broker refuses user name and password",
            "The broker does not authorise this page"][body[1]] || "The broker refuses the connection";
          return this.end(this.refusal);
        }
        return this.sendSubscribe();
      case 9: // SUBACK: only now do messages come
        if (body.subarray(2).includes(0x80)) {
          this.refusal = "The broker refuses the subscription";
          return this.end(this.refusal);
        }
        clearTimeout(this.openTimer);
        this.retries = 0;
        this.ready = true;
        this.pingTimer = setInterval(() => this.keepAwake(), this.keepAlive * 500);
        return this.onState("connected", "");
      case 3: // PUBLISH
        return this.handleMessage(kind, body);
      case 4: { // PUBACK
        const id = body[0] << 8 | body[1];
        this.unanswered.get(id)?.resolve();
        this.unanswered.delete(id);
      }
    }
  }

  handleMessage(kind, body) {
    const topicEnd = 2 + (body[0] << 8 | body[1]), qos = kind >> 1 & 3;
    if (qos > 0) this.send(0x40, [body[topicEnd], body[topicEnd + 1]]);
    const decoder = new TextDecoder();
    this.onMessage(decoder.decode(body.subarray(2, topicEnd)), decoder.decode(body.subarray(topicEnd + (qos > 0 ? 2 : 0))),
      (kind & 1) === 1);
  }
}
