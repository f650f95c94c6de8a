// Children that cannot outlive the tests: each leads a process group, which is killed when its test ends, when this
// process ends, and when it is interrupted. Should this process be killed, the kernel kills the child (PR_SET_PDEATHSIG).

import { spawn } from 'node:child_process';
import { bounded } from './wait.mjs';

const OUTPUT_CHARS = 200_000;
const groups = new Set();

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

process.on('exit', () => groups.forEach((pid) => killGroup(pid, 'SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

/** One child, its collected output and its end. */
export class Child {
  output = '';
  #lineWatchers = new Set();

  constructor(command, args, { env, cwd, stdin = 'ignore' } = {}) {
    this.name = command.split('/').at(-1);
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
      detached: true,
      cwd,
      env: { ...process.env, ...env },
      stdio: [stdin, 'pipe', 'pipe'],
    });
    this.pid = this.process.pid;
    if (this.pid) groups.add(this.pid);
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => this.#collect(text));
    }
    /** Resolves with `{ code, signal }`; rejects if the program could not be started. */
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', (error) => reject(new Error(`cannot start ${command}: ${error.message}`)));
      this.process.once('close', (code, signal) => {
        groups.delete(this.pid);
        this.result = { code, signal };
        resolve(this.result);
      });
    });
    this.ended.catch(() => {});
  }

  #collect(text) {
    this.output = (this.output + text).slice(-OUTPUT_CHARS);
    for (const watch of this.#lineWatchers) watch();
  }

  get running() {
    return this.pid !== undefined && this.result === undefined;
  }

  /** Resolves with the match once the output holds `pattern`; fails if the program ends before. */
  waitForOutput(pattern, withinMs = 10_000) {
    let watch;
    const found = new Promise((resolve, reject) => {
      watch = () => {
        const match = this.output.match(pattern);
        if (match) resolve(match);
      };
      this.#lineWatchers.add(watch);
      const gone = () => {
        watch();
        reject(new Error(`${this.name} ended before it printed ${pattern}\n${this.tail()}`));
      };
      this.ended.then(gone, reject);
      watch();
    });
    return bounded(`${this.name} to print ${pattern}`, found, withinMs)
      .catch((error) => {
        throw new Error(`${error.message}\n${this.tail()}`);
      })
      .finally(() => this.#lineWatchers.delete(watch));
  }

  write(text) {
    this.process.stdin.write(text);
  }

  signal(name) {
    if (this.running) this.process.kill(name);
  }

  /** Ends the whole group: politely first, if `politelyMs` is given. */
  async stop({ politelyMs = 0 } = {}) {
    if (!this.running) return;
    if (politelyMs > 0) {
      this.signal('SIGTERM');
      await bounded(`${this.name} to end`, this.ended, politelyMs).catch(() => {});
    }
    if (this.running) killGroup(this.pid, 'SIGKILL');
    await bounded(`${this.name} to die`, this.ended, 5_000);
  }

  tail(lines = 40) {
    const text = this.output.trimEnd().split('\n').slice(-lines).join('\n');
    return `--- last output of ${this.name}\n${text}\n---`;
  }
}

/** Runs a program to its end; throws with its output unless it exits with 0. */
export async function run(command, args, { input, withinMs = 20_000, ...options } = {}) {
  const child = new Child(command, args, { ...options, stdin: input === undefined ? 'ignore' : 'pipe' });
  if (input !== undefined) child.process.stdin.end(input);
  try {
    const { code, signal } = await bounded(`${child.name} ${args.join(' ')}`, child.ended, withinMs);
    if (code !== 0) throw new Error(`${child.name} ${args.join(' ')} ended with ${code ?? signal}`);
  } catch (error) {
    throw new Error(`${error.message}\n${child.tail()}`);
  } finally {
    await child.stop();
  }
  return child.output;
}
