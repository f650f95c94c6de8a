// A name server: it answers from a table, by UDP.

import dgram from 'node:dgram';

const [A, SRV, INTERNET] = [1, 33, 1];
const NO_SUCH_NAME = 3;
/** Header of 12 bytes (RFC 1035 section 4.1.1). */
const HEADER = 12;
/** So short that each attempt asks again. */
const TTL_S = 1;

const number = (...shorts) => Buffer.concat(shorts.map((n) => Buffer.from([n >> 8, n & 0xff])));
const encoded = (name) => Buffer.concat([...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.of(0)]);

/** The data of a record: an address, or `[priority, weight, port, target]`. */
function data(record) {
  if (typeof record === 'string') return Buffer.from(record.split('.').map(Number));
  const [priority, weight, port, target] = record;
  return Buffer.concat([number(priority, weight, port), encoded(target)]);
}

function question(query) {
  const labels = [];
  let at = HEADER;
  while (query[at] > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), bytes: query.subarray(HEADER, at + 5) };
}

export class Names {
  /** Every question that came, as `SRV name` or `A name`. */
  asked = [];

  /** `table` has, by `SRV name` and `A name`, the lists of records. */
  static async start(table, address = '127.0.0.1') {
    const names = new Names();
    names.table = table;
    names.socket = dgram.createSocket('udp4');
    names.socket.on('message', (query, from) => names.socket.send(names.#answer(query), from.port, from.address));
    await new Promise((resolve, reject) => {
      names.socket.once('error', reject);
      names.socket.bind(53, address, resolve);
    });
    return names;
  }

  #answer(query) {
    const { name, type, bytes } = question(query);
    const kind = { [A]: 'A', [SRV]: 'SRV' }[type] ?? String(type);
    this.asked.push(`${kind} ${name}`);
    const records = this.table[`${kind} ${name}`] ?? [];
    const known = Object.keys(this.table).some((key) => key.endsWith(` ${name}`));
    // An answer with authority; the name of each record is that of the question.
    const flags = 0x8580 | (known ? 0 : NO_SUCH_NAME);
    const header = Buffer.concat([query.subarray(0, 2), number(flags, 1, records.length, 0, 0)]);
    const answers = records.map(data).map((bytes) => Buffer.concat([number(0xc00c, type, INTERNET, 0, TTL_S, bytes.length), bytes]));
    return Buffer.concat([header, bytes, ...answers]);
  }

  stop() {
    this.socket.close();
  }
}
