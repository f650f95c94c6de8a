// SIP by hand on a connection: TCP or TLS.

import net from 'node:net';
import tls from 'node:tls';
import { Peer, parseResponse } from './peer.mjs';
import { bounded } from './wait.mjs';

export class Stream extends Peer {
  /** All bytes that came. */
  text = '';
  isClosed = false;

  static async open(server, { tls: secure = false, address = '127.0.0.1', handshake = true } = {}) {
    const peer = new Stream();
    const [host, port] = (secure ? server.tls : server.sip).split(':');
    Object.assign(peer, { host, targetPort: port, address, transport: secure ? 'TLS' : 'TCP' });
    const where = { host, port: Number(port), localAddress: address };
    // What it shows is looked at by the tests; it is signed by nobody.
    peer.socket = secure && handshake ? tls.connect({ ...where, rejectUnauthorized: false }) : net.connect(where);
    peer.socket.setEncoding('latin1');
    peer.socket.on('data', (text) => peer.#collect(text));
    peer.closed = new Promise((resolve) => peer.socket.once('close', resolve));
    peer.closed.then(() => (peer.isClosed = true));
    const opened = new Promise((resolve, reject) => {
      peer.socket.once(secure && handshake ? 'secureConnect' : 'connect', resolve);
      peer.socket.once('error', reject);
    });
    await bounded('a connection', opened);
    // From now on an error is an end.
    peer.socket.on('error', () => {});
    peer.port = peer.socket.localPort;
    return peer;
  }

  #collect(text) {
    this.text += text;
    this.received = this.text
      .split(/(?=^SIP\/2\.0 )/m)
      .filter((part) => part.includes('\r\n\r\n'))
      .map(parseResponse);
  }

  send(data) {
    this.socket.write(data);
  }

  /** The name in the certificate that the server shows. */
  get shownName() {
    return this.socket.getPeerCertificate().subject.CN;
  }

  untilClosed(withinMs) {
    return bounded('the server to close the connection', this.closed, withinMs);
  }

  close() {
    this.socket.destroy();
  }
}
