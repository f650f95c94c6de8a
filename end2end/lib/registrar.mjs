// A provider's registrar by UDP, TCP or TLS, IPv4 or IPv6: it asks for a password, reckons the digest by itself, and calls
// whoever is registered by the way that the registration came.

import { createHash, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { freePorts } from './ports.mjs';
import { until } from './wait.mjs';

const REALM = 'provider.example';
const HASHES = { MD5: 'md5', 'SHA-256': 'sha256' };
const token = () => randomBytes(6).toString('hex');

const header = (text, name) => text.match(new RegExp(`^${name}:[ \\t]*(.*?)\\r$`, 'im'))?.[1];
const field = (value, name) => value?.match(new RegExp(`[ ,]${name}="?([^",]+)`, 'i'))?.[1];

/** The messages at the beginning of `text`, by their Content-Length, and what is left of it. */
function cut(text) {
  const messages = [];
  for (;;) {
    text = text.replace(/^(\r\n)+/, '');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return { messages, rest: text };
    const length = end + 4 + Number(header(text.slice(0, end + 2), 'Content-Length') ?? 0);
    if (text.length < length) return { messages, rest: text };
    messages.push(text.slice(0, length));
    text = text.slice(length);
  }
}

export class Registrar {
  /** Every REGISTER that proved the password: `{ expires, contact, link }`. */
  registered = [];
  /** Every request and response that came, as text. */
  received = [];
  /** The open ways to whom registers: one for all datagrams, and one for each connection. */
  links = [];

  /** `transport` is udp, tcp or tls; `identity` is `{ certificate, key }`, the files of a TLS server. */
  static async start({ transport, address, user, password, algorithm, identity }) {
    const registrar = new Registrar();
    Object.assign(registrar, { transport, address, user, password, algorithm, port: await freePorts() });
    if (transport === 'udp') await registrar.#datagrams();
    else await registrar.#connections(identity);
    return registrar;
  }

  /** As it stands in addresses. */
  get host() {
    return this.address.includes(':') ? `[${this.address}]` : this.address;
  }

  #datagrams() {
    this.socket = dgram.createSocket(this.address.includes(':') ? 'udp6' : 'udp4');
    const link = { send: (text) => this.socket.send(text, link.from.port, link.from.address) };
    this.socket.on('message', (bytes, from) => {
      link.from = from;
      this.#take(bytes.toString('latin1'), link);
    });
    this.links.push(link);
    return new Promise((resolve) => this.socket.bind(this.port, this.address, resolve));
  }

  #connections(identity) {
    const taken = (socket) => {
      const link = { send: (text) => socket.write(text, 'latin1'), close: () => socket.destroy(), openedAt: Date.now() };
      this.links.push(link);
      let text = '';
      socket.setEncoding('latin1');
      socket.on('data', (more) => {
        const { messages, rest } = cut(text + more);
        text = rest;
        for (const message of messages) this.#take(message, link);
      });
      socket.on('error', () => {});
      socket.on('close', () => (link.closed = true));
    };
    this.server = identity
      ? tls.createServer({ cert: readFileSync(identity.certificate), key: readFileSync(identity.key) }, taken)
      : net.createServer(taken);
    this.server.on('tlsClientError', (error) => (this.handshakeError = error.message));
    return new Promise((resolve) => this.server.listen(this.port, this.address, resolve));
  }

  #take(text, link) {
    this.received.push(text);
    if (text.startsWith('REGISTER ')) this.#register(text, link);
    else if (text.startsWith('SIP/2.0 ')) return;
    else if (!text.startsWith('ACK ')) this.#answer(text, link, '200 OK');
  }

  #answer(request, link, status, extra = []) {
    const lines = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}`);
    if (!/;\s*tag=/i.test(lines[2])) lines[2] += `;tag=${token()}`;
    link.send(`${[`SIP/2.0 ${status}`, ...lines, ...extra, 'Content-Length: 0'].join('\r\n')}\r\n\r\n`);
  }

  #register(text, link) {
    if (!this.#isProved(header(text, 'Authorization'))) {
      const challenge = `Digest realm="${REALM}", nonce="${token()}", algorithm=${this.algorithm}, qop="auth"`;
      return this.#answer(text, link, '401 Unauthorized', [`WWW-Authenticate: ${challenge}`]);
    }
    const [contact, expires] = [header(text, 'Contact'), Number(header(text, 'Expires'))];
    this.registered.push({ contact: contact.match(/<(.*)>/)[1], expires, link });
    return this.#answer(text, link, '200 OK', expires > 0 ? [`Contact: ${contact};expires=${expires}`] : []);
  }

  /** RFC 7616 section 3.4.1. */
  #isProved(value) {
    if (!value || (field(value, 'algorithm') ?? 'MD5') !== this.algorithm) return false;
    const hash = (words) => createHash(HASHES[this.algorithm]).update(words).digest('hex');
    const [nonce, count, cnonce, uri] = ['nonce', 'nc', 'cnonce', 'uri'].map((name) => field(value, name));
    const [who, what] = [hash(`${this.user}:${REALM}:${this.password}`), hash(`REGISTER:${uri}`)];
    const right = hash(`${who}:${nonce}:${count}:${cnonce}:auth:${what}`);
    return field(value, 'username') === this.user && field(value, 'response') === right;
  }

  /** Waits for something in what came. */
  see(what, matches, withinMs = 10_000) {
    const seen = () => `${what}; there came ${this.received.map((text) => text.split('\r\n')[0]).join(', ') || 'nothing'}`;
    return until(seen, () => this.received.find(matches), { withinMs });
  }

  /** Calls whoever registered last, for `number`, by the way of the registration; returns the answer's text. */
  async call(number, mediaPort) {
    const { contact, link } = this.registered.at(-1);
    const [callId, tag] = [token(), token()];
    const family = this.address.includes(':') ? 'IP6' : 'IP4';
    const sdp = ['v=0', `o=- 1 1 IN ${family} ${this.address}`, 's=-', `c=IN ${family} ${this.address}`, 't=0 0',
      `m=audio ${mediaPort} RTP/AVP 8`, 'a=rtpmap:8 PCMA/8000', ''].join('\r\n');
    const request = (method, cseq, to, body) => {
      const lines = [
        `${method} ${contact} SIP/2.0`,
        `Via: SIP/2.0/${this.transport.toUpperCase()} ${this.host}:${this.port};branch=z9hG4bK${token()}`,
        `From: <sip:0612345678@${REALM}>;tag=${tag}`,
        `To: <sip:${number}@${REALM}>${to}`,
        `Call-ID: ${callId}`,
        `CSeq: ${cseq} ${method}`,
        `Contact: <sip:provider@${this.host}:${this.port};transport=${this.transport}>`,
        'Max-Forwards: 70',
        ...(body ? ['Content-Type: application/sdp'] : []),
        `Content-Length: ${body.length}`,
      ];
      link.send(`${lines.join('\r\n')}\r\n\r\n${body}`);
    };
    request('INVITE', 1, '', sdp);
    const mine = (text) => text.includes(callId) && /^SIP\/2\.0 [2-6]/.test(text);
    const answer = await this.see('an answer to INVITE', mine);
    const to = `;tag=${header(answer, 'To').match(/;\s*tag=([^;\s]+)/)[1]}`;
    request('ACK', 1, to, '');
    return answer;
  }

  stop() {
    this.socket?.close();
    for (const link of this.links) link.close?.();
    this.server?.close();
  }
}
