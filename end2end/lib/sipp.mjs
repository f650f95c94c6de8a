// SIPp, run with one scenario of ../sipp/ against the server.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './ports.mjs';
import { Child } from './process.mjs';
import { bounded } from './wait.mjs';

const SCENARIOS = join(import.meta.dirname, '../sipp');
const WITHIN_SECONDS = 30;

function logs(folder) {
  const read = (name) => {
    try {
      return readFileSync(join(folder, name), 'utf8');
    } catch {
      return '';
    }
  };
  return `--- SIPp's errors\n${read('errors.log').slice(-4000)}\n--- SIPp's messages\n${read('messages.log').slice(-6000)}`;
}

/** A running SIPp. `done` resolves with its messages once every call went as the scenario says, and rejects otherwise. */
export class Sipp {
  /**
   * `keys` fill `[name]` in the scenario, `replace` any other text in it (what SIPp reads before it fills keys: methods
   * and what it looks for). It calls from the address `from`; with `listen`, a port, it waits for the server instead.
   */
  static async start(
    server,
    scenario,
    { number = '3000', calls = 1, keys = {}, replace = {}, from = '127.0.0.1', listen, withinSeconds = WITHIN_SECONDS } = {},
  ) {
    const sipp = new Sipp();
    sipp.folder = mkdtempSync(join(server.folder, `sipp-${scenario}-`));
    let text = readFileSync(join(SCENARIOS, `${scenario}.xml`), 'utf8');
    for (const [from, to] of Object.entries(replace)) text = text.replaceAll(from, to);
    writeFileSync(join(sipp.folder, 'scenario.xml'), text);
    const port = listen ?? (await freePorts());
    sipp.mediaPort = port + 2;
    const pairs = Object.entries(keys).flatMap(([name, value]) => ['-key', name, String(value)]);
    sipp.child = new Child(
      'sipp',
      [
        ...['-sf', 'scenario.xml', '-s', number, '-m', String(calls), '-r', '20', '-i', from, '-p', String(port)],
        ...['-mi', from, '-mp', String(sipp.mediaPort), '-nostdin', '-recv_timeout', '15000'],
        ...['-timeout', `${withinSeconds}s`, '-timeout_error', '-trace_err', '-error_file', 'errors.log'],
        ...['-trace_msg', '-message_file', 'messages.log', ...pairs, ...(listen ? [] : [server.sip])],
      ],
      { cwd: sipp.folder, env: { TERM: 'dumb' } },
    );
    sipp.done = sipp.#finish(scenario, server, withinSeconds);
    sipp.done.catch(() => {});
    return sipp;
  }

  async #finish(scenario, server, withinSeconds) {
    try {
      const { code, signal } = await bounded(`SIPp's scenario ${scenario}`, this.child.ended, (withinSeconds + 5) * 1000);
      if (code !== 0) throw new Error(`SIPp's scenario ${scenario} failed (${code ?? signal})`);
    } catch (error) {
      throw new Error(`${error.message}\n${logs(this.folder)}\n${server.child.tail()}`);
    } finally {
      await this.child.stop();
    }
    return this.messages();
  }

  /** All that was sent and received so far. */
  messages() {
    return readFileSync(join(this.folder, 'messages.log'), 'utf8');
  }

  async stop() {
    await this.child.stop();
  }
}

/** Runs a scenario to its end; returns the messages. */
export async function sipp(server, scenario, options) {
  return (await Sipp.start(server, scenario, options)).done;
}

const does = (action) => `<nop><action><exec ${action}/></action></nop>`;

/** Makes `until-bye` say a file of raw µ-law, again and again. */
export const saying = (file) => ({
  '[media_port]': '[rtpstream_audio_port]',
  '<!-- DOES -->': does(`rtp_stream="${file},-1,0"`),
});

/** Makes `until-bye` say a file of raw A-law, again and again, and offer neither anything else nor telephone-events. */
export const sayingALaw = (file) => ({
  '[media_port]': '[rtpstream_audio_port]',
  'RTP/AVP 0 8 101': 'RTP/AVP 8',
  'a=rtpmap:0 PCMU/8000\n      ': '',
  'a=rtpmap:101 telephone-event/8000\n      a=fmtp:101 0-15\n      ': '',
  '<!-- DOES -->': does(`rtp_stream="${file},-1,8"`),
});

/** Makes `until-bye` type digits as RFC 4733 events. SIPp sends them from a raw socket, and always as payload type 96. */
export const typing = (digits) => ({
  'RTP/AVP 0 8 101': 'RTP/AVP 0 8 96',
  'rtpmap:101 telephone-event': 'rtpmap:96 telephone-event',
  'fmtp:101': 'fmtp:96',
  '<!-- DOES -->': does(`play_dtmf="${digits}"`),
});

/** Makes a scenario offer G.729 and G.723 alone. */
export const OTHER_CODECS = { 'RTP/AVP 0 8 101': 'RTP/AVP 18 4' };
