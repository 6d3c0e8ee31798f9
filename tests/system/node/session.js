// A real client program on node-vscp-tcp: logs in twice, sets a filter, sends, polls, receives in RCVLOOP, leaves.
// Usage: node session.js PORT. Prints what it does; ends with 0 only if everything was as it must be.
'use strict';

const assert = require('assert');
const vscp = require('node-vscp');
const Client = require('node-vscp-tcp');

const port = Number(process.argv[2]);
const guid = '01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10';
const zero = new Array(16).fill(0);

console.info = () => {};  // the library's own chatter

// Waits for an event of an emitter, at most ten seconds.
function next(emitter, name) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no '${name}' within 10 s`)), 10000);
    emitter.once(name, (value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

async function until(what, condition) {
  for (const end = Date.now() + 10000; Date.now() < end;) {
    if (await condition()) return;
    await new Promise(setImmediate);
  }
  throw new Error(`not within 10 s: ${what}`);
}

async function login(label) {
  const client = new Client();
  client.on('error', (error) => console.log(`${label}: error ${error.message}`));
  const greeting = await client.connect({host: '127.0.0.1', port, timeout: 10000});
  console.log(`${label}: ${greeting.response.join(' | ')}`);
  assert(await client.noop());  // before login
  assert(await client.user({username: 'admin'}));
  assert(await client.password({password: 'secret'}));
  console.log(`${label}: logged in`);
  return client;
}

async function facts(client) {
  const version = await client.getRemoteVersion();
  assert(version.major !== undefined && version.build !== undefined);
  const can = await client.getWhatCanYouDo();
  assert.strictEqual(can.length, 8);
  const channel = await client.getChannelID();
  assert(channel > 0);
  const own = await client.getGUID();
  assert.match(own, /^([0-9A-F]{2}:){15}[0-9A-F]{2}$/);
  const interfaces = await client.getInterfaces();
  assert(interfaces.some((row) => row.index === channel && row.guid === own), JSON.stringify(interfaces));
  console.log(`version ${Object.values(version).join('.')}, channel ${channel}, GUID ${own}`);
  for (const row of interfaces) console.log(`interface ${row.index} type ${row.type} '${row.name}' since ${row.started}`);
  await client.getStatistics();
  await client.getInfo();
  return channel;
}

async function polling(sender, receiver, channel) {
  await receiver.setFilter({filterClass: 20, filterType: 3, filterGuid: zero});
  await receiver.setMask({maskClass: 0xffff, maskType: 0xffff, maskGuid: zero});
  const event = new vscp.Event({
    vscpHead: 96, vscpClass: 20, vscpType: 3, vscpObId: 0, vscpGuid: guid, vscpTimeStamp: 1000,
    vscpDateTime: new Date('2026-11-22T01:02:03.000Z'), vscpData: [1, 2, 255],
  });
  assert(await sender.sendEvent({event}));
  assert(await sender.sendEvent({event: `0,10,6,0,,,${guid},9`}));  // does not pass the filter
  assert(await sender.sendEvent({event: `0,20,3,0,,,${guid}`}));
  await until('two events', async () => await receiver.getPendingEventCount() >= 2);
  assert.strictEqual(await receiver.getPendingEventCount(), 2);
  const events = await receiver.getEvents({count: 2});
  assert.strictEqual(events.length, 2);
  console.log(`RETR: ${events[0].getAsString()}`);
  console.log(`RETR: ${events[1].getAsString()}`);
  assert.strictEqual(events[0].getAsString(), `96,20,3,${channel},2026-11-22T01:02:03.000Z,1000,${guid},1,2,255`);
  assert.deepStrictEqual(Array.from(events[1].vscpData || []), []);
  // A hundred events in one reply.
  for (let n = 0; n < 100; n++) assert(await sender.sendEvent({event: `0,20,3,0,,,${guid},${n}`}));
  await until('100 events', async () => await receiver.getPendingEventCount() === 100);
  const many = await receiver.getEvents({count: 100});
  assert.deepStrictEqual(many.map((e) => Number(e.vscpData[0])), [...Array(100).keys()]);
  console.log('RETR 100: all there, in order');
  await sender.sendEvent({event: `0,20,3,0,,,${guid},1`});
  await until('one event', async () => await receiver.getPendingEventCount() === 1);
  await receiver.clearQueue();
  assert.strictEqual(await receiver.getPendingEventCount(), 0);
}

async function loop(sender, receiver) {
  const got = [];
  receiver.addEventListener((event) => got.push(event));
  await sender.sendEvent({event: `0,20,3,0,,,${guid},0`});  // waits when the loop begins
  await receiver.startRcvLoop();
  for (let n = 1; n < 20; n++) {
    await until(`event ${n - 1}`, () => got.length === n);  // node takes one read for one event
    await sender.sendEvent({event: `0,20,3,0,,,${guid},${n}`});
  }
  await until('the last event', () => got.length === 20);
  assert.deepStrictEqual(got.map((e) => e.vscpData[0]), [...Array(20).keys()]);
  assert(got.every((e) => e.vscpGuid === guid && !Number.isNaN(e.vscpDateTime.getTime())));
  console.log(`RCVLOOP: ${got.length} events, in order, the first of ${got[0].vscpDateTime.toISOString()}`);
  await next(receiver, 'alive');
  console.log('RCVLOOP: sign of life');
  await receiver.stopRcvLoop();
  assert(await receiver.noop());
}

async function main() {
  const receiver = await login('receiver');
  const sender = await login('sender');
  const channel = await facts(sender);
  await polling(sender, receiver, channel);
  await loop(sender, receiver);
  const failed = await sender.sendCommand({command: 'nonsense'}).then(() => null, (answer) => answer);
  assert(failed && failed.response[0].startsWith('-OK'), 'a refused command must reject');
  for (const [label, client] of [['receiver', receiver], ['sender', sender]]) {
    const gone = next(client, 'disconnect');
    await client.disconnect();
    await gone;
    console.log(`${label}: closed by the server after QUIT`);
  }
  const stranger = new Client();
  stranger.on('error', () => {});
  await stranger.connect({host: '127.0.0.1', port, timeout: 10000});
  const closed = next(stranger, 'disconnect');
  await stranger.user({username: 'admin'});
  await assert.rejects(stranger.sendCommand({command: 'pass', argument: 'wrong'}).catch((answer) => {
    throw new Error(answer.response[0]);
  }), /Invalid username or password/);
  await closed;
  console.log('stranger: wrong password refused, connection closed');
}

main().then(() => console.log('done'), (error) => {
  console.log(`FAILED: ${error.stack}`);
  process.exit(1);
});
