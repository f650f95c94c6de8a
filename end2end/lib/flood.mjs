// A process that sends the same datagrams as fast as it is told: `node flood.mjs HOST:PORT ADDRESS RATE SECONDS`, with the
// datagrams as base64 lines on its input. Prints how many it sent.

import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';

const [target, address, rate, seconds] = process.argv.slice(2);
const [host, port] = target.split(':');
const datagrams = readFileSync(0, 'utf8').trim().split('\n').map((line) => Buffer.from(line, 'base64'));

const socket = dgram.createSocket('udp4');
await new Promise((resolve) => socket.bind(0, address, resolve));
let sent = 0;
const begin = performance.now();
const timer = setInterval(() => {
  const elapsed = (performance.now() - begin) / 1000;
  // However late the timer is, the rate is kept.
  for (; sent < Math.min(elapsed, Number(seconds)) * Number(rate); sent += 1) {
    socket.send(datagrams[sent % datagrams.length], Number(port), host, () => {});
  }
  if (elapsed < Number(seconds)) return;
  clearInterval(timer);
  socket.close(() => console.log(`sent ${sent}`));
}, 2);
