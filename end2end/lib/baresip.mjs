// A baresip without sound card: it says a WAV file and records what it hears into another, which the tests read while
// it grows. It is driven by its control socket (calls, mute) and by its keyboard (digits, sent as RFC 4733 events).

import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { freePorts } from './ports.mjs';
import { Child } from './process.mjs';
import { Recording } from './recording.mjs';
import { bounded, until } from './wait.mjs';
import { sine, writeWav } from './wav.mjs';

/** What `audio_codecs` of an account says of each codec. */
const CODECS = {
  PCMU: { name: 'PCMU/8000/1', rateHz: 8000 },
  PCMA: { name: 'PCMA/8000/1', rateHz: 8000 },
  G722: { name: 'G722/16000/1', rateHz: 16_000 },
  opus: { name: 'opus/48000/2', rateHz: 48_000 },
};
/** baresip hangs up when its file ends: longer than any test. */
const SAY_SECONDS = 240;
const READY = /baresip is ready\./;

/** A netstring (`5:hello,`) is what the control socket speaks. */
function netstring(value) {
  const text = JSON.stringify(value);
  return `${Buffer.byteLength(text)}:${text},`;
}

function configuration({ folder, address, sayFile, base, rateHz, settings }) {
  return `${[
    `sip_listen ${address}:${base}`,
    `net_interface ${address}`,
    'poll_method epoll',
    'audio_player aubridge,nobody',
    `audio_source aufile,${sayFile}`,
    'audio_alert aubridge,nobody',
    `ausrc_srate ${rateHz}`,
    `auplay_srate ${rateHz}`,
    'ausrc_channels 1',
    'auplay_channels 1',
    `rtp_ports ${base + 4}-${base + 18}`,
    'jitter_buffer_delay 1-5',
    'module_path /usr/lib/baresip/modules',
    ...['stdio', 'g711', 'g722', 'opus', 'sndfile', 'aufile', 'aubridge'].map((name) => `module ${name}.so`),
    'module_tmp account.so',
    'module_app menu.so',
    'module_app ctrl_tcp.so',
    `ctrl_tcp_listen ${address}:${base + 2}`,
    `snd_path ${folder}`,
    ...settings,
  ].join('\n')}\n`;
}

export class Phone {
  #events = [];
  #eventWatchers = new Set();
  #replies = new Map();
  #tokens = 0;
  #buffer = Buffer.alloc(0);

  /**
   * Starts a telephone with number `number` that says a tone of `hz`, as soon as it is in a call and not silent.
   * `codec` is one of `CODECS`; `say` are samples of its rate; `settings` are further lines of baresip's configuration, and
   * `account` further parameters of its account. It is at `address`, and started by the command `within`.
   */
  static async start(folder, { number, hz, codec = 'PCMU', say, settings = [], account = '', address = '127.0.0.1', within = [] }) {
    const phone = new Phone();
    const { name, rateHz } = CODECS[codec];
    phone.number = number;
    phone.hz = hz;
    const home = join(folder, `baresip-${number}`);
    mkdirSync(home, { recursive: true });
    const sayFile = join(home, 'say.wav');
    writeWav(sayFile, say ?? sine(hz, SAY_SECONDS, rateHz), rateHz);
    const base = await freePorts();
    writeFileSync(join(home, 'config'), configuration({ folder: home, address, sayFile, base, rateHz, settings }));
    writeFileSync(join(home, 'accounts'), `<sip:${number}@${address}>;regint=0;audio_codecs=${name}${account}\n`);
    for (const file of ['contacts', 'uuid']) writeFileSync(join(home, file), '');
    const [command, ...rest] = [...within, 'baresip', '-f', home];
    phone.child = new Child(command, rest, { stdin: 'pipe' });
    try {
      await phone.child.waitForOutput(READY);
      await phone.#connect(base + 2, address);
    } catch (error) {
      await phone.stop();
      throw error;
    }
    return phone;
  }

  #connect(port, address) {
    this.socket = net.connect(port, address);
    this.socket.on('data', (bytes) => this.#receive(bytes));
    const connected = new Promise((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.once('error', reject);
    });
    return bounded("baresip's control socket", connected).then(() => this.socket.on('error', () => {}));
  }

