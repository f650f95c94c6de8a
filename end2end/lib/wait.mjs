// Waiting for something to become true. No test sleeps for a time that it hopes is long enough.

const POLL_MS = 20;

/**
 * Polls `condition` until it returns something truthy, and returns that.
 * `what` completes "waited N s for …"; as a function it may say how far things got.
 */
export async function until(what, condition, { withinMs = 10_000, pollMs = POLL_MS } = {}) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) {
      throw new Error(`waited ${withinMs / 1000} s for ${typeof what === 'function' ? what() : what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Rejects if `promise` has not settled in time. */
export function bounded(what, promise, withinMs = 10_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${withinMs / 1000} s for ${what}`)), withinMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
