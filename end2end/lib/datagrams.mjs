// SIP by hand, one datagram at a time.

import dgram from 'node:dgram';
import { Peer, parseResponse } from './peer.mjs';

/** A UDP socket on the loopback that keeps what it receives. */
export class Datagrams extends Peer {
  static async open(server, address = '127.0.0.1') {
    const peer = new Datagrams();
    const isV6 = address.includes(':');
    [, peer.host, peer.targetPort] = (isV6 ? server.sip6 : server.sip).match(/^(.*):(\d+)$/);
    peer.address = isV6 ? `[${address}]` : address;
    peer.socket = dgram.createSocket(isV6 ? 'udp6' : 'udp4');
    peer.socket.on('message', (bytes) => peer.received.push(parseResponse(bytes.toString('latin1'))));
    await new Promise((resolve, reject) => {
      peer.socket.once('error', reject);
      peer.socket.bind(0, address, resolve);
    });
    peer.port = peer.socket.address().port;
    return peer;
  }

  /** Resolves once the kernel has the datagram. */
  send(data, port = this.targetPort) {
    return new Promise((resolve, reject) => {
      this.socket.send(data, Number(port), this.host.replace(/[[\]]/g, ''), (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Calls `number` with `offer` and acknowledges the answer, whose text is returned. */
  async call(number, offer) {
    const call = this.newCall(number);
    await this.send(this.request(call, 'INVITE', { body: offer }));
    const isAnswer = ({ status, text }) => status >= 200 && text.includes(call.callId);
    const { status, tag, text } = await this.response('the answer', isAnswer);
    await this.send(this.request(call, 'ACK', { toTag: tag, branch: `${call.branch}a` }));
    if (status !== 200) throw new Error(`refused: ${text}`);
    return text;
  }

  /** The RTP packets among what was received. */
  rtp() {
    const packets = this.received.map(({ text }) => Buffer.from(text, 'latin1')).filter((bytes) => bytes[0] >> 6 === 2);
    return packets.map((bytes) => ({
      payloadType: bytes[1] & 0x7f,
      sequence: bytes.readUInt16BE(2),
      timestamp: bytes.readUInt32BE(4),
      payloadBytes: bytes.length - 12,
    }));
  }

  close() {
    this.socket?.close();
    this.socket = undefined;
  }
}

/** A packet of G.711 µ-law, 20 ms after the one before it (RFC 3550 section 5.1), unless it is said to be another. */
export function rtpPacket(sequence, payload, { payloadType = 0, timestamp = sequence * payload.length } = {}) {
  const header = Buffer.alloc(12);
  header.writeUInt8(0x80, 0);
  header.writeUInt8(payloadType, 1);
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(timestamp >>> 0, 4);
  header.writeUInt32BE(0x5eed, 8);
  return Buffer.concat([header, payload]);
}

/** A repeatable source of numbers, 0 to 1 (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
