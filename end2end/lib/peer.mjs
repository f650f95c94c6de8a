// SIP by hand, one message at a time: for what no phone does.

import { randomBytes } from 'node:crypto';
import { until } from './wait.mjs';

const token = () => randomBytes(6).toString('hex');

/** Status, method of CSeq and tag of To of a response. */
export function parseResponse(text) {
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

/** Somebody who writes requests and keeps what it receives; `transport` is the one that its Via names. */
export class Peer {
  received = [];
  transport = 'UDP';

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
      `Via: SIP/2.0/${this.transport} ${this.address}:${this.port};branch=${branch}`,
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

  /** An offer for media at `port`: of G.711 with digits, unless `formats` and `attributes` say otherwise. */
  offer(port, { formats = '0 101', attributes = ['rtpmap:0 PCMU/8000', 'rtpmap:101 telephone-event/8000'] } = {}) {
    const at = this.address.startsWith('[') ? `IP6 ${this.address.slice(1, -1)}` : `IP4 ${this.address}`;
    return [
      'v=0',
      `o=- 1 1 IN ${at}`,
      's=-',
      `c=IN ${at}`,
      't=0 0',
      `m=audio ${port} RTP/AVP ${formats}`,
      ...attributes.map((attribute) => `a=${attribute}`),
      '',
    ].join('\r\n');
  }
}
