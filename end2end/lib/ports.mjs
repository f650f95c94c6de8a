// Free ports on the loopback. They are taken below the kernel's ephemeral range, so that no outgoing socket of another
// program takes one between the probe and its use; each test process starts at a place of its own.

import dgram from 'node:dgram';
import net from 'node:net';

const FIRST = 12_000;
const LAST = 31_900;
const STEP = 20;

let next = FIRST + ((process.pid * 7 * STEP) % (LAST - FIRST));

function udpIsFree(port) {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}

function tcpIsFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The first of `count` free neighbouring ports (UDP and TCP); always even, as RTP wants it. */
export async function freePorts(count = STEP) {
  for (let tries = 0; tries < 500; tries += 1) {
    const size = Math.ceil(count / STEP) * STEP;
    if (next + size > LAST) next = FIRST;
    const base = next - (next % 2);
    next += size;
    const probes = [];
    for (let port = base; port < base + count; port += 1) probes.push(udpIsFree(port), tcpIsFree(port));
    if ((await Promise.all(probes)).every(Boolean)) return base;
  }
  throw new Error('no free ports on 127.0.0.1');
}