  #receive(bytes) {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const colon = this.#buffer.indexOf(':');
      if (colon < 0) return;
      const end = colon + 1 + Number(this.#buffer.subarray(0, colon));
      if (this.#buffer.length <= end) return;
      const message = JSON.parse(this.#buffer.subarray(colon + 1, end).toString());
      this.#buffer = this.#buffer.subarray(end + 1);
      if (message.response) this.#replies.get(message.token)?.(message);
      else {
        this.#events.push(message);
        for (const watch of this.#eventWatchers) watch(message);
      }
    }
  }

  async #command(command, params = '') {
    const token = String((this.#tokens += 1));
    const reply = new Promise((resolve) => this.#replies.set(token, resolve));
    this.socket.write(netstring({ command, params, token }));
    const answer = await bounded(`baresip to do ${command}`, reply);
    if (!answer.ok) throw new Error(`baresip would not ${command} ${params}: ${answer.data}`);
    return answer.data;
  }

  /** Resolves with the first event of one of `types` after the `since`-th. */
  #event(types, since, withinMs) {
    const before = this.#events.slice(since).find((event) => types.includes(event.type));
    if (before) return before;
    let watch;
    const event = new Promise((resolve) => {
      watch = (message) => types.includes(message.type) && resolve(message);
      this.#eventWatchers.add(watch);
    });
    return bounded(`${types.join(' or ')} at telephone ${this.number}`, event, withinMs)
      .catch((error) => {
        throw new Error(`${error.message}\n${this.tail()}`);
      })
      .finally(() => this.#eventWatchers.delete(watch));
  }

  /** Dials `number` and waits for the answer; then `recording` is what this telephone hears. `transport` is udp, tcp or tls. */
  async call(server, number, transport) {
    const ended = await this.tryCall(server, number, transport);
    if (ended) throw new Error(`the call of ${this.number} to ${number} was refused: ${ended}\n${this.tail()}`);
  }

  /** Dials `number`: `undefined` if it is answered, else why not (`603 Decline`). */
  async tryCall(server, number, transport = 'udp') {
    this.#callStart = this.#events.length;
    const printed = this.child.output.length;
    await this.#command('dial', server.uri(number, transport));
    const event = await this.#event(['CALL_ESTABLISHED', 'CALL_CLOSED'], this.#callStart, 10_000);
    if (event.type === 'CALL_CLOSED') return event.param;
    const found = () => this.child.output.slice(printed).match(/dumping decode audio to (\S+)/);
    const [, path] = await until('baresip to record', found);
    this.recording = new Recording(path);
    return undefined;
  }

  #callStart = 0;

  /** The server's port that this telephone hears from. */
  async mediaPort() {
    const [, port] = await this.child.waitForOutput(/receiving from 127\.0\.0\.1:(\d+)/);
    return Number(port);
  }

  /** Types digits as a person does: each key is released before the next. */
  async type(digits) {
    for (const digit of digits) {
      const printed = this.child.output.length;
      this.child.write(digit);
      const released = () => this.child.output.slice(printed).includes(`send DTMF digit end: '${digit}'`);
      await until(`baresip to send the digit ${digit}`, released);
    }
  }

  /** Stops or starts what this telephone says. Returns when it asked for it (ms, Unix time): sound follows at once. */
  async silence(on) {
    if (this.silent === on) throw new Error(`telephone ${this.number} is silent: ${on} already`);
    const at = Date.now();
    await this.#command('mute');
    this.silent = on;
    return at;
  }

  silent = false;

  /** Resolves with the reason once the call has ended. */
  async closed(withinMs = 10_000) {
    return (await this.#event(['CALL_CLOSED'], this.#callStart, withinMs)).param;
  }

  async hangUp() {
    await this.#command('hangup');
    await this.closed();
  }

  /** Waits for an account of the call by RTCP, as this telephone counts and hears it, that `matches`. Times are in µs. */
  async reports(matches, withinMs = 20_000) {
    const all = () => this.#events.slice(this.#callStart).flatMap((event) => event.rtcp_stats ?? []);
    const what = () => `telephone ${this.number} to see such reports; it saw ${JSON.stringify(all())}\n${this.tail()}`;
    return until(what, () => all().find(matches), { withinMs });
  }

  get inCall() {
    const types = this.#events.slice(this.#callStart).map((event) => event.type);
    return types.includes('CALL_ESTABLISHED') && !types.includes('CALL_CLOSED');
  }

  tail() {
    const status = /\r?\[\d+:\d\d:\d\d\][^\r\n]*\(bit\/s\)\s*/g;
    return `--- telephone ${this.number}\n${this.child.output.replace(status, '').split('\n').slice(-30).join('\n')}\n---`;
  }

  async stop() {
    this.socket?.destroy();
    await this.child?.stop();
  }
}
