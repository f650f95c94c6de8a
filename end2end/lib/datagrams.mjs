// SIP by hand, one datagram at a time: for what no phone does.

import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { until } from './wait.mjs';

const token = () => randomBytes(6).toString('hex');

/** Status, method of CSeq and tag of To of a response. */
function parseResponse(text) {
  const status = text.match(/^SIP\/2\.0 (\d{3})/);
  if (!status) return { text };
  return {
    text,
    status: Number(status[1]),
    method: text.match(/^CSeq:\s*\d+\s+(\w+)/im)?.[1],
    tag: text.match(/^To:.*;\s*tag=([^;\s]+)/im)?.[1],
    contact: text.match(/^Contact:.*<([^>]+)>/im)?.[1],
  };
}

/** A UDP socket on the loopback that keeps what it receives. */
export class Datagrams {
  received = [];

  static async open(server, address = '127.0.0.1') {
    const peer = new Datagrams();
    [peer.host, peer.targetPort] = server.sip.split(':');
    peer.address = address;
    peer.socket = dgram.createSocket('udp4');
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
      this.socket.send(data, Number(port), this.host, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Waits for the first response that `matches`. */
  response(what, matches, withinMs = 5_000) {
    const seen = () => `${what}; received ${this.received.map((r) => `${r.status} ${r.method}`).join(', ') || 'nothing'}`;
    return until(seen, () => this.received.find(matches), { withinMs });
  }

  /** What the requests of one call have in common. */
  newCall(number) {
    return { number, callId: token(), fromTag: token(), branch: `z9hG4bK${token()}` };
  }

  /** The text of a request of `call`; `body` is an SDP offer for INVITE. */
  request(call, method, { cseq = 1, branch = call.branch, toTag, extra = [], body = '' } = {}) {
    const uri = `sip:${call.number}@${this.host}:${this.targetPort}`;
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.address}:${this.port};branch=${branch}`,
      `From: <sip:5000@${this.address}:${this.port}>;tag=${call.fromTag}`,
      `To: <${uri}>${toTag ? `;tag=${toTag}` : ''}`,
      `Call-ID: ${call.callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:5000@${this.address}:${this.port}>`,
      'Max-Forwards: 70',
      ...extra,
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n');
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

  /** An offer for media at `port`: of G.711 with digits, unless `formats` and `attributes` say otherwise. */
  offer(port, { formats = '0 101', attributes = ['rtpmap:0 PCMU/8000', 'rtpmap:101 telephone-event/8000'] } = {}) {
    return [
      'v=0',
      `o=- 1 1 IN IP4 ${this.address}`,
      's=-',
      `c=IN IP4 ${this.address}`,
      't=0 0',
      `m=audio ${port} RTP/AVP ${formats}`,
      ...attributes.map((attribute) => `a=${attribute}`),
      '',
    ].join('\r\n');
  }

  close() {
    this.socket.close();
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
